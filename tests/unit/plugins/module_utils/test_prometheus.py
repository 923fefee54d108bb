# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _prometheus
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS

INSTANCE = {"instance": "172.30.0.5:3000"}


def vector(*entries):
    return {"resultType": "vector", "result": [{"metric": labels, "value": [100, str(value)]} for labels, value in entries]}


def matrix(*entries):
    return {
        "resultType": "matrix",
        "result": [
            {"metric": labels, "values": [[15 * at, str(value)] for at, value in enumerate(values)]} for labels, values in entries
        ],
    }


ANSWERS = {
    "instances": vector((INSTANCE, 1)),
    "cpu": matrix((INSTANCE, [0.1, 0.2])),
    "memory": matrix((INSTANCE, [10, 20])),
    "requests": matrix(({"route": "/e", "status_code": "200"}, [5, 6])),
    "latency": vector(({"le": "2.0"}, 9), ({"le": "+Inf"}, 10)),
    "responses": matrix(({"status": "504"}, [1, 2])),
    "entry_latency": vector(({"le": "+Inf"}, 10)),
    "app_pool": vector((INSTANCE, 40)),
    "pool_used": vector(({"database": "shop", "user": "app"}, 80), ({"database": "pgbouncer", "user": "pgbouncer"}, 1)),
    "pool_waiting": vector(({"database": "shop", "user": "app"}, 2)),
    "pool_size": vector(({"name": "shop"}, 100), ({"name": "pgbouncer"}, 2)),
    "redis_used": vector(({}, 50)),
    "redis_maximum": vector(({}, 100)),
    "redis_info": vector(({"maxmemory_policy": "allkeys-lru"}, 1)),
    "redis_evicted": vector(({}, 3)),
    "redis_refused": vector(),
    "redis_hit_rate": vector(({}, 90)),
    "redis_usual_hit_rate": vector(({}, "NaN")),
    "query_share": vector(({}, 0.25)),
    "family:requests": {"smartsports_http_requests_total": [{}]},
    "family:latency": {"smartsports_http_request_duration_seconds": [{}]},
}


def observe(**different):
    """What is observed of a Prometheus with these answers; an exception is raised by its query."""
    expressions = _prometheus.queries(METRICS, THRESHOLDS)
    names = {(expression, history < 0): name for name, (expression, history) in expressions.items()}
    answers = {**ANSWERS, **different}

    def get(path, parameters):
        answer = answers[names[parameters.get("query") or parameters["metric"], path == "metadata"]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return _prometheus.observe("http://p", METRICS, THRESHOLDS, 2, get)


def test_everything_is_understood():
    seen = observe()
    assert seen.instances == {"172.30.0.5"}
    assert seen.cpu == [{"172.30.0.5": 0.1}, {"172.30.0.5": 0.2}]
    assert seen.requests[-1] == {("/e", "200"): 6}
    assert seen.responses[-1] == {"504": 2}
    assert seen.latency == {2.0: 9, float("inf"): 10}
    assert (seen.pool.size, seen.pool.used, seen.pool.waiting) == (100, 80, 2)
    assert (seen.redis.policy, seen.redis.evicted, seen.redis.refused, seen.redis.hit_rate) == ("allkeys-lru", 3, 0, 90)
    assert seen.redis.usual_hit_rate is None
    assert seen.app_pool == {"172.30.0.5": 40}


def test_no_traffic_yields_no_nan():
    empty = {"requests": vector(), "latency": vector(), "query_share": vector(({}, "NaN"))}
    seen = observe(**empty)
    assert (seen.requests, seen.latency, seen.query_share) == ([], {}, None)


def test_a_family_that_nobody_exposes_is_missing():
    seen = observe(**{"requests": vector(), "family:requests": {}})
    assert seen.requests is None
    assert "no sample" in seen.missing["requests"]


def test_stale_replicas_prove_nothing():
    seen = observe(instances=vector(), cpu=vector(), memory=vector())
    assert (seen.instances, seen.cpu, seen.requests, seen.latency) == (set(), None, None, None)
    assert "last 15 s" in seen.missing["cpu"]


def test_one_query_that_fails_leaves_the_others():
    seen = observe(cpu=_prometheus.Unavailable("answered 422: bad"), pool_size={"result": "nonsense"})
    assert seen.cpu is None
    assert seen.missing["cpu"] == "Prometheus answered 422: bad"
    assert seen.pool is None
    assert seen.memory


def test_an_idle_pooler_has_a_size_and_no_use():
    seen = observe(pool_used=vector(({"database": "pgbouncer", "user": "pgbouncer"}, 0)), pool_waiting=vector())
    assert (seen.pool.size, seen.pool.used) == (100, 0)


def test_every_query_demands_fresh_samples_where_its_source_is_alone():
    for name, (expression, _history) in _prometheus.queries(METRICS, THRESHOLDS).items():
        if name in ("cpu", "memory", "responses", "pool_used", "pool_waiting", "pool_size", "redis_used", "redis_info"):
            assert "present_over_time" in expression and "[15s]" in expression


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body, delay = self.server.answer
        time.sleep(delay)
        self.server.asked.append(parse_qs(urlsplit(self.path).query))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *arguments: None  # a client that went away is what the test wants
    server.asked = []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, b"", 0), "401"),
        ((403, b"<html>", 0), "403"),
        ((200, b"<html>", 0), "not as Prometheus does"),
        ((200, b"[1]", 0), "not as Prometheus does"),
        ((200, b'{"data": 1}', 0), "not as Prometheus does"),
        ((302, b"", 0), "302"),
        ((503, json.dumps({"status": "error", "error": "starting"}).encode(), 0), "503: starting"),
        ((200, b"", 1.5), "within 0.5 s|in time"),
    ],
)
def test_a_prometheus_that_does_not_work_is_one_clause(server, answer, says):
    server.answer = answer
    began = time.monotonic()
    with pytest.raises(_prometheus.Unavailable, match=says) as unavailable:
        _prometheus.observe(server.url, METRICS, THRESHOLDS, 0.5)
    assert time.monotonic() - began < 1.4
    assert "\n" not in str(unavailable.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "no-url", "http://[", "http://user:secret@127.0.0.1:9"])
def test_a_url_that_leads_nowhere(url):
    with pytest.raises(_prometheus.Unavailable) as unavailable:
        _prometheus.observe(url, METRICS, THRESHOLDS, 0.5)
    assert "secret" not in str(unavailable.value)


def test_a_password_in_the_url_is_not_shown():
    assert _prometheus.named("http://user:secret@host:9090/p") == "http://host:9090/p"


@pytest.mark.parametrize(("instance", "host"), [("10.0.0.1:3000", "10.0.0.1"), ("[::1]:3000", "::1"), ("app", "app")])
def test_host(instance, host):
    assert _prometheus.host(instance) == host
