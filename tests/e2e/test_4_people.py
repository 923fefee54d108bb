"""People are told: each event once in a chat that is there, slow, or gone; the ladder; and the switch that stops automation, not people."""

from __future__ import annotations

import json

import pytest
from chat import SECRET, Chat

from lab import scenario
from lab.scenario import Lab

LADDER = [{"name": "On-call engineer", "after": 0}, {"name": "CTO", "phone": "+250 3", "after": 15}]
CONTACTS = ["-e", json.dumps({"smartsports_contacts": LADDER})]


@pytest.fixture
def fresh(calm: Lab) -> Lab:
    """No record is open."""
    scenario.play(calm, "incident", "-e", "action=close", "-e", "leave=true")  # there may be none
    return calm


def test_a_run_tells_its_beginning_and_its_end(fresh: Lab, chat: Chat):
    played = chat.play(fresh, "tune_cache", "-e", "set=cache.event_list_ttl=240", "-vvv")
    opened, begins, ended = chat.await_message(2)
    assert opened.startswith("opened by ") and begins.startswith("tune_cache.yml of ") and begins.endswith(" begins")
    assert ended.endswith("has ended; 1 change: cache-config.event_list_ttl from 60 to 240")
    assert "playbooks/timeline.yml" in chat.heard[0]
    assert SECRET not in played.output


@pytest.mark.parametrize("way", ["slow", "gone"])
def test_a_chat_that_does_not_answer_fails_nothing_and_is_a_warning_once(fresh: Lab, chat: Chat, way: str):
    chat.delay = 30
    if way == "gone":
        chat.server_close()
    played = chat.play(fresh, "scale_app", "-e", "replicas=3")
    assert played.output.count("the chat ") == 1, played.output
    journal = scenario.must(scenario.play(fresh, "timeline")).output
    assert journal.count("the chat ") == 1 and SECRET not in journal
    assert len(chat.heard) <= 2


def test_the_ladder_is_told_once_a_rung_until_somebody_acknowledges(fresh: Lab, chat: Chat):
    scenario.must(scenario.play(fresh, "incident", "-e", "action=open", "-e", "severity=P1"))
    assert chat.play(fresh, "escalate", *CONTACTS, "--check").changed == 1
    assert [chat.play(fresh, "escalate", *CONTACTS).changed for _ in range(2)] == [1, 0]
    chat.play(fresh, "escalate", *CONTACTS, "-e", "to=CTO", "-e", "why=derby")
    due, by_hand = chat.await_message(2)
    assert due == "nobody has acknowledged it for 0 minutes: On-call engineer is due"
    assert by_hand.endswith(" escalates to CTO (+250 3): derby")
    scenario.must(scenario.play(fresh, "incident", "-e", "action=acknowledge"))
    later = json.dumps({"smartsports_contacts": [{"name": "CEO", "after": 0}]})
    assert chat.play(fresh, "escalate", "-e", later).changed == 0
    assert len(chat.heard) == 2


def test_what_is_off_stops_schedules_and_no_person(fresh: Lab):
    assert scenario.play(fresh, "automation", "-e", "state=off").rc != 0
    try:
        switched = [scenario.must(scenario.play(fresh, "automation", "-e", "state=off", "-e", "why=derby")) for _ in range(2)]
        assert [played.changed for played in switched] == [1, 0]
        told = scenario.must(scenario.play(fresh, "assess")).output
        assert -1 < told.find("AUTOMATION IS OFF: ") < told.find("SEVERITY ")
        wanted = ["tune_cache", "-e", "set=cache.event_list_ttl=90"]
        refused = scenario.play(fresh, *wanted, "-e", "incident_source=schedule")
        assert refused.rc != 0 and "(derby)" in refused.failure and "automation.yml -e state=on" in refused.failure, (
            refused.output
        )
        assert scenario.admin_settings(fresh)["cache-config"]["event_list_ttl"] == 60
        assert scenario.must(scenario.play(fresh, *wanted)).changed == 1
    finally:
        scenario.must(scenario.play(fresh, "automation", "-e", "state=on"))
    assert "AUTOMATION" not in scenario.must(scenario.play(fresh, "assess")).output
