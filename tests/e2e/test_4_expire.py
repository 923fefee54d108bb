"""What is past its time goes back where the load is low and is renewed where it is not; nothing is ever restarted."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import docker
import pytest
from chat import Chat
from memory import MINUTE

from lab import scenario
from lab.scenario import Lab

SHORT = ["-e", json.dumps({**MINUTE, "recovery_deadline_minutes": 6, "recovery_replicas": [3]})]
PAST = "2020-01-01T00:00:00Z"


def started(lab: Lab) -> dict[str, str]:
    """Since when each container of the platform runs."""
    found = docker.from_env().containers.list(filters={"label": f"com.docker.compose.project={lab.prefix}"})
    return {container.id: container.attrs["State"]["StartedAt"] for container in found}


def kept(lab: Lab) -> dict:
    """Every file of the state directory."""
    return {path: path.read_bytes() for path in (lab.directory / "state").rglob("*") if path.is_file()}


def await_low_load(lab: Lab, *arguments: str) -> None:
    """Its own preview tells; it waits for nothing."""
    end = time.monotonic() + 300
    while "it would go back now" not in (told := scenario.must(scenario.play(lab, "expire", *arguments, "--check"))).output:
        assert time.monotonic() < end, told.output
        time.sleep(3)


def lapse(lab: Lab) -> None:
    """The time of the open record is over."""
    path = max((lab.directory / "state/records").glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "lease_until": PAST}))


@pytest.fixture
def lapsed(calm: Lab) -> Lab:
    """A setting that was forgotten."""
    scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240"))
    lapse(calm)
    return calm


def test_what_is_past_its_time_goes_back_and_nothing_is_restarted(calm: Lab, chat: Chat):
    lab, before = calm, scenario.state(calm)
    scenario.must(scenario.play(lab, "respond", "-e", "profile=high", "-e", "set=app.replicas=4"))
    lapse(lab)
    told = scenario.must(scenario.play(lab, "assess")).output
    assert -1 < told.find("OVERDUE: ") < told.find("playbooks/expire.yml") < told.find("SEVERITY ")
    running = started(lab)

    # A gate that says no on the way: the second stage is to come half a minute after the first, and is not waited for.
    hasty = [*SHORT, "-e", json.dumps({"recovery_between_minutes": 0.5, "recovery_deadline_minutes": 0})]
    await_low_load(lab, *hasty)
    chat.play(lab, "expire", *hasty, timeout=300)
    record = scenario.records(lab)[-1]
    assert len(scenario.containers(lab)) == 3 and not record["closed"] and record["lease_until"] > PAST
    assert sum("renewed for 30 min" in line for line in chat.await_message(3)) == 1

    lapse(lab)
    await_low_load(lab, *SHORT)
    scenario.must(scenario.play(lab, "expire", *SHORT, timeout=900))
    after = scenario.state(lab)
    assert {name: after[name] for name in ("settings", "limits")} == {name: before[name] for name in ("settings", "limits")}
    assert len(after["containers"]) == 2 and scenario.records(lab)[-1]["closed"]
    remaining = started(lab)
    assert remaining.items() <= running.items() and len(running) - len(remaining) == 2, "two have left, the others run on"

    files = kept(lab)
    again = scenario.must(scenario.play(lab, "expire", *SHORT))
    assert again.changed == 0 and "nothing is overdue" in again.output
    assert (kept(lab), scenario.state(lab), started(lab)) == (files, after, remaining)


@pytest.mark.parametrize(
    ("why", "options"),
    [
        ("cpu was ", {"load_assessment_thresholds": {"triggers": {"cpu": {"limit": 0}}}}),
        ("missing: cpu", {"smartsports_prometheus_url": "http://127.0.0.1:1"}),
    ],
    ids=["under load", "without metrics"],
)
def test_what_cannot_go_back_yet_is_renewed_and_told_once(lapsed: Lab, chat: Chat, why: str, options: dict):
    before, files, given = scenario.state(lapsed), kept(lapsed), [*SHORT, "-e", json.dumps(options)]
    assert f"would be renewed for 30 min: {why}" in chat.play(lapsed, "expire", *given, "--check").output.replace("\n", " ")
    assert (kept(lapsed), chat.heard) == (files, [])
    chat.play(lapsed, "expire", *given)
    assert "nothing is overdue; the next lease ends at " in chat.play(lapsed, "expire", *given).output
    [told] = chat.await_message(1)
    assert told.startswith("not taken back, but renewed for 30 min, until ") and why in told
    record = scenario.records(lapsed)[-1]
    more = datetime.fromisoformat(record["lease_until"]) - datetime.now(UTC)
    assert 25 * 60 < more.total_seconds() <= 30 * 60 and not record["closed"]
    assert (scenario.state(lapsed), len(chat.heard)) == (before, 1)


def test_what_is_off_stops_the_schedule(lapsed: Lab):
    scenario.must(scenario.play(lapsed, "automation", "-e", "state=off", "-e", "why=derby"))
    try:
        files = kept(lapsed)
        refused = scenario.play(lapsed, "expire", *SHORT, "-e", "incident_source=schedule")
        assert refused.rc != 0 and "(derby)" in refused.failure and kept(lapsed) == files
    finally:
        scenario.must(scenario.play(lapsed, "automation", "-e", "state=on"))
