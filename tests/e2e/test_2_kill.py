"""A run that is killed half way is finished by running it again."""

from __future__ import annotations

import os
import signal
import time

import pytest
from sizes import FULL

from lab import scenario
from lab.scenario import Lab

MOMENTS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0) if FULL else (1.5, 3.0)


@pytest.mark.parametrize("seconds", MOMENTS)
def test_killed_scale_app_converges_when_run_again(calm: Lab, tmp_path, seconds: float):
    started = scenario.start_play(calm, "scale_app", "-e", "replicas=5", results=tmp_path / "results.jsonl")
    time.sleep(seconds)  # the moment of the kill is the test's parameter
    assert started.poll() is None, "the run ended before it could be killed"
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()

    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=5"))
    running = scenario.containers(calm)
    assert len(running) == 5
    assert {container.attrs["State"]["Health"]["Status"] for container in running} == {"healthy"}
    routes = (calm.directory / "config/nginx/upstream.conf").read_text()
    assert all(scenario.address(container) in routes for container in running)
    again = scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=5"))
    assert (again.changed, again.changes) == (0, [])
