# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A profile as merge patches: the chain, with the inventory's corrections, each value at its place."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.filter.profile_patches import profile_patches
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

SCHEMA = {
    "app.replicas": {"type": "int", "stronger": "max", "tier": "app", "resource": "app", "path": "replicas"},
    "search.rpm": {
        "type": "int",
        "stronger": "min",
        "tier": "api",
        "resource": "rate-limits",
        "path": "search.requests_per_minute",
    },
    "flags.*": {"type": "bool", "stronger": False, "tier": "api", "resource": "feature-flags", "path": "*"},
}
PROFILES = {
    "normal": {"app.replicas": 2, "search.rpm": 600, "flags.social": True},
    "high": {"extends": "normal", "search.rpm": 30},
}


def test_a_profile_is_complete():
    assert profile_patches(PROFILES, "high", SCHEMA, {}) == {
        "app": {"replicas": 2},
        "rate-limits": {"search": {"requests_per_minute": 30}},
        "feature-flags": {"social": True},
    }


def test_the_inventory_corrects_it():
    patches = profile_patches(PROFILES, "high", SCHEMA, {"normal": {"app.replicas": "3"}, "high": {"flags.social": "no"}})
    assert (patches["app"], patches["feature-flags"]) == ({"replicas": 3}, {"social": False})


def test_a_profile_that_is_none_is_refused():
    with pytest.raises(Refusal, match="there is no profile 'overlaod'"):
        profile_patches(PROFILES, "overlaod", SCHEMA, {})
