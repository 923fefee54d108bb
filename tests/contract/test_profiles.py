# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The profiles' schema, the admin API's contract and the documentation say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "profiles" / "schema.yml").read_text())
PROFILES = yaml.safe_load((ROOT / "profiles" / "profiles.yml").read_text())["profiles"]
API = yaml.safe_load((ROOT / "docs" / "admin-api.openapi.yaml").read_text())["components"]["schemas"]

CONTRACT = {
    "rate-limits": "RateLimits",
    "queue-config": "QueueConfig",
    "feature-flags": "FeatureFlags",
    "cache-config": "CacheConfig",
    "payment-queue": "PaymentQueue",
    "performance-mode": "PerformanceMode",
}


def api_fields():
    """Every leaf of the resources that profiles set, by (resource, path)."""

    def leaves(schema, path=()):
        for name, member in schema["properties"].items():
            yield from leaves(member, (*path, name)) if "properties" in member else [(".".join((*path, name)), member)]

    return {(resource, path): leaf for resource, name in CONTRACT.items() for path, leaf in leaves(API[name])}


def profile_fields():
    """Every field that normal names, with its schema entry, by (resource, path)."""
    found = {}
    for field, value in PROFILES["normal"].items():
        stem, _dot, last = field.rpartition(".")
        entry = SCHEMA.get(field) or SCHEMA[f"{stem}.*"]
        found[entry["resource"], entry["path"].replace("*", last)] = (entry, value)
    return found


@pytest.mark.parametrize("place", api_fields(), ids=".".join)
def test_normal_and_the_schema_agree_with_the_admin_api(place):
    leaf = api_fields()[place]
    entry, normal = profile_fields()[place]
    assert entry["type"] == {"integer": "int", "boolean": "bool"}[leaf["type"]]
    assert (entry.get("min"), entry.get("max")) == (leaf.get("minimum"), leaf.get("maximum"))
    assert normal == leaf["default"]


def test_profiles_set_nothing_else_than_the_admin_api_and_replicas():
    assert set(profile_fields()) == {*api_fields(), ("app", "replicas")}


def test_the_documentation_has_the_schema_as_it_is():
    rows = ["| field | type | range | stronger is | tier | unit |", "|---|---|---|---|---|---|"]
    for field, entry in SCHEMA.items():
        bounds = f"{entry['min']} to {entry['max']}" if "min" in entry else ""
        cells = [f"`{field}`", entry["type"], bounds, str(entry["stronger"]).lower(), entry["tier"], entry.get("unit", "")]
        rows.append("| " + " | ".join(cells) + " |")
    assert "\n".join(rows) in (ROOT / "docs" / "profiles.md").read_text()


@pytest.mark.parametrize("profile", PROFILES)
def test_the_documentation_names_every_profile(profile):
    assert profile in (ROOT / "docs" / "profiles.md").read_text()
