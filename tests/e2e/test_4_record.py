"""Every run in a record that remembers: what it opens, a state that is damaged, another's or not to be written, and nothing secret in it."""

from __future__ import annotations

import json
import subprocess

from memory import journal

from lab import scenario
from lab.scenario import Lab, records


def test_a_run_opens_a_record_and_its_undo_lets_it_be_closed(calm: Lab):
    before = len(records(calm))
    changed = scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240", "-e", "incident_why=derby"))
    [*_, record] = records(calm)
    assert len(records(calm)) == before + 1
    assert (record["why"], record["source"], record["kind"]) == ("derby", "person", "incident")
    assert record["baseline"]["cache-config.event_list_ttl"] == 60
    assert record["changed"]["cache-config.event_list_ttl"]["to"] == 240
    told = [event["event"] for event in journal(calm, record) if event["event"] != "metrics"]
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
