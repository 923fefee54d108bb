"""Back from an incident: before and after are the same, field by field; what is missing holds, and what was too much is taken back."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from chat import Chat
from memory import MINUTE, differences, journal

from lab import scenario
from lab.scenario import Lab

SHORT = ["-e", json.dumps({**MINUTE, "recovery_deadline_minutes": 6, "recovery_replicas": [3]})]

RATE = 200  # visitors a second: far more than three replicas of the lab can serve


def record(lab: Lab) -> dict:
    return scenario.records(lab)[-1]


def await_replicas(lab: Lab, number: int) -> None:
    end = time.monotonic() + 300
    while len(scenario.containers(lab)) != number:
        assert time.monotonic() < end, f"{number} replicas are not reached"
        time.sleep(0.2)


@contextmanager
def without_prometheus(lab: Lab) -> Iterator[None]:
    name = f"{lab.prefix}-prometheus"
    subprocess.run(["docker", "stop", name], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "start", name], check=True, capture_output=True)


@pytest.fixture
def recovering(calm: Lab):
    """An incident that was responded to, over by now; and how everything was before it."""
    before = scenario.state(calm)
    scenario.must(scenario.play(calm, "respond", "-e", "profile=overload", "-e", "set=app.replicas=4"))
    scenario.must(scenario.play(calm, "resize_app", "-e", "cpus=0.2", "-e", "memory=224M"))
    scenario.must(scenario.play(calm, "resize_pool", "-e", "default_pool_size=80"))
    return calm, before


def test_everything_is_as_it_was_also_where_it_was_held_and_killed_on_the_way(recovering, tmp_path, chat: Chat):
    """One incident for all of it. Prometheus is gone first: a run is held, a reason goes on; that one is killed, and the next has metrics again."""
    lab, before = recovering
    preview = scenario.must(scenario.play(lab, "recover", *SHORT, "--check"))
    assert preview.changed == 0 and "replicas 4 -> 3" in preview.output and "the record is closed" in preview.output

    with without_prometheus(lab):
        held = scenario.play(lab, "recover", *SHORT, "-e", "recovery_deadline_minutes=0.1", environment=chat.environment)
        assert [line for line in chat.await_message(1) if " has stopped: replicas 4 -> 3 was not done" in line], chat.heard
        assert held.rc != 0 and "missing: cpu" in held.failure and held.changed == 0
        assert len(scenario.containers(lab)) == 4
        reason = ["-e", "override='Prometheus is stopped'"]
        running = scenario.start_play(lab, "recover", *SHORT, *reason, results=tmp_path / "results.jsonl")
        await_replicas(lab, 3)
        running.kill()
        running.wait()
    assert any("because Prometheus is stopped" in event["reason"] for event in journal(lab, record(lab)))

    done = scenario.must(scenario.play(lab, "recover", *SHORT, timeout=900))
    assert "replicas 4 ->" not in done.output, "a stage that was done is not done again"
    assert differences(before, scenario.state(lab)) == [] and record(lab)["closed"]
    assert "no record is open" in scenario.play(lab, "recover", *SHORT).failure


def test_a_stage_after_which_load_rises_is_taken_back(recovering, tmp_path):
    lab, _before = recovering
    slow = ["-e", json.dumps({"recovery_between_minutes": 2})]
    running = scenario.start_play(lab, "recover", *SHORT, *slow, results=tmp_path / "results.jsonl")
    await_replicas(lab, 3)
    with scenario.Crowd(lab, tmp_path / "crowd", RATE, 240):
        output, _ = running.communicate(timeout=400)
    assert running.returncode != 0 and "the load has risen after replicas 4 -> 3" in output, output
    assert len(scenario.containers(lab)) == 4 and not record(lab)["closed"]
