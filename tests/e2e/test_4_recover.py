"""Back from an incident: before and after are the same, field by field; what is missing holds, and what was too much is taken back."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from lab import scenario
from lab.scenario import Lab

# A minute is the shortest that a rate can look back; the real times are in the role's defaults.
TIMES = {"recovery_quiet_minutes": 1, "recovery_between_minutes": 0.1, "recovery_feature_minutes": 0.1, "recovery_every": 3}
SHORT = ["-e", json.dumps({**TIMES, "recovery_deadline_minutes": 6, "recovery_replicas": [4, 3]})]

RATE = 200  # visitors a second: far more than four replicas of the lab can serve


def record(lab: Lab) -> dict:
    return scenario.records(lab)[-1]


def await_replicas(lab: Lab, number: int) -> None:
    end = time.monotonic() + 300
    while len(scenario.containers(lab)) != number:
        assert time.monotonic() < end, f"{number} replicas are not reached"
        time.sleep(0.2)


@pytest.fixture
def recovering(calm: Lab):
    """An incident that was responded to, over by now; and how everything was before it."""
    before = scenario.state(calm)
    scenario.must(scenario.play(calm, "respond", "-e", "profile=overload", "-e", "set=app.replicas=5"))
    scenario.must(scenario.play(calm, "resize_app", "-e", "cpus=0.2", "-e", "memory=224M"))
    scenario.must(scenario.play(calm, "resize_pool", "-e", "default_pool_size=80"))
    return calm, before


def test_everything_is_as_it_was_also_where_it_was_killed_on_the_way(recovering, tmp_path):
    lab, before = recovering
    preview = scenario.must(scenario.play(lab, "recover", *SHORT, "--check"))
    assert preview.changed == 0 and "replicas 5 -> 4" in preview.output and "the record is closed" in preview.output

    running = scenario.start_play(lab, "recover", *SHORT, results=tmp_path / "results.jsonl")
    await_replicas(lab, 4)
    running.kill()
    running.wait()

    done = scenario.must(scenario.play(lab, "recover", *SHORT, timeout=900))
    assert "replicas 5 ->" not in done.output, "a stage that was done is not done again"
    after = scenario.state(lab)
    assert {name: after[name] for name in ("settings", "limits")} == {name: before[name] for name in ("settings", "limits")}
    assert len(scenario.containers(lab)) == 2 and record(lab)["closed"]
    assert "no record is open" in scenario.play(lab, "recover", *SHORT).failure


def test_a_metric_that_is_missing_holds_and_a_reason_goes_on(recovering):
    lab, _before = recovering
    subprocess.run(["docker", "stop", f"{lab.prefix}-prometheus"], check=True, capture_output=True)
    try:
        short = [*SHORT, "-e", "recovery_deadline_minutes=0.1"]
        held = scenario.play(lab, "recover", *short)
        assert held.rc != 0 and "missing: cpu" in held.failure and held.changed == 0
        assert len(scenario.containers(lab)) == 5
        scenario.must(scenario.play(lab, "recover", *SHORT, "-e", "override='Prometheus is stopped'", timeout=900))
        journal = (lab.directory / "state/journal" / f"{record(lab)['id']}.jsonl").read_text()
        assert "because Prometheus is stopped" in journal
    finally:
        subprocess.run(["docker", "start", f"{lab.prefix}-prometheus"], check=True, capture_output=True)


def test_a_stage_after_which_load_rises_is_taken_back(recovering, tmp_path):
    lab, _before = recovering
    slow = ["-e", json.dumps({"recovery_between_minutes": 2})]
    running = scenario.start_play(lab, "recover", *SHORT, *slow, results=tmp_path / "results.jsonl")
    await_replicas(lab, 4)
    with scenario.Crowd(lab, tmp_path / "crowd", RATE, 240):
        output, _ = running.communicate(timeout=400)
    assert running.returncode != 0 and "the load has risen after replicas 5 -> 4" in output, output
    assert len(scenario.containers(lab)) == 5 and not record(lab)["closed"]
