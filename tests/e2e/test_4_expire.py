"""What is past its time goes back where the load is low and is renewed where it is not; nothing is ever restarted."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import docker
import pytest
from chat import Chat

from lab import scenario
from lab.scenario import Lab

# A minute is the shortest that a rate can look back; the real times are in the role's defaults.
TIMES = {"recovery_quiet_minutes": 1, "recovery_between_minutes": 0.1, "recovery_feature_minutes": 0.1, "recovery_every": 3}
SHORT = ["-e", json.dumps({**TIMES, "recovery_deadline_minutes": 6, "recovery_replicas": [3]})]
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


@pytest.fixture
def lapsed(calm: Lab):
    """An incident that was responded to, and whose time is over; and how everything was before it."""
    before = scenario.state(calm)
    scenario.must(scenario.play(calm, "respond", "-e", "profile=high", "-e", "set=app.replicas=4"))
    path = max((calm.directory / "state/records").glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "lease_until": PAST}))
    return calm, before


def test_what_is_past_its_time_goes_back_and_nothing_is_restarted(lapsed):
    lab, before = lapsed
    told = scenario.must(scenario.play(lab, "assess")).output
    assert -1 < told.find("OVERDUE: ") < told.find("playbooks/expire.yml") < told.find("SEVERITY ")
    await_low_load(lab, *SHORT)
    running = started(lab)
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
def test_what_cannot_go_back_yet_is_renewed_and_told_once(lapsed, chat: Chat, why: str, options: dict):
    lab, _before = lapsed
    now, files, given = scenario.state(lab), kept(lab), [*SHORT, "-e", json.dumps(options)]
    assert f"would be renewed for 30 min: {why}" in chat.play(lab, "expire", *given, "--check").output.replace("\n", " ")
    assert (kept(lab), chat.heard) == (files, [])
    chat.play(lab, "expire", *given)
    assert "nothing is overdue; the next lease ends at " in chat.play(lab, "expire", *given).output
    [told] = chat.await_message(1)
    assert told.startswith("not taken back, but renewed for 30 min, until ") and why in told
    record = scenario.records(lab)[-1]
    more = datetime.fromisoformat(record["lease_until"]) - datetime.now(UTC)
    assert 25 * 60 < more.total_seconds() <= 30 * 60 and not record["closed"]
    assert (scenario.state(lab), len(chat.heard)) == (now, 1)


def test_a_gate_that_says_no_on_the_way_renews_what_is_left(lapsed, chat: Chat):
    lab, _before = lapsed
    # The second stage is to come half a minute after the first, and is not waited for.
    given = [*SHORT, "-e", json.dumps({"recovery_between_minutes": 0.5, "recovery_deadline_minutes": 0})]
    await_low_load(lab, *given)
    chat.play(lab, "expire", *given, timeout=300)
    record = scenario.records(lab)[-1]
    assert len(scenario.containers(lab)) == 3 and not record["closed"] and record["lease_until"] > PAST
    assert sum("renewed for 30 min" in line for line in chat.await_message(3)) == 1


def test_what_is_off_stops_the_schedule(lapsed):
    lab, _before = lapsed
    scenario.must(scenario.play(lab, "automation", "-e", "state=off", "-e", "why=derby"))
    try:
        files = kept(lab)
        refused = scenario.play(lab, "expire", *SHORT, "-e", "incident_source=schedule")
        assert refused.rc != 0 and "(derby)" in refused.failure and kept(lab) == files
    finally:
        scenario.must(scenario.play(lab, "automation", "-e", "state=on"))
