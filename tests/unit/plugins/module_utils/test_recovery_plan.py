# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stages of a recovery."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import recovery_plan
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils.recovery_plan import minutes

FEATURES = [["analytics_tracking", "email_notifications"], ["recommendation_engine", "social_features"]]


def change(setting, before, goal):
    return {"setting": setting, "from": before, "to": goal}


def planned(*changes, record="r", **options):
    defaults = {name: option.get("default") for name, option in recovery_plan.SPEC["argument_spec"].items()}
    plan = {"record": record, "changes": list(changes)}
    return recovery_plan.run({**defaults, "features": FEATURES, **options, "plan": plan}, False, silent)


def names(*changes, **options):
    return [stage["name"] for stage in planned(*changes, **options)["stages"]]


def test_replicas_then_features_then_the_rest_then_the_end():
    flags = [change(f"feature-flags.{name}", False, True) for group in FEATURES for name in group]
    stages = planned(change("cache-config.event_list_ttl", 300, 60), *flags, change("app.replicas", 10, 2))["stages"]
    assert [(stage["name"], stage["settle"], stage["replicas"]) for stage in stages] == [
        ("replicas 10 -> 6", 300, 6),
        ("replicas 6 -> 4", 300, 4),
        ("replicas 4 -> 2", 300, 2),
        ("features analytics_tracking, email_notifications", 300, 0),
        ("features recommendation_engine, social_features", 600, 0),
        ("the rest: 1 setting", 300, 0),
        ("the record is closed", 300, 0),
    ]
    assert stages[0]["values"] == {"app.replicas": 6} and stages[5]["fields"] == ["cache-config.event_list_ttl"]


@pytest.mark.parametrize(
    ("before", "goal", "expected"),
    [
        (5, 2, ["replicas 5 -> 4", "replicas 4 -> 2"]),
        (6, 5, ["replicas 6 -> 5"]),
        (3, 2, ["replicas 3 -> 2"]),
        (2, 2, ["replicas 2 -> 2"]),  # what a killed run left undone
        (2, 4, ["the rest: 1 setting"]),  # up is no risk
    ],
)
def test_the_way_from_where_the_replicas_are(before, goal, expected):
    assert names(change("app.replicas", before, goal)) == [*expected, "the record is closed"]


def test_the_second_group_of_features_keeps_its_distance_where_the_first_is_back_already():
    (stage, _end) = planned(change("feature-flags.social_features", False, True))["stages"]
    assert stage["settle"] == 600


def test_nothing_to_do_closes_the_record():
    assert names() == ["the record is closed"]


def test_times_may_be_text_and_fractions():
    plan = planned(change("app.replicas", 3, 2), quiet_minutes="0.5", between_minutes="0.1")
    assert (plan["quiet"], plan["stages"][0]["settle"]) == (30, pytest.approx(6))


@pytest.mark.parametrize("value", ["soon", -1, 1441, True, None, "nan"])
def test_no_time_is_refused(value):
    with pytest.raises(Refusal, match=f"recovery_quiet_minutes is '{value}', but must be a number of minutes"):
        minutes("recovery_quiet_minutes", value)


def test_no_record_is_refused():
    with pytest.raises(Refusal, match="no record is open"):
        planned(record="")
