"""The load generator is honest: open loop, bounded, only against this machine, and it tells failures from refusals."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.load import record
from lab.load.plan import Plan, PlanError
from lab.load.record import Sample
from lab.load.site import Site, _verdict

ROOT = Path(__file__).resolve().parents[2]


def plan(**changes) -> Plan:
    return Plan(**{"target": "http://127.0.0.1:8080", "rate": 20, "seconds": 10, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": "http://192.0.2.1:80"}, "loopback"),
        ({"target": "127.0.0.1:8080"}, "must be a URL"),
        ({"target": "ftp://127.0.0.1"}, "must be a URL"),
        ({"rate": 0}, "rate is 0"),
        ({"rate": 1e6}, "rate is 1e\\+06"),
        ({"seconds": 1e6}, "seconds is"),
        ({"rate": 300, "seconds": 900}, "arrivals"),
        ({"crowd": "mob"}, "crowd is 'mob'"),
        ({"arrivals": "sometimes"}, "arrivals is 'sometimes'"),
    ],
)
def test_what_is_refused(changes: dict, says: str):
    with pytest.raises(PlanError, match=says):
        plan(**changes).checked()


def test_the_schedule_is_fixed_by_the_plan():
    assert plan().schedule() == plan().schedule()
    assert plan().schedule() != plan(seed=2).schedule()


def test_arrivals_have_the_asked_rate():
    assert len(plan(arrivals="even").schedule()) in (199, 200)
    assert 1800 < len(plan(seconds=100).schedule()) < 2200
    assert all(later.at >= earlier.at for earlier, later in zip(plan().schedule(), plan().schedule()[1:], strict=False))


def test_bots_are_few_and_busy():
    arrivals = plan(seconds=100).schedule()
    bots = [arrival for arrival in arrivals if arrival.kind == "bot"]
    assert len({arrival.client for arrival in bots}) <= 4
    assert len(bots) > len(arrivals) / 4


@pytest.mark.parametrize(
    ("status", "raw", "headers", "outcome"),
    [
        (200, b"{}", {}, "ok"),
        (201, b'{"order_id": 1}', {}, "ok"),
        (200, b'{"enabled": false}', {}, "off"),
        (202, b'{"token": "t"}', {"Retry-After": "3"}, "queued"),
        (202, b"{}", {}, "failed"),
        (402, b"{}", {}, "declined"),
        (409, b"{}", {}, "declined"),
        (429, b"{}", {"Retry-After": "3"}, "limited"),
        (429, b"{}", {"Retry-After": "soon"}, "failed"),
        (500, b"", {}, "failed"),
        (504, b"<html>", {}, "failed"),
        (404, b"{}", {}, "failed"),
    ],
)
def test_the_verdict_on_an_answer(status: int, raw: bytes, headers: dict, outcome: str):
    answer, reason = _verdict(status, raw, headers, ())
    assert answer.outcome == outcome
    assert bool(reason) == (outcome == "failed")


def test_a_missing_member_is_a_broken_contract():
    answer, reason = _verdict(201, b'{"order_id": 1}', {}, ("order_id", "seat"))
    assert (answer.outcome, reason) == ("failed", "contract: seat is missing")


def test_refusals_do_not_flatter_the_latency():
    samples = [
        Sample(at=1, latency=4.0, kind="browse", outcome="ok"),
        *(Sample(at=1, latency=0.01, kind="bot", outcome="limited") for _ in range(99)),
    ]
    figures = record.summary(samples, 10)
    assert (figures["p95"], figures["limited"], figures["failure_rate"]) == (4.0, 99, 0)


def test_failing_at_once_does_not_flatter_the_latency():
    samples = [Sample(at=1, latency=0.002, kind="browse", outcome=outcome) for outcome in ["ok"] * 9 + ["failed"]]
    assert record.summary(samples, 10)["p95"] == 10
    assert record.summary(samples, 10)["p50"] == 0.002


def test_a_window_counts_by_intended_start():
    samples = [Sample(at=at, latency=9, kind="purchase", outcome="ok") for at in (9.9, 10.0, 19.9, 20.0)]
    assert record.window(samples, 10, 20)["purchases"] == 2


class SlowServer(BaseHTTPRequestHandler):
    def do_GET(self):
        threading.Event().wait(1.5)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def slow_site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_nobody_waits_for_an_answer(slow_site: str, tmp_path: Path):
    """Twenty visitors in one second at a site that takes 1.5 s for each: a closed loop would send one."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "lab.load",
            "run",
            "--target",
            slow_site,
            "--rate",
            "20",
            "--seconds",
            "1",
            "--crowd",
            "steady",
            "--arrivals",
            "even",
            "--out",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["requests"] in (19, 20)
    assert result["ok"] == result["requests"]
    assert result["p95"] < 4


def test_a_refused_connection_is_a_failure(tmp_path: Path):
    async def ask():
        recorder = record.Recorder(tmp_path)
        site = Site("http://127.0.0.1:1", recorder)
        try:
            return await site.ask("ping", "GET", "/", client="c")
        finally:
            await site.close()
            recorder.close()

    assert asyncio.run(ask()).outcome == "failed"
    (sample,) = record.read_samples(tmp_path)
    assert sample.reason.startswith("connection: ")
