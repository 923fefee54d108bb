"""Undo at once: the last run, or one tier; state before is state after, a second time nothing, and what was changed by hand stays."""

from __future__ import annotations

import pytest
from memory import journal

from lab import scenario
from lab.scenario import Lab

LAST = ("undo", "-e", "last=true")
TTL = "cache.event_list_ttl"


def fields(lab: Lab) -> dict:
    """All that a run could change, but for the replicas' identity: the engine gives out names and addresses."""
    seen = scenario.state(lab)
    pool = [line for line in seen["files"][scenario.PGBOUNCER].splitlines() if line.startswith("default_pool_size")]
    return {"replicas": len(seen["containers"]), "limits": seen["limits"], "settings": seen["settings"], "pool": pool}


def ttl(lab: Lab) -> int:
    return scenario.admin_settings(lab)["cache-config"]["event_list_ttl"]


def test_the_last_run_is_taken_back_once_and_no_other(calm: Lab):
    scenario.must(scenario.play(calm, "tune_cache", "-e", f"set={TTL}=240"))
    before = fields(calm)
    scenario.must(scenario.play(calm, "respond", "-e", "profile=overload", "-e", "set=app.replicas=3"))
    responded = fields(calm)

    preview = scenario.must(scenario.play(calm, *LAST, "--check", "--diff"))
    assert fields(calm) == responded and preview.changed
    done = scenario.must(scenario.play(calm, *LAST))
    assert "takes back run" in done.output and "respond.yml of" in done.output
    assert fields(calm) == before
    plans = [played.result_of("restore_plan") for played in (preview, done)]
    assert plans[0]["changes"] == plans[1]["changes"]

    again = scenario.must(scenario.play(calm, *LAST))
    assert again.changed == 0 and "NOTHING TO DO" in again.output and "respond.yml of" in again.output
    assert fields(calm) == before, "the run before it is not taken back"
    events = journal(calm, scenario.records(calm)[-1])
    ends = [(event["playbook"], event["result"]) for event in events if event["event"] == "run-end"]
    assert ends == [("tune_cache.yml", "ok"), ("respond.yml", "ok"), ("undo.yml", "ok")]

    scenario.must(scenario.play(calm, *scenario.undo(done)))
    assert fields(calm) == responded, "the undo is taken back by what it printed"


def test_what_was_changed_by_hand_since_stays_and_is_told(calm: Lab):
    before = fields(calm)
    scenario.must(scenario.play(calm, "tune_cache"))
    scenario.set_by_hand(calm, "cache-config", {"event_list_ttl": 77})
    done = scenario.must(scenario.play(calm, *LAST))
    assert "cache-config.event_list_ttl 77 (ours 300, before 60)" in " ".join(done.output.split()) and ttl(calm) == 77
    assert scenario.must(scenario.play(calm, *LAST)).changed == 0
    scenario.must(scenario.play(calm, *LAST, "-e", "overwrite=true"))
    assert fields(calm) == before


def test_a_tier_goes_back_at_once_and_no_other(calm: Lab):
    before = fields(calm)
    scenario.must(scenario.play(calm, "respond", "-e", "profile=high", "-e", "set=app.replicas=3"))
    scenario.must(scenario.play(calm, "resize_app", "-e", "cpus=0.2", "-e", "memory=224M"))
    scenario.must(scenario.play(calm, "resize_pool", "-e", "default_pool_size=80"))
    responded = fields(calm)

    app = ("undo", "-e", "tiers=app")
    scenario.must(scenario.play(calm, *app, "--check"))
    assert fields(calm) == responded
    scenario.must(scenario.play(calm, *app))
    assert fields(calm) == {**responded, "replicas": before["replicas"], "limits": before["limits"]}
    assert scenario.must(scenario.play(calm, *app)).changed == 0
    scenario.must(scenario.play(calm, "undo", "-e", "tiers=pool"))
    scenario.must(scenario.play(calm, "undo", "-e", "tiers=api"))
    assert fields(calm) == before
    scenario.must(scenario.play(calm, "incident", "-e", "action=close"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing was named to take back"),
        (["-e", "last=true"], "no record is open"),
        (["-e", "tiers=app"], "no record is open"),
        (["-e", "tiers=web"], "'web' is no tier"),
        (["-e", "last=true", "-e", f"set={TTL}=60"], "set and last were both given"),
    ],
)
def test_what_cannot_be_taken_back_is_one_sentence(calm: Lab, arguments: list[str], says: str):
    refused = scenario.play(calm, "undo", *arguments)
    assert refused.rc != 0 and says in refused.failure and refused.changed == 0
