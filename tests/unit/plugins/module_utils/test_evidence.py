# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _evidence
from ansible_collections.smartsports.scaling.plugins.module_utils._evidence import Limits
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation, Pool, Redis
from ansible_collections.smartsports.scaling.plugins.module_utils._probe import Probes
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import THRESHOLDS

LIMITS = {"a": Limits(0.5, 100.0), "b": Limits(0.5, 200.0)}


def observation(**parts):
    return Observation("prometheus", "1 min", 60, **parts)


def readings(seen, disabled=None):
    return {reading.metric: reading for reading in _evidence.readings(seen, LIMITS, disabled or {}, THRESHOLDS)}


def test_cpu_is_the_mean_and_memory_the_worst_in_percent_of_the_limits():
    found = readings(observation(cpu=[{"a": 0.5, "b": 0.25}], memory=[{"a": 90.0, "b": 90.0}]))
    assert found["cpu"].value == 75
    assert found["memory"].value == 90


def test_a_replica_that_is_gone_counts_with_the_usual_limit():
    assert readings(observation(cpu=[{"gone": 0.25}]))["cpu"].value == 50


@pytest.mark.parametrize("metric", ["error_rate", "cpu", "memory", "connections", "redis_memory", "unavailable_features"])
def test_what_was_not_seen_has_no_value(metric):
    assert readings(observation())[metric].value is None


def rate(requests, responses=None):
    return _evidence.error_rates(observation(requests=[requests], responses=responses and [responses]), THRESHOLDS)[-1]


@pytest.mark.parametrize(
    ("requests", "responses", "percent"),
    [
        ({("/e", "200"): 90, ("/e", "500"): 10}, None, 10),
        ({("/e", "200"): 90, ("/e", "503"): 10}, {"200": 90, "503": 10}, 10),
        ({("/e", "200"): 50}, {"200": 50, "504": 30, "502": 20}, 50),  # nginx gave up on half of them
        ({("/e", "200"): 50, ("/e", "502"): 50}, {"200": 50, "502": 50}, 50),  # passed through: counted once
        ({("/e", "200"): 50, ("/e", "429"): 950}, {"200": 50, "429": 950}, 0),  # shed is not failed
        ({("/e", "200"): 45, ("/e", "500"): 5, ("/e", "429"): 500, ("/e", "202"): 450}, None, 10),  # nor does it dilute
        ({("/e", "500"): 10, ("/health", "200"): 990}, None, 100),  # machines' requests do not dilute either
        ({("/e", "404"): 100}, None, 0),
        ({}, None, 0),
        ({}, {"504": 10}, 100),
        ({("/e", "500"): 0.05}, None, 0),  # three requests are no share
    ],
)
def test_error_rate(requests, responses, percent):
    assert rate(requests, responses) == pytest.approx(percent)


def test_a_counter_without_requests_is_no_errors():
    assert readings(observation(requests=[]))["error_rate"].value == 0


def test_held_back_stands_apart():
    note = readings(observation(requests=[{("/e", "200"): 5.0, ("/e", "429"): 3.0}]))["error_rate"].note
    assert note == "held back on purpose: 3.0 a second"


BROKEN = {("/api/v1/recommendations", "500"): 4.0, ("/api/v1/events", "200"): 4.0, ("/health", "503"): 9.0}


def test_a_route_that_only_fails_is_an_unavailable_feature():
    found = readings(observation(requests=[BROKEN]))["unavailable_features"]
    assert (found.value, found.note) == (1, "/api/v1/recommendations")


def test_a_feature_that_we_disabled_is_not_unavailable():
    off = {"/api/v1/recommendations.*": "recommendation_engine"}
    found = readings(observation(requests=[BROKEN]), off)["unavailable_features"]
    assert found.value == 0
    assert "recommendation_engine" in found.note


def test_shed_routes_are_not_unavailable():
    assert readings(observation(requests=[{("/api/v1/social/feed", "429"): 9.0}]))["unavailable_features"].value == 0


@pytest.mark.parametrize(
    ("redis", "expected"),
    [
        (Redis(100, 100, "allkeys-lru", 0, 0, 90, 90), (0, 0, 0)),  # full and healthy
        (Redis(100, 100, "allkeys-lru", 50, 0, 90, 90), (0, 0, 0)),  # evicting what nobody misses
        (Redis(100, 100, "allkeys-lru", 50, 0, 60, 90), (0, 0, 30)),  # evicting what is missed
        (Redis(50, 100, "allkeys-lru", 0, 0, 60, 90), (0, 0, 0)),  # a cold cache evicts nothing
        (Redis(100, 100, "noeviction", 0, 2, 90, 90), (100, 120, 0)),
        (Redis(100, 100, "volatile-lru", 0, 0, 90, 90), (100, 0, 0)),
        (Redis(100, 100, "", 0, 0, 90, 90), (None, 0, 0)),
        (Redis(100, 0, "noeviction", 0, 0, None, None), (0, 0, 0)),  # without a limit
        (Redis(100, 100, "allkeys-lru", 50, 0, None, 90), (0, 0, 0)),  # nobody reads
    ],
)
def test_redis(redis, expected):
    found = readings(observation(redis=redis))
    assert tuple(found[name].value for name in ("redis_memory", "redis_refused", "redis_hit_rate_drop")) == expected


def test_pool():
    found = readings(observation(pool=Pool(100, 85, 3)))
    assert (found["connections"].value, found["waiting_clients"].value) == (85, 3)


def test_the_worst_replica_counts_for_its_own_pool():
    assert readings(observation(app_pool={"a": 20.0, "b": 100.0}))["app_connections"].value == 100
    assert "app_connections" not in readings(observation())


def sustained(name, **parts):
    return _evidence.sustained(name, observation(**parts), LIMITS, THRESHOLDS)


def test_a_trigger_takes_the_smallest_value_of_its_window():
    window = [{"a": 0.5}] * 17  # 60 s and 16 steps of 15 s: five minutes
    assert sustained("cpu", cpu=window) == (100, "")
    assert sustained("cpu", cpu=[*window[:8], {"a": 0.25}, *window[:8]]) == (50, "")


def test_a_window_that_was_not_seen_as_a_whole_proves_nothing():
    value, why = sustained("cpu", cpu=[{"a": 0.5}] * 9)
    assert value is None
    assert why == "only 180 of 300 s seen"


def test_memory_errors_and_connections_have_windows_of_their_own():
    assert sustained("memory", memory=[{"a": 90.0, "b": 20.0}] * 9) == (90, "")
    assert sustained("memory", memory=[{"a": 90.0}] * 8)[0] is None
    assert sustained("error_rate", requests=[{("/e", "500"): 1.0}] * 5) == (100, "")
    assert sustained("error_rate", requests=[{("/e", "500"): 1.0}] * 4)[0] is None
    assert sustained("connections", pool=Pool(100, 85, 0, [85.0])) == (85, "")


def test_a_moment_is_no_window():
    seen = Observation("direct", "0.6 s", 0.6, cpu=[{"a": 0.5}])
    assert _evidence.sustained("cpu", seen, LIMITS, THRESHOLDS) == (None, "only 0.6 s of 300 s seen")


def test_probes():
    failed, time = _evidence.probed(Probes(3, ("answered 503",), 2.3, 2), "http://entry/")
    assert failed.value == pytest.approx(33.3, abs=0.1)
    assert "503" in failed.note
    assert (time.value, time.note) == (2.3, "2 of 3 still waiting")
    assert len(_evidence.probed(Probes(3, ("refused",) * 3, None, 0), "http://entry/")) == 1
