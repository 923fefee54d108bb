"""A plan tells what respond would do, respond does exactly that, and nothing at all where the platform is another by then."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _lock, _process
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

from lab import scenario
from lab.scenario import Lab

ASKED = ["-e", "profile=elevated", "-e", "set=app.replicas=3"]


def planned(lab: Lab, *arguments: str) -> dict:
    """What module plan returned."""
    before = scenario.state(lab)
    played = scenario.must(scenario.play(lab, "plan", *arguments))
    assert (played.changed, scenario.state(lab)) == (0, before)
    return played.result_of("plan")


def changes(played: scenario.Played) -> set[tuple]:
    found = played.result_of("profile_plan")["changes"]
    return {(change["field"], change["from"], change["to"]) for change in found}


def kept(lab: Lab) -> set[str]:
    return {path.stem for path in (lab.directory / "state/plans").glob("*.json")}


def opened(lab: Lab) -> list[str]:
    return [record["id"] for record in scenario.records(lab) if not record["closed"]]


@contextmanager
def held(lab: Lab) -> Iterator[None]:
    """Somebody else's run has the platform."""
    daemon = json.loads((lab.directory / "state/daemon").read_text())["id"]
    state = State.open(lab.directory / "state", daemon)
    wanted = {"run": "another", "playbook": "another.yml", "who": "alice@desk", "source": "person", "kind": "incident"}
    _lock.acquire(state, {**wanted, "preemptible": False, "controller": _process.identity()}, wait=60)
    try:
        yield
    finally:
        _lock.release(state, "another")


def test_respond_does_what_was_planned_and_finds_nothing_to_do_then(calm: Lab):
    plan = planned(calm, *ASKED)
    assert plan["kept"] and plan["id"] in kept(calm)
    preview = scenario.must(scenario.play(calm, "respond", "-e", f"plan={plan['id'][:6]}", "--check"))
    asked = scenario.must(scenario.play(calm, "respond", *ASKED, "--check"))
    assert changes(preview) == changes(asked) and len(changes(preview)) == 5

    done = scenario.must(scenario.play(calm, "respond", "-e", f"plan={plan['id']}"))
    assert changes(done) == changes(preview)
    assert len(scenario.containers(calm)) == 3
    again = scenario.must(scenario.play(calm, "respond", "-e", f"plan={plan['id']}"))
    assert again.changed == 0

    back = planned(calm, "-e", "profile=normal", "-e", "exactly=true")
    assert scenario.play(calm, "respond", "-e", f"plan={back['id']}").rc == 0
    assert len(scenario.containers(calm)) == 2
    assert scenario.admin_settings(calm)["cache-config"]["event_list_ttl"] == 60


def test_what_was_changed_by_hand_since_is_named_and_nothing_is_done(calm: Lab):
    plan = planned(calm, *ASKED)
    scenario.set_by_hand(calm, "cache-config", {"event_list_ttl": 90})
    before = scenario.state(calm)
    for arguments in ([], ["--check"]):
        refused = scenario.play(calm, "respond", "-e", f"plan={plan['id']}", *arguments)
        assert refused.rc != 0 and "cache.event_list_ttl was 60 and is 90" in refused.failure, refused.output
        assert plan["id"] in refused.failure and "playbooks/plan.yml -e profile=elevated -e set=app.replicas=3" in refused.failure
    assert scenario.state(calm) == before
    assert planned(calm, *ASKED)["id"] != plan["id"]


def test_what_is_changed_while_respond_waits_for_the_platform_is_seen_too(calm: Lab, tmp_path):
    plan = planned(calm, *ASKED)
    before = opened(calm)
    with held(calm):
        waiting = scenario.start_play(calm, "respond", "-e", f"plan={plan['id']}", results=tmp_path / "results.jsonl")
        until_planned(tmp_path / "results.jsonl")
        scenario.set_by_hand(calm, "cache-config", {"event_list_ttl": 90})
    output, _ = waiting.communicate(timeout=120)
    assert waiting.returncode != 0
    assert "cache.event_list_ttl was 60 and is 90" in output, output
    assert len(scenario.containers(calm)) == 2
    assert opened(calm) == before, "a run that changed nothing leaves no record"
    assert json.loads((calm.directory / "state/lock.json").read_text())["holder"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-e", "plan=000000000000"], "there is no plan 000000000000 in "),
        (["-e", "plan=overload"], "'overload' is no hash of a plan"),
    ],
)
def test_a_plan_that_is_none_is_refused(calm: Lab, arguments: list[str], sentence: str):
    before = scenario.state(calm)
    refused = scenario.play(calm, "respond", *arguments)
    assert refused.rc != 0 and sentence in refused.failure, refused.output
    assert scenario.state(calm) == before


def test_a_plan_is_kept_by_who_may_write_the_state_and_never_in_check_mode(calm: Lab):
    before = kept(calm)
    previewed = scenario.must(scenario.play(calm, "plan", "-e", "set=app.replicas=9", "-e", "profile=high", "--check"))
    assert not previewed.result_of("plan")["kept"] and kept(calm) == before

    state = calm.directory / "state"
    subprocess.run(["mount", "--bind", "-o", "ro", state, state], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        shown = planned(calm, "-e", "set=app.replicas=9", "-e", "profile=high")
    finally:
        subprocess.run(["umount", state], check=True)
    assert not shown["kept"] and kept(calm) == before


def until_planned(results) -> None:
    """Until respond has compared for the first time, and goes for the platform."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if results.exists() and '"action": "smartsports.scaling.profile_plan"' in results.read_text():
            return
        time.sleep(0.05)
    raise AssertionError("respond planned nothing within 60 s")
