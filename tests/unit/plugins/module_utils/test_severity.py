# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runbook's severity table, row by row, and what must hold for any evidence."""

from __future__ import annotations

import math

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import (
    Latency,
    Reading,
    Reason,
    bottleneck,
    judge,
    judge_latency,
    overall,
    share_above,
    triggered,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import LEVELS, THRESHOLDS
from hypothesis import given
from hypothesis import strategies as st

LIMITS = THRESHOLDS["severity"]
ORDER = ["normal", "P2", "P1", "P0"]
INF = math.inf


@pytest.mark.parametrize(
    ("metric", "value", "severity"),
    [
        ("error_rate", 10.1, "P0"),
        ("error_rate", 10.0, "P1"),
        ("error_rate", 5.1, "P1"),
        ("error_rate", 5.0, "P2"),
        ("error_rate", 2.1, "P2"),
        ("error_rate", 2.0, "normal"),
        ("error_rate", 0.0, "normal"),
        ("cpu", 100.0, "P1"),
        ("cpu", 90.1, "P1"),
        ("cpu", 90.0, "P2"),
        ("cpu", 70.1, "P2"),
        ("cpu", 70.0, "normal"),
        ("memory", 95.0, "P1"),
        ("memory", 75.0, "P2"),
        ("memory", 50.0, "normal"),
        ("connections", 100.0, "P0"),
        ("connections", 95.0, "P1"),
        ("connections", 80.0, "P2"),
        ("connections", 60.0, "normal"),
        ("waiting_clients", 2.0, "P0"),
        ("waiting_clients", 0.0, "normal"),
        ("redis_memory", 100.0, "P0"),
        ("redis_refused", 1.0, "P0"),
        ("redis_refused", 0.0, "normal"),
        ("redis_hit_rate_drop", 11.0, "P0"),
        ("redis_hit_rate_drop", 10.0, "normal"),
        ("unavailable_features", 1.0, "P1"),
        ("unavailable_features", 0.0, "normal"),
        ("probe_failures", 100.0, "P0"),
        ("probe_failures", 33.3, "P2"),
        ("probe_failures", 0.0, "normal"),
        ("probe_time", 2.3, "P2"),
        ("probe_time", 0.1, "normal"),
        ("error_rate", None, "unknown"),
    ],
)
def test_severity_table(metric, value, severity):
    assert judge(Reading(metric, value), LIMITS[metric]).severity == severity


def histogram(*, over_2=0.0, over_5=0.0, over_10=0.0, rate=100.0, two=True):
    """Shares in percent above 2, 5 and 10 s; everything slow lies just above the bound."""
    buckets = {1.0: rate * (100 - over_2) / 100, 2.0: rate * (100 - over_2) / 100, 3.0: rate * (100 - over_5) / 100}
    buckets |= {
        5.0: rate * (100 - over_5) / 100,
        7.0: rate * (100 - over_10) / 100,
        10.0: rate * (100 - over_10) / 100,
        INF: rate,
    }
    if not two:
        del buckets[2.0]
    return Latency("response_time", buckets)


def latency(each):
    return judge_latency(each, LIMITS["response_time"], THRESHOLDS["share"], 0.1)


@pytest.mark.parametrize(
    ("shares", "severity"),
    [
        ({"over_2": 100, "over_5": 100, "over_10": 5.1}, "P0"),
        ({"over_2": 100, "over_5": 100, "over_10": 5.0}, "P1"),
        ({"over_2": 50, "over_5": 5.1}, "P1"),
        ({"over_2": 50, "over_5": 5.0}, "P2"),
        ({"over_2": 5.1}, "P2"),
        ({"over_2": 5.0}, "normal"),
        ({}, "normal"),
    ],
)
def test_latency_is_decided_by_the_share_above_a_bucket(shares, severity):
    assert latency(histogram(**shares)).severity == severity


def test_a_quantile_at_the_edge_does_not_decide():
    # 6% just above 5 s: interpolation puts p95 at 5.3 s or anywhere up to 7; the share says P1 and no more.
    assert latency(histogram(over_2=6, over_5=6)).severity == "P1"


def test_without_the_bucket_the_share_is_a_range():
    # 8% took between 1 s and 3 s: more than 2 s perhaps, perhaps not.
    undecided = latency(histogram(over_2=8, two=False))
    assert undecided.severity == "unknown"
    assert undecided.value == "0.0-8.0% over 2 s"
    assert "2 s" in undecided.note
    # Both ends of the range on one side decide.
    assert latency(histogram(over_2=3, two=False)).severity == "normal"
    assert latency(histogram(over_2=20, over_5=6, two=False)).severity == "P1"


def test_a_known_level_stands_beside_a_worse_one_that_is_possible():
    reason = latency(Latency("response_time", {5.0: 50, 7.0: 90, INF: 100}))  # no bucket at 10: between 0% and 10% above it
    assert (reason.severity, reason.note) == ("P1", "perhaps P0")


@pytest.mark.parametrize(
    ("buckets", "severity", "value"),
    [
        (None, "unknown", None),
        ({}, "normal", "no traffic"),
        ({2.0: 0.0, INF: 0.0}, "normal", "no traffic"),
        ({2.0: 0.0, INF: 0.05}, "normal", "too few requests"),
    ],
)
def test_no_traffic_is_not_missing_evidence(buckets, severity, value):
    reason = latency(Latency("response_time", buckets))
    assert (reason.severity, reason.value) == (severity, value)


def reasons(*severities):
    return [Reason("cpu", 1.0, "%", 1.0, severity, "", "") for severity in severities]


@pytest.mark.parametrize(
    ("severities", "severity"),
    [
        (["normal", "normal"], "normal"),
        (["normal", "unknown"], "unknown"),
        (["unknown", "P0", "unknown"], "P0"),
        (["P2", "P1", "normal"], "P1"),
        (["unknown", "P2"], "P2"),
    ],
)
def test_overall(severities, severity):
    assert overall(reasons(*severities)) == severity


@pytest.mark.parametrize(
    ("bad", "query_share", "tier"),
    [
        ({}, None, "none"),
        ({"cpu": "P1", "response_time": "P0"}, 0.9, "app"),
        ({"connections": "P0", "response_time": "P0", "cpu": "P1"}, None, "database"),
        ({"response_time": "P0"}, 0.8, "database"),
        ({"response_time": "P0"}, 0.1, "app"),
        ({"response_time": "P0"}, None, "app"),
        ({"redis_refused": "P0", "cpu": "P2"}, None, "cache"),
        ({"probe_failures": "P0"}, None, "entry"),
        ({"probe_time": "P2"}, None, "entry"),
        ({"error_rate": "P0"}, None, "app"),
        ({"app_connections": "P0", "cpu": "P1"}, 0.9, "app"),
        ({"app_connections": "P0"}, 0.9, "database"),
        ({"memory": "P1"}, None, "app"),
    ],
)
def test_bottleneck(bad, query_share, tier):
    given_reasons = [Reason(metric, 1.0, "", 1.0, severity, "", "") for metric, severity in bad.items()]
    assert bottleneck([*given_reasons, *reasons("normal", "unknown")], query_share) == tier


@pytest.mark.parametrize(("smallest", "fired"), [(70.1, True), (70.0, False), (None, None)])
def test_trigger(smallest, fired):
    assert triggered("cpu", 70, 300, smallest, "why")["fired"] is fired


values = st.floats(0, 1000)


@given(st.sampled_from(sorted(LIMITS)), values, values)
def test_a_higher_value_is_never_milder(metric, one, other):
    low, high = sorted((one, other))
    assert ORDER.index(judge(Reading(metric, low), LIMITS[metric]).severity) <= ORDER.index(
        judge(Reading(metric, high), LIMITS[metric]).severity
    )


counts = st.dictionaries(st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, INF]), st.integers(0, 50), min_size=1)


def cumulative(counts):
    total, buckets = 0, {}
    for bound in sorted({*counts, INF}):
        total += counts.get(bound, 0)
        buckets[bound] = float(total)
    return buckets


@given(counts, st.integers(0, 100))
def test_more_slow_requests_are_never_milder(found, more):
    before = latency(Latency("", cumulative(found)))
    after = latency(Latency("", cumulative({**found, INF: found.get(INF, 0) + more})))
    if "unknown" not in (before.severity, after.severity):
        assert ORDER.index(before.severity) <= ORDER.index(after.severity)
    if before.severity in LEVELS:
        assert after.severity in LEVELS


@given(counts, st.floats(0.01, 20))
def test_the_share_is_a_range_that_holds(found, limit):
    buckets = cumulative(found)
    if buckets[INF]:
        least, most = share_above(buckets, limit)
        assert 0 <= least <= most <= 100
        if limit in buckets:
            assert least == most


@given(st.lists(st.sampled_from([*ORDER, "unknown"]), max_size=8), st.sampled_from([*ORDER, "unknown"]))
def test_more_evidence_is_never_milder(severities, another):
    order = ["normal", "unknown", "P2", "P1", "P0"]
    assert order.index(overall(reasons(*severities, another))) >= order.index(overall(reasons(*severities)))
