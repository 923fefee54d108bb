# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module, with the schema and the profiles that ship."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.smartsports.scaling.plugins.module_utils import profile_plan
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import text

ROOT = Path(__file__).resolve().parents[4]
SCHEMA = yaml.safe_load((ROOT / "profiles" / "schema.yml").read_text())
SHIPPED = yaml.safe_load((ROOT / "profiles" / "profiles.yml").read_text())


def normal():
    """A platform that runs as profile normal says."""
    return {
        "app": {"replicas": 2},
        "rate-limits": {
            "search_endpoints": {"requests_per_minute": 600},
            "analytics_endpoints": {"requests_per_minute": 600},
            "non_essential_endpoints": {"enabled": True},
        },
        "queue-config": {
            "ticket_purchase_queue": {"enabled": False, "max_concurrent": 1000},
            "virtual_queue": {"enabled": False, "max_concurrent_users": 5000, "queue_timeout": 1800, "estimated_wait_time": True},
        },
        "feature-flags": dict.fromkeys(
            ("analytics_tracking", "recommendation_engine", "social_features", "email_notifications"), True
        ),
        "cache-config": {"event_list_ttl": 60, "venue_info_ttl": 300, "team_info_ttl": 300, "static_content_ttl": 1800},
        "payment-queue": {
            "enabled": False,
            "max_concurrent_payments": 1000,
            "retry_failed_payments": False,
            "queue_timeout": 600,
        },
        "performance-mode": {"high_performance_mode": False},
    }


def merge(target, patch):
    for key, value in patch.items():
        if isinstance(value, dict):
            merge(target[key], value)
        else:
            target[key] = value
    return target


def plan(observed=None, **options):
    defaults = {name: option.get("default") for name, option in profile_plan.SPEC["argument_spec"].items()}
    data = {
        "schema": SCHEMA,
        "profiles": SHIPPED["profiles"],
        "severities": SHIPPED["severities"],
        "observed": observed or normal(),
    }
    return profile_plan.run({**defaults, **data, **options}, False, silent)


def targets(result):
    return {name: entry["value"] for name, entry in result["target"].items()}


@pytest.mark.parametrize(("severity", "profile", "replicas"), [("P2", "elevated", 5), ("P1", "high", 8), ("P0", "overload", 10)])
def test_a_severity_selects_its_profile(severity, profile, replicas):
    result = plan(severity=severity)
    assert result["profile"] == profile
    assert result["inputs"]["app"] == {"replicas": replicas}


def test_the_runbooks_numbers_at_overload():
    assert plan(profile="overload")["inputs"] == {
        "app": {"replicas": 10},
        "rate-limits": {
            "search_endpoints": {"requests_per_minute": 30},
            "analytics_endpoints": {"requests_per_minute": 10},
            "non_essential_endpoints": {"enabled": False},
        },
        "queue-config": {"ticket_purchase_queue": {"enabled": True}, "virtual_queue": {"enabled": True}},
        "feature-flags": dict.fromkeys(
            ("analytics_tracking", "recommendation_engine", "social_features", "email_notifications"), False
        ),
        "cache-config": {"event_list_ttl": 300, "venue_info_ttl": 3600, "team_info_ttl": 3600, "static_content_ttl": 7200},
    }
    assert targets(plan(profile="overload"))["queue.purchase.max_concurrent"] == 1000
    assert targets(plan(profile="overload"))["queue.virtual.max_concurrent_users"] == 5000
    assert targets(plan(profile="overload"))["queue.virtual.timeout"] == 1800


def test_each_profile_is_stronger_than_the_one_before():
    platform = normal()
    for profile in SHIPPED["severities"].values():
        result = plan(platform, profile=profile)
        assert result["changes"]
        assert result["kept"] == []
        platform = merge(platform, result["inputs"])
        assert plan(platform, profile=profile)["changes"] == []


def test_normal_names_every_field_and_is_the_way_back():
    overloaded = merge(normal(), plan(profile="overload")["inputs"])
    back = plan(overloaded, profile="normal", strengthen=False)
    assert merge(overloaded, back["inputs"]) == normal()


def test_severity_normal_changes_nothing_but_what_is_named():
    assert plan(severity="normal")["changes"] == []
    assert plan(severity="normal", values="app.replicas=3")["inputs"] == {"app": {"replicas": 3}}


def test_severity_unknown_asks_for_a_profile():
    with pytest.raises(Refusal, match=r"severity is unknown.*-e profile=elevated \| high \| overload\.$"):
        plan(severity="unknown")
    assert plan(severity="unknown", profile="high")["profile"] == "high"


def test_values_that_were_named_need_no_severity():
    made = plan(severity="unknown", values="app.replicas=12")
    assert (made["profile"], [change["field"] for change in made["changes"]]) == ("", ["app.replicas"])
    assert made["report"]["title"] == "PLAN: single values: 1 change"


def test_a_profile_wins_over_the_severity():
    assert plan(severity="P2", profile="overload")["profile"] == "overload"


def test_more_replicas_than_the_profile_has_stay_and_the_report_says_so():
    result = plan({**normal(), "app": {"replicas": 10}}, profile="elevated")
    assert "app" not in result["inputs"]
    assert result["report"]["lines"] == [["stays, being stronger already: app.replicas 10 (not 5)", "warn"]]


@pytest.mark.parametrize(
    ("profile", "following"), [("normal", "elevated"), ("elevated", "high"), ("high", "overload"), ("overload", "")]
)
def test_the_next_profile_is_the_next_stronger_one(profile, following):
    assert plan(profile=profile)["next_profile"] == following


def test_the_way_back_covers_what_differs_from_normal_afterwards():
    assert plan(severity="normal")["away"] == {}
    assert plan(profile="elevated", tiers=["app"])["away"] == {"app.replicas": 2}
    overloaded = merge(normal(), plan(profile="overload")["inputs"])
    assert plan(overloaded, severity="normal")["away"] == plan(profile="overload")["away"] != {}
    assert plan(overloaded, profile="normal", strengthen=False)["away"] == {}


def test_every_shipped_profile_resolves():
    for profile in SHIPPED["profiles"]:
        assert targets(plan(profile=profile)).keys() == targets(plan(profile="normal")).keys()


def test_a_part_of_a_profile():
    result = plan(profile="high", fields=["shedding."])
    assert set(targets(result)) == {"shedding.search.rpm", "shedding.analytics.rpm", "shedding.non_essential.enabled"}
    assert set(result["inputs"]) == {"rate-limits"}
    assert result["report"]["title"] == "PLAN: profile high: 3 changes"
    assert targets(plan(profile="overload", fields=["flags.social_features"])) == {"flags.social_features": False}


def test_a_part_of_a_profile_is_corrected_by_the_inventory_and_by_single_values():
    overrides = {"high": {"shedding.search.rpm": 60, "app.replicas": 9}}
    result = plan(profile="high", fields=["shedding."], overrides=overrides, values="shedding.analytics.rpm=7")
    assert result["inputs"]["rate-limits"]["search_endpoints"] == {"requests_per_minute": 60}
    assert result["inputs"]["rate-limits"]["analytics_endpoints"] == {"requests_per_minute": 7}
    assert set(result["inputs"]) == {"rate-limits"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"profile": "high", "fields": ["flags.dark_mode"]},
            r"^'flags\.dark_mode' is no field of a profile; the known ones are app",
        ),
        ({"profile": "high", "fields": ["shed."]}, r"^'shed\.' is no field"),
        (
            {"profile": "high", "fields": ["cache."], "values": "app.replicas=9"},
            r"^app\.replicas was named, but only cache\. can be set here; for this one run playbooks/respond\.yml -e set=app\.replicas=9\.$",
        ),
        (
            {"strengthen": False, "fields": ["queue."], "values": "queue.virtual.max_concurrent_users=seven"},
            r"is 'seven' \(-e\), which is not a whole number",
        ),
        ({"strengthen": False, "fields": ["queue."]}, r"^neither a value nor a profile was named"),
    ],
)
def test_a_part_that_is_none_is_refused(options, sentence):
    with pytest.raises(Refusal, match=sentence):
        plan(**options)


def test_single_values_are_set_exactly_and_text_means_what_it_says():
    queued = merge(normal(), {"queue-config": {"virtual_queue": {"enabled": True}}, "app": {"replicas": 10}})
    result = plan(queued, strengthen=False, values="queue.virtual.enabled=false,app.replicas=2")
    assert result["inputs"] == {"queue-config": {"virtual_queue": {"enabled": False}}, "app": {"replicas": 2}}
    assert result["report"]["title"] == "PLAN: single values, exactly: 2 changes"


@pytest.mark.parametrize("profile", SHIPPED["severities"].values())
def test_every_change_can_be_undone_by_its_values_before(profile):
    planned = plan(profile=profile)
    before = ",".join(f"{change['field']}={text(change['from'])}" for change in planned["changes"])
    changed = merge(normal(), planned["inputs"])
    assert merge(changed, plan(changed, strengthen=False, values=before)["inputs"]) == normal()


def named(made, **more):
    """A plan as it was kept."""
    return {**made, "who": "alice@desk", "at": "2026-11-25T20:31:07Z", **more}


def test_a_named_plan_says_profile_values_tiers_and_direction():
    made = plan(severity="P2", values="app.replicas=7", tiers=["app"])
    again = plan(severity="unknown", named=named(made))
    assert (again["profile"], again["changes"], again["hash"]) == ("elevated", made["changes"], made["hash"])
    exact = plan(merge(normal(), {"app": {"replicas": 10}}), profile="normal", strengthen=False)
    assert plan(merge(normal(), {"app": {"replicas": 10}}), severity="P0", named=named(exact))["inputs"] == {
        "app": {"replicas": 2}
    }


def test_a_plan_of_a_calm_platform_stays_one_when_it_is_calm_no_longer():
    made = plan(severity="normal")
    assert (made["changes"], plan(severity="P0", named=named(made))["changes"]) == ([], [])


def test_a_named_plan_is_compared_with_a_snapshot_too():
    made = plan(profile="overload")
    snapshot = merge(normal(), {"app": {"replicas": 2}}) | {"pool": {"default_pool_size": 100}}
    snapshot["app"] |= {"cpus": "0.5", "memory": "512M"}
    assert plan(snapshot, named=named(made))["hash"] == made["hash"]


@pytest.mark.parametrize(
    ("drift", "options", "said"),
    [
        ({"app": {"replicas": 4}}, {}, r"app\.replicas was 2 and is 4;"),
        ({"cache-config": {"event_list_ttl": 90}}, {}, r"cache\.event_list_ttl was 60 and is 90;"),
        ({}, {"overrides": {"high": {"app.replicas": 9}}}, r"app\.replicas was to become 8 and would become 9;"),
    ],
)
def test_a_named_plan_is_refused_where_something_differs(drift, options, said):
    made = plan(profile="high")
    with pytest.raises(Refusal, match=said):
        plan(merge(normal(), drift), named=named(made), **options)


def test_a_named_plan_that_is_half_carried_out_is_finished():
    made = plan(profile="high")
    half = merge(normal(), {"cache-config": made["inputs"]["cache-config"]})
    rest = plan(half, named=named(made))
    assert rest["inputs"] == {name: patch for name, patch in made["inputs"].items() if name != "cache-config"}
    assert plan(merge(half, rest["inputs"]), named=named(made))["changes"] == []


@pytest.mark.parametrize("options", [{"profile": "high"}, {"values": "app.replicas=3"}, {"tiers": ["app"]}])
def test_what_a_named_plan_says_is_not_said_again(options):
    with pytest.raises(Refusal, match=r"^-e (profile|set|tiers)= was given beside plan [0-9a-f]{12}, which says"):
        plan(named=named(plan(profile="high")), **options)
