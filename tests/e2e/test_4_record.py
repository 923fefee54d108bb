"""One run at a time, in a record that remembers: killed runs, two at once, a damaged state, and nothing secret in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from sizes import FULL

from lab import scenario
from lab.scenario import Lab, journal, records

TIMES = 20 if FULL else 2
STEPS = ["scale_override", "app_wait", "upstream"] if FULL else ["app_wait"]
ENDS = ("step-end", "run-end", "killed")


def test_a_run_opens_a_record_and_its_undo_lets_it_be_closed(calm: Lab):
    before = len(records(calm))
    changed = scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240", "-e", "incident_why=derby"))
    [*_, record] = records(calm)
    assert len(records(calm)) == before + 1
    assert (record["why"], record["source"], record["kind"]) == ("derby", "person", "incident")
    assert record["baseline"]["cache-config.event_list_ttl"] == 60
    assert record["changed"]["cache-config.event_list_ttl"]["to"] == 240
    told = [event["event"] for event in journal(calm, record["id"]) if event["event"] != "metrics"]
    assert told == ["opened", "run-start", "step-start", "step-end", "run-end"]

    refused = scenario.play(calm, "incident", "-e", "action=close")
    assert refused.rc != 0 and "cache-config.event_list_ttl" in refused.failure, refused.output
    again = scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240"))
    assert again.changed == 0

    scenario.must(scenario.play(calm, *scenario.undo(changed)))
    scenario.must(scenario.play(calm, "incident", "-e", "action=close"))
    assert records(calm)[-1]["closed"]
    assert "CLOSED" not in scenario.must(scenario.play(calm, "incident")).output


def test_what_is_refused_or_changes_nothing_leaves_no_record(calm: Lab):
    before = records(calm)
    assert scenario.play(calm, "scale_app", "-e", "replicas=0").rc != 0
    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=2"))
    scenario.must(scenario.play(calm, "respond", "-e", "profile=overload", "--check"))
    assert records(calm) == before


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("worker", ["left running", "killed too"])
def test_a_killed_run_is_taken_over(calm: Lab, tmp_path, step: str, worker: str):
    started = scenario.start_play(calm, "scale_app", "-e", "replicas=4", results=tmp_path / "results.jsonl")
    await_step(calm, step)
    if worker == "killed too":
        os.killpg(started.pid, signal.SIGKILL)
    else:
        started.kill()
    started.wait()

    again = scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=4"))
    assert "taken over from scale_app.yml" in again.output
    assert len(scenario.containers(calm)) == 4
    [*_, record] = records(calm)
    assert record["baseline"]["app.replicas"] == 2
    assert unended(journal(calm, record["id"])) == []
    assert "killed" in {event["event"] for event in journal(calm, record["id"])}


def test_two_runs_at_once_never_mix(calm: Lab, tmp_path):
    for number in range(TIMES):
        wanted = (240, 180) if number % 2 else (200, 160)
        runs = [
            scenario.start_play(
                calm, "tune_cache", "-e", f"set=cache.event_list_ttl={seconds}", results=tmp_path / f"{seconds}.jsonl"
            )
            for seconds in wanted
        ]
        outputs = [run.communicate(timeout=120)[0] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], "\n".join(outputs)
    events = journal(calm, records(calm)[-1]["id"])
    inside = ""
    for event in events:
        if event["event"] == "run-start":
            assert not inside, "a run began within another"
            inside = event["run"]
        elif event["event"] == "run-end":
            assert inside == event["run"]
            inside = ""
        elif event["step"]:
            assert event["run"] == inside, "a step of a run in another"


def test_who_does_not_wait_is_told_who_has_it(calm: Lab, tmp_path):
    started = scenario.start_play(calm, "scale_app", "-e", "replicas=4", results=tmp_path / "results.jsonl")
    await_step(calm, "app_wait")
    refused = scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=90", "-e", "incident_wait=0")
    started.communicate(timeout=120)
    assert refused.rc != 0
    assert "scale_app.yml" in refused.failure and "has held the platform since" in refused.failure, refused.output
    assert scenario.admin_settings(calm)["cache-config"]["event_list_ttl"] == 60


def test_another_engine_s_state_is_refused(calm: Lab):
    daemon = calm.directory / "state/daemon"
    kept = daemon.read_text()
    daemon.write_text(json.dumps({"id": "another"}))
    try:
        refused = scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=90")
    finally:
        daemon.write_text(kept)
    assert refused.rc != 0 and "belongs to the Docker daemon another" in refused.failure, refused.output
    assert scenario.admin_settings(calm)["cache-config"]["event_list_ttl"] == 60


def test_a_damaged_record_is_read_from_its_last_good_copy(calm: Lab):
    scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240"))
    [*_, path] = sorted((calm.directory / "state/records").glob("*.json"))
    path.write_text(path.read_text()[:100])
    told = scenario.must(scenario.play(calm, "incident"))
    assert path.name in told.output
    scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=60"))
    assert json.loads(path.read_text())["baseline"]["cache-config.event_list_ttl"] == 60


def test_a_state_that_cannot_be_written_stops_a_run_before_it_changes_anything(calm: Lab):
    state = calm.directory / "state"
    subprocess.run(["mount", "--bind", "-o", "ro", state, state], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        refused = scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=90")
    finally:
        subprocess.run(["umount", state], check=True)
    assert refused.rc != 0 and "state" in refused.failure, refused.output
    assert scenario.admin_settings(calm)["cache-config"]["event_list_ttl"] == 60


def test_the_state_is_its_owner_s_alone_and_holds_no_secret(calm: Lab):
    scenario.must(scenario.play(calm, "resize_pool", "-e", "default_pool_size=60"))
    scenario.must(scenario.play(calm, "resize_pool", "-e", "default_pool_size=40"))
    state = calm.directory / "state"
    paths = [state, *state.rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in paths} == {0}
    text = "".join(path.read_text() for path in paths if path.is_file())
    secrets = [value for name, value in calm.settings.items() if name.endswith(("TOKEN", "PASSWORD"))]
    assert secrets and [value for value in secrets if value in text] == []


def await_step(lab: Lab, step: str) -> None:
    """Until the lock tells that this step works."""
    deadline = time.monotonic() + 60
    path = lab.directory / "state/lock.json"
    while time.monotonic() < deadline:
        held = json.loads(path.read_text())["holder"] if path.exists() else None
        if held and held["step"] == step:
            return
        time.sleep(0.02)
    raise AssertionError(f"no run came to {step} within 60 s")


def unended(events: list[dict]) -> list[dict]:
    going = {}
    for event in events:
        key = (event["run"], event["step"])
        if event["event"] in ("run-start", "step-start"):
            going[key] = event
        elif event["event"] in ENDS:
            going.pop(key, None)
    return list(going.values())
