"""Two runs at once: one has the platform, the other waits or goes, and says who has it; a response goes first."""

from __future__ import annotations

import json

from kills import start
from memory import AT_ONCE, RESPOND, await_holder, await_step, await_text, interleaved, journal, spoken
from sizes import FULL

from lab import scenario
from lab.scenario import Lab

TIMES = 20 if FULL else 2
HELD = "has held the platform since"
PATIENCE = 30  # seconds until a response has the platform


def test_two_runs_at_once_never_mix(calm: Lab, tmp_path, proof):
    """In every other round nobody waits."""
    told = {"rounds": TIMES, "waited": 0, "refused": 0}
    for number in range(TIMES):
        wait = 0 if number % 2 else 60
        asked = [["-e", f"set=cache.event_list_ttl={100 + 2 * number + each}", "-e", f"incident_wait={wait}"] for each in (0, 1)]
        runs = [
            scenario.start_play(calm, "tune_cache", *arguments, results=tmp_path / f"{number}-{each}.jsonl")
            for each, arguments in enumerate(asked)
        ]
        outputs = [spoken(run.communicate(timeout=120)[0]) for run in runs]
        refused = [output for run, output in zip(runs, outputs, strict=True) if run.returncode]
        named = [output for output in outputs if f"tune_cache.yml of {scenario.records(calm)[-1]['who']} {HELD}" in output]
        assert len(refused) <= (wait == 0) and all(output in named for output in refused), "\n".join(outputs)
        told["refused"] += len(refused)
        told["waited"] += len(named) - len(refused)
    told["mixed"] = len(interleaved(journal(calm, scenario.records(calm)[-1])))
    proof("two_runs_at_once", told)
    assert told["mixed"] == 0
    assert told["waited"] + told["refused"] > TIMES / 2, "they are to meet"


def test_who_does_not_wait_is_told_who_has_it(calm: Lab, tmp_path):
    started = start(calm, tmp_path / "log", "scale_app", "-e", "replicas=4")
    await_step(calm, "app_wait")
    refused = scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=90", "-e", "incident_wait=0")
    started.wait(timeout=120)
    assert refused.rc != 0
    assert "scale_app.yml" in refused.failure and HELD in refused.failure, refused.output
    assert scenario.admin_settings(calm)["cache-config"]["event_list_ttl"] == 60


def test_a_response_goes_before_what_is_scheduled(calm: Lab, tmp_path, proof):
    waited = {}
    for seconds, kind in ((240, "planned"), (300, "incident")):
        scenario.settle(calm)
        log = tmp_path / kind
        scheduled = start(
            calm, log, "scale_app", "-e", "replicas=6", "-e", "incident_source=schedule", "-e", f"incident_kind={kind}"
        )
        await_holder(calm, "scale_app")
        waited[kind] = respond(calm, seconds)
        assert scheduled.wait(timeout=120) != 0 and "respond.yml of" in spoken(log.read_text()), log.read_text()
        assert "pre-empts this run" in spoken(log.read_text())
    proof("response_before_schedule", {"waited": waited})
    assert max(waited.values()) <= PATIENCE


def test_a_response_goes_before_a_recovery(calm: Lab, tmp_path, proof):
    scenario.must(scenario.play(calm, *RESPOND, "set=app.replicas=6,cache.event_list_ttl=240"))
    waited = {}
    log = tmp_path / "gate"
    slow = ["-e", json.dumps({"recovery_between_minutes": 5})]
    recovering = start(calm, log, "recover", *AT_ONCE, *slow)
    await_text(log, "time since the last change")
    waited["gate"] = respond(calm, 300)
    assert recovering.wait(timeout=60) != 0
    assert "has changed the platform meanwhile" in spoken(log.read_text()), log.read_text()
    assert len(scenario.containers(calm)) == 6

    log = tmp_path / "stage"
    recovering = start(calm, log, "recover", *AT_ONCE, "-e", '{"recovery_replicas": []}')
    await_holder(calm, "recover")
    waited["stage"] = respond(calm, 360)
    assert recovering.wait(timeout=60) != 0
    assert "respond.yml of" in spoken(log.read_text()) and "pre-empts this run" in spoken(log.read_text()), log.read_text()
    record = scenario.records(calm)[-1]
    assert interleaved(journal(calm, record)) == [] and record["baseline"]["app.replicas"] == 2
    proof("response_before_recovery", {"waited": waited})
    assert max(waited.values()) <= PATIENCE


def respond(lab: Lab, seconds: int) -> float:
    """How long a response waited for the platform."""
    responded = scenario.must(scenario.play(lab, *RESPOND, f"set=cache.event_list_ttl={seconds}"))
    assert scenario.admin_settings(lab)["cache-config"]["event_list_ttl"] == seconds
    return responded.result_of("run_begin")["waited"]
