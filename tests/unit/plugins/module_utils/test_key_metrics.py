# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key metrics around a step: what they are, that nobody waits for them, and that nothing fails for them."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _key_metrics,
    _lock,
    _process,
    _prometheus,
    _step,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

RECORD = "20261125-203107-incident-3f9a"
REPLICA = {"instance": "172.30.0.5:3000"}
OTHER = {"instance": "172.30.0.6:3000"}
SEEN = {
    "instances": [(REPLICA, 1), (OTHER, 1)],
    "cpu": [(REPLICA, 0.3), (OTHER, 0.5)],
    "requests": [({"route": "/e", "status_code": "200"}, 9), ({"route": "/e", "status_code": "500"}, 1), ({"route": "/health", "status_code": "200"}, 50)],
    "responses": [({"status": "200"}, 18), ({"status": "504"}, 2)],
    "latency": [({"le": "0.5"}, 9), ({"le": "1.0"}, 10), ({"le": "+Inf"}, 10)],
    "entry_latency": [({"le": "1.0"}, 0), ({"le": "2.0"}, 20), ({"le": "+Inf"}, 20)],
    "pool_used": [({"database": "shop", "user": "app"}, 80)],
    "pool_waiting": [({"database": "shop", "user": "app"}, 3)],
    "pool_size": [({"name": "shop"}, 100)],
}  # fmt: skip
ALL = {"requests": 20, "errors": 15.0, "p95": 1.95, "cpu": 0.4, "waiting": 3}
NONE = dict.fromkeys(ALL)
SOURCE = {"url": "http://p", "metrics": {}, "thresholds": {}}


@pytest.fixture
def prometheus(monkeypatch):
    """A Prometheus that knows SEEN; `slow` seconds to an answer. `asked` are its questions."""

    class Client:
        known, asked, slow = dict(SEEN), [], 0.0

        def __init__(self, url, timeout):
            self.timeout = timeout

        def get(self, path, parameters):
            time.sleep(min(self.slow, self.timeout))
            if self.slow > self.timeout:
                raise _prometheus.Unavailable("does not answer in time")
            self.asked.append((path, parameters))
            found = [({**labels, "part": part}, value) for part, entries in self.known.items() for labels, value in entries]
            return {"result": [{"metric": labels, "value": [100, str(value)]} for labels, value in found]}

    monkeypatch.setattr(_prometheus, "_Client", Client)
    return Client


def look(**corrections):
    return _key_metrics.look({**SOURCE, **corrections}, 1000.5, 1)


def test_five_figures_by_one_question(prometheus):
    assert look() == ALL
    [(path, parameters)] = prometheus.asked
    assert (path, parameters["time"]) == ("query", "1000.500")
    assert "label_replace(rate(smartsports_process_cpu_seconds_total[60s])" in parameters["query"]


@pytest.mark.parametrize(
    ("gone", "unseen"),
    [
        ({"instances"}, {"errors"}),
        ({"cpu"}, {"cpu"}),
        ({"requests"}, {"errors"}),
        ({"latency", "entry_latency"}, {"p95"}),
        ({"pool_used"}, {"waiting"}),
        (set(SEEN), set(ALL)),
    ],
)
def test_what_is_not_seen_is_null(prometheus, gone, unseen):
    prometheus.known = {name: entries for name, entries in SEEN.items() if name not in gone}
    assert {name for name, value in look().items() if value is None} == unseen


@pytest.mark.parametrize(
    ("counts", "p95"),
    [
        ([("0.5", 0), ("1.0", 100), ("+Inf", 100)], 0.975),
        ([("0.5", 96), ("+Inf", 100)], 0.495),
        ([("0.5", 10), ("10.0", 20), ("+Inf", 100)], 10.0),  # beyond the last bound nothing is known
        ([("0.5", 0.05), ("+Inf", 0.05)], None),  # three requests a minute
        ([("0.5", 0), ("+Inf", 0)], None),
    ],
)
def test_p95_lies_within_its_bucket(prometheus, counts, p95):
    prometheus.known = {**SEEN, "latency": [({"le": bound}, count) for bound, count in counts], "entry_latency": []}
    assert look()["p95"] == (None if p95 is None else pytest.approx(p95, abs=0.001))


def test_an_inventory_s_names_are_asked_for(prometheus):
    look(metrics={"cpu": "busy_seconds"}, thresholds={"max_age": 45})
    assert "rate(busy_seconds[60s]) and present_over_time(busy_seconds[45s])" in prometheus.asked[0][1]["query"]


@pytest.mark.parametrize(("url", "kept"), [("http://p:9090", "http://p:9090"), ("http://u:pw@p:9090", ""), ("", "")])
def test_no_password_goes_into_a_claim(url, kept):
    assert _key_metrics.source(url, {}, {})["url"] == kept


@pytest.fixture
def claim(state):
    run = {"run": "a", "playbook": "respond.yml", "who": "alice", "source": "person", "kind": "incident", "preemptible": False}
    _lock.acquire(state, {**run, "controller": _process.identity()}, 0)
    about = {"run": "a", "number": 1, "record": RECORD, "actor": "alice", "playbook": "respond.yml", "unreadable": {}}
    return {"state_directory": str(state.directory), "daemon": state.daemon, **about, "prometheus": SOURCE}


def step(claim, work=lambda: {"changed": True}):
    """How long a step takes."""
    began = time.monotonic()
    _step.guarded(claim, "cache_config", "api", work)
    return time.monotonic() - began


def told(state):
    return [(event["event"], event["metrics"]) for event in _journal.events(state, RECORD)]


def until(seen, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_step_tells_them_before_it_ends_and_at_its_end(state, claim, prometheus):
    def work():
        until(lambda: told(state)[-1] == ("metrics", {"before": ALL}))
        prometheus.known = {**SEEN, "cpu": [(REPLICA, 0.1)]}
        return {"changed": True}

    step(claim, work)
    assert told(state)[-1] == ("step-end", {"before": ALL, "after": {**ALL, "cpu": 0.1}})
    assert [event for event, _metrics in told(state)] == ["step-start", "metrics", "step-end"]
    before, after = (float(parameters["time"]) for _path, parameters in prometheus.asked)
    assert before < after < time.time()


def test_a_step_that_fails_has_them_too(state, claim, prometheus):
    def work():
        raise Refusal("no replica answers.")

    with pytest.raises(Refusal, match="no replica answers"):
        step(claim, work)
    assert told(state)[-1] == ("step-end", {"before": ALL, "after": ALL})


def test_a_platform_without_prometheus_has_none(state, claim, monkeypatch):
    monkeypatch.setattr(_key_metrics, "Started", None)  # nothing is even begun
    step({**claim, "prometheus": {**SOURCE, "url": ""}})
    assert told(state) == [("step-start", {}), ("step-end", {})]


def test_they_cost_a_step_little_where_prometheus_answers(claim, prometheus):
    prometheus.slow = 0.01
    without = min(step({**claim, "prometheus": {**SOURCE, "url": ""}}) for _round in range(5))
    assert min(step(claim) for _round in range(5)) - without < 0.05


def test_a_prometheus_that_hangs_costs_a_step_at_most_0_3_s(state, claim):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = {**SOURCE, "url": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        without = min(step({**claim, "prometheus": {**SOURCE, "url": ""}}) for _round in range(3))
        assert min(step({**claim, "prometheus": asked}) for _round in range(3)) - without < 0.3
    assert told(state)[-1] == ("step-end", {"before": NONE, "after": NONE})


def test_one_that_is_down_costs_a_step_nothing(state, claim):
    without = min(step({**claim, "prometheus": {**SOURCE, "url": ""}}) for _round in range(3))
    assert min(step({**claim, "prometheus": {**SOURCE, "url": "http://127.0.0.1:9"}}) for _round in range(3)) - without < 0.1
    assert told(state)[-1] == ("step-end", {"before": NONE, "after": NONE})


@pytest.mark.parametrize(
    "wrong", [{"metrics": {"cpus": "x"}}, {"thresholds": {"max_age": "old"}}, {"url": "no-url"}, {"metrics": 7}]
)
def test_what_cannot_be_asked_fails_no_step(state, claim, wrong):
    step({**claim, "prometheus": {**SOURCE, **wrong}})
    assert told(state)[-1] == ("step-end", {"before": NONE, "after": NONE})


def test_an_answer_that_comes_while_the_step_works_counts(state, claim, prometheus):
    prometheus.slow = 0.4
    step(claim, lambda: time.sleep(0.6) or {"changed": False})
    assert told(state)[-1] == ("step-end", {"before": ALL, "after": NONE})


def test_one_that_comes_too_late_is_told_by_nobody(state, claim, prometheus):
    prometheus.slow = 0.5
    step(claim)
    time.sleep(0.6)
    assert [event for event, _metrics in told(state)] == ["step-start", "step-end"]
