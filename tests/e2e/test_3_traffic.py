"""Scaling up, reloading and scaling down under a steady 60 requests a second fails none of them."""

from __future__ import annotations

import time

import pytest
from sizes import FULL

from lab import scenario
from lab.scenario import Crowd, Lab

pytestmark = pytest.mark.alone

RATE = 60
ROUNDS = 5 if FULL else 1


def test_no_request_fails_while_the_platform_scales(calm: Lab, tmp_path, proof):
    rounds = []
    for number in range(ROUNDS):
        with Crowd(calm, tmp_path / str(number), RATE, 300, crowd="steady", arrivals="even") as crowd:
            time.sleep(2)  # traffic before, between and after: part of what is measured, not a wait for something
            up = scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=6"))
            time.sleep(2)
            down = scenario.must(scenario.play(calm, "scale_down", "-e", "replicas=2"))
            time.sleep(2)
            figures = crowd.end()
        assert up.changed and down.changed
        rounds.append(
            {key: figures[key] for key in ("requests", "failed", "failures", "limited", "queued", "p95", "p99")}
            | {"scale_up_seconds": round(up.seconds, 1), "scale_down_seconds": round(down.seconds, 1)}
        )
    proof("scaling_under_traffic", {"rate": RATE, "up_to": 6, "down_to": 2, "rounds": rounds})
    for figures in rounds:
        assert figures["requests"] > 5 * RATE
        assert (figures["failed"], figures["limited"], figures["queued"]) == (0, 0, 0), figures
