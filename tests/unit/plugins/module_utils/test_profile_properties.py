# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must hold for every profile and every state of the platform, not only for the ones that ship."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _profile
from hypothesis import given
from hypothesis import strategies as st

DIRECTIONS = {
    "up": ("int", "max"),
    "down": ("int", "min"),
    "on": ("bool", True),
    "off": ("bool", False),
    "level": ("int", "none"),
}
SCHEMA = _profile.Schema(
    {
        name: {"type": kind, "stronger": stronger, "tier": "api", "resource": "r", "path": f"deep.{name}"}
        for name, (kind, stronger) in DIRECTIONS.items()
    }
)
RANK = {"up": lambda value: value, "down": lambda value: -value, "on": lambda value: value, "off": lambda value: not value}
VALUES = {"int": st.integers(1, 50), "bool": st.booleans()}

settings = st.fixed_dictionaries({name: VALUES[kind] for name, (kind, _stronger) in DIRECTIONS.items()})
sparse = st.fixed_dictionaries({}, optional={name: VALUES[kind] for name, (kind, _stronger) in DIRECTIONS.items()})


def desired(profile):
    return _profile.resolve(SCHEMA, {"p": profile}, "p")


def applied(present, planned):
    return {**present, **planned["inputs"].get("r", {}).get("deep", {})}


def plan(profile, present, strengthen=True):
    return _profile.plan(SCHEMA, desired(profile), {"r": {"deep": present}}, strengthen)


@given(sparse, settings, st.booleans())
def test_after_a_plan_is_applied_nothing_differs(profile, present, strengthen):
    after = applied(present, plan(profile, present, strengthen))
    assert plan(profile, after, strengthen)["changes"] == []


@given(sparse, settings)
def test_the_ratchet_never_weakens(profile, present):
    after = applied(present, plan(profile, present))
    assert all(rank(after[name]) >= rank(present[name]) for name, rank in RANK.items())
    assert after["level"] == present["level"]


@given(sparse, sparse, settings)
def test_responding_twice_is_at_least_as_strong_as_once_in_any_order(one, other, present):
    first = applied(present, plan(one, present))
    both = applied(first, plan(other, first))
    second = applied(present, plan(other, present))
    assert both == applied(second, plan(one, second))


@given(sparse, settings)
def test_without_the_ratchet_the_platform_becomes_the_profile(profile, present):
    assert applied(present, plan(profile, present, strengthen=False)) == {**present, **profile}


@given(sparse)
def test_resolving_what_was_resolved_changes_nothing(profile):
    once = {name: setting.value for name, setting in desired(profile).items()}
    assert {name: setting.value for name, setting in desired(once).items()} == once


@given(sparse, sparse, sparse)
def test_a_sparse_layer_only_touches_what_it_names(base, override, single):
    resolved = _profile.resolve(SCHEMA, {"p": base}, "p", overrides={"p": override}, values=single)
    assert {name: setting.value for name, setting in resolved.items()} == {**base, **override, **single}
