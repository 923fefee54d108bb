# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether load was low all the time, and still is."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _quiet
from ansible_collections.smartsports.scaling.plugins.module_utils._evidence import Limits
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation, Pool
from ansible_collections.smartsports.scaling.plugins.module_utils._quiet import Condition, conditions, projected, reasons, verdict
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import Reason
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import THRESHOLDS

LIMITS = {"a": Limits(0.5, 100.0), "b": Limits(0.5, 100.0)}
SECONDS = 90  # three points: 60, 75 and 90 s


def seen(**parts):
    calm = {
        "cpu": [{"a": 0.05, "b": 0.05}] * 3,
        "memory": [{"a": 40.0, "b": 50.0}] * 3,
        "requests": [{("/", "200"): 2.0}] * 3,
        "latency": {2.0: 2.0, float("inf"): 2.0},
        "latencies": [[{2.0: 2.0, float("inf"): 2.0}] * 3],
        "pool": Pool(10, 1, 0, [1.0, 1.0, 1.0]),
        "instances": {"a", "b"},
    }
    return Observation("prometheus", "1 min", 60, **{**calm, **parts})


def found(observation, replicas=0, seconds=SECONDS):
    spans = _quiet.spanning(THRESHOLDS, seconds)
    return {each.name: each for each in conditions(observation, LIMITS, spans, seconds, replicas)}


def reason(metric, severity):
    return Reason(metric, 95.0, "%", 90, severity, "prometheus", "1 min")


def test_low_load_is_below_every_trigger():
    met = found(seen())
    assert {name: each.value for name, each in met.items()} == {
        "cpu": 10, "memory": 50, "slow": 0, "errors": 0, "connections": 10,
    }  # fmt: skip
    assert not any(each.high or each.left for each in met.values())


@pytest.mark.parametrize(
    ("name", "parts", "value", "left"),
    [
        ("cpu", {"cpu": [{"a": 0.4}, {"a": 0.1}, {"a": 0.1}]}, 80, 60),
        ("cpu", {"cpu": [{"a": 0.1}, {"a": 0.1}, {"a": 0.4}]}, 80, 90),
        ("memory", {"memory": [{"a": 81.0}, {"a": 10.0}, {"a": 10.0}]}, 81, 60),
        ("errors", {"requests": [{("/", "500"): 1.0, ("/", "200"): 9.0}, {("/", "200"): 9.0}]}, 10, 75),
        ("slow", {"latencies": [[{2.0: 9.0, float("inf"): 10.0}, {2.0: 9.0, float("inf"): 9.0}]]}, 10, 75),
        ("slow", {"latencies": [[{2.0: 9.0}], [{2.0: 5.0, float("inf"): 10.0}]]}, 50, 90),
        ("connections", {"pool": Pool(10, 1, 0, [9.0, 1.0, 1.0])}, 90, 60),
    ],
)
def test_one_moment_above_its_limit_is_not_quiet_until_it_is_out_of_view(name, parts, value, left):
    condition = found(seen(**parts))[name]
    assert condition.high and condition.value == pytest.approx(value)
    assert condition.left == left


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("cpu", {"cpu": None}),
        ("memory", {"memory": None}),
        ("connections", {"pool": None}),
        ("slow", {"latency": None}),
        ("errors", {"requests": None}),
    ],
)
def test_a_metric_that_is_missing_is_known_as_such(name, parts):
    condition = found(seen(**parts, missing={"cpu": "Prometheus has no sample"}))[name]
    assert condition.value is None and not condition.high
    assert condition.note == ("Prometheus has no sample" if name == "cpu" else "not found")


def test_a_gap_in_the_history_is_missing_but_what_is_seen_to_be_high_is_known():
    condition = found(seen(cpu=[{"a": 0.1}] * 2))["cpu"]
    assert (condition.value, condition.note, condition.left) == (None, "only 75 of 90 s seen", 15)
    assert found(seen(cpu=[{"a": 0.4}] * 2))["cpu"].high


def test_counters_without_a_request_and_a_pool_without_a_client_are_quiet():
    met = found(seen(requests=[], latency={}, latencies=[], pool=Pool(10, 0, 0, [0.0])))
    assert [met[name].value for name in ("errors", "slow", "connections")] == [0, 0, 0]


def test_fewer_replicas_would_have_used_more_whatever_their_number_was():
    ten = [{str(number): 0.1 for number in range(10)}, {"a": 0.5, "b": 0.5}]
    assert projected(seen(cpu=ten), LIMITS, 4) == [pytest.approx(50), pytest.approx(50)]
    assert found(seen(cpu=ten * 2), replicas=2)["projected cpu"].high
    assert "projected cpu" not in found(seen())


def test_the_last_minute_is_judged_as_an_assessment_does():
    judged = reasons(seen(cpu=[{"a": 0.46, "b": 0.46}]), LIMITS, {}, THRESHOLDS, 3, 2)
    by = {each.metric: each for each in judged}
    assert (by["cpu"].severity, by["replicas"].severity, by["replicas"].note) == ("P1", "unknown", "2 of 3 seen")


CALM, GAP, HIGH = Condition("cpu", 10.0, 70), Condition("memory", None, 80, 30, "gone"), Condition("cpu", 80.0, 70, 45)


@pytest.mark.parametrize(
    ("met", "judged", "left", "watch", "overridden", "expected"),
    [
        ([CALM], [], 0, False, False, ("pass", "low load", 0)),
        ([CALM], [], 12, False, False, ("hold", "time since the last change", 12)),
        ([HIGH], [], 0, True, True, ("hold", "cpu was 80%, above 70%", 45)),
        ([CALM, GAP], [], 0, False, False, ("hold", "missing: memory (gone)", 30)),
        ([CALM, GAP], [], 0, False, True, ("pass", "went on without memory (gone)", 0)),
        ([CALM, GAP], [], 9, False, True, ("hold", "time since the last change", 9)),
        ([CALM], [reason("replicas", "unknown")], 0, True, False, ("hold", "missing: replicas", 0)),
        ([CALM], [reason("cpu", "P1")], 0, False, True, ("hold", "cpu is P1 (95 %)", 0)),
        ([CALM], [reason("cpu", "P1"), reason("memory", "normal")], 0, True, True, ("worse", "cpu is P1 (95 %)", 0)),
    ],
)  # fmt: skip
def test_verdict(met, judged, left, watch, overridden, expected):
    assert verdict(met, judged, left, watch, overridden) == expected


def test_what_is_missing_for_the_same_reason_is_told_together():
    assert _quiet.missing([GAP, Condition("slow", None, 5, 0, "gone")], [reason("response_time", "unknown")]) == [
        "memory, slow (gone)"
    ]
