# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal, _record, _runs, escalation
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

LADDER = [
    {"name": "On-call engineer", "phone": "+250 1", "after": "0"},
    {"name": "Infrastructure lead", "phone": "+250 2", "after": "5"},
    {"name": "CTO", "phone": "+250 3", "after": "15"},
    {"name": "CEO", "after": "30"},
]
EXTERNAL = [{"name": "CDN provider", "phone": "+1 9", "for": "emergency contact"}]
ME = {"run": "r1", "playbook": "escalate.yml", "who": "ines@ops", "source": "person"}
NONE = {"webhook_url": "", "platform": "shop", "look": ""}


@pytest.fixture(autouse=True)
def engine(monkeypatch, state):
    monkeypatch.setattr(_runs, "open_state", lambda directory, make=True: state)


def escalate(state, chat=None, check_mode: bool = False, **params) -> dict:
    given = {"ladder": LADDER, "external": EXTERNAL, "to": "", "why": "", "commands": {}, **params}
    option = chat.option() if chat else NONE
    return escalation.run({"state_directory": "", "identity": ME, "chat": option, **given}, check_mode, silent)


@pytest.fixture
def incident(state):
    """Call it with the minutes since an incident was opened."""

    def opened(minutes: int) -> dict:
        wanted = {"kind": "incident", "severity": "P1", "who": "ines@ops", "why": "derby", "source": "person"}
        record, _how = _record.join_or_open(state, wanted, {})
        record = {**record, "opened": _clock.text(_clock.now() - timedelta(minutes=minutes))}
        state.write(f"records/{record['id']}.json", record)
        return record

    return opened


@pytest.mark.parametrize(
    ("minutes", "due"),
    [(0, 1), (4, 1), (5, 2), (14, 2), (15, 3), (29, 3), (30, 4), (300, 4)],
)
def test_who_is_due_follows_the_runbook_s_minutes(state, incident, minutes, due):
    incident(minutes)
    found = escalate(state, check_mode=True)
    assert found["due"] == [rung["name"] for rung in LADDER[:due]]
    assert [row[0] for row in found["report"]["rows"] if row[3] == ["due now", "bad"]] == [LADDER[due - 1]["name"]]


def test_each_rung_is_told_once(state, incident, chat):
    record = incident(4)
    assert escalate(state, chat, check_mode=True)["changed"] and chat.heard == []
    assert escalate(state, chat)["changed"] is True
    assert escalate(state, chat)["changed"] is False
    incident(16)
    assert escalate(state, chat)["notified"] == [
        "nobody has acknowledged it for 16 minutes: Infrastructure lead (+250 2) is due",
        "nobody has acknowledged it for 16 minutes: CTO (+250 3) is due",
    ]
    assert escalate(state, chat)["changed"] is False
    assert len(chat.heard) == 2 and "On-call engineer (+250 1) is due" in chat.heard[0]
    assert len(_journal.events(state, record["id"])) == 3


def test_an_acknowledged_incident_goes_up_no_further(state, incident, chat):
    record = incident(16)
    _record.acknowledge(state, record["id"], "ama@ops")
    found = escalate(state, chat)
    assert (found["changed"], found["due"], chat.heard) == (False, [], [])
    assert "acknowledged by ama@ops" in found["report"]["title"]


def test_a_rung_that_the_chat_was_not_told_of_is_told_the_next_time(state, incident, chat):
    record = incident(0)
    chat.status = 500
    assert "answered 500" in str(escalate(state, chat)["report"]["lines"])
    escalate(state, chat)
    assert len(_journal.events(state, record["id"])) == 1, "the failure is in the journal once"
    chat.status = 200
    assert escalate(state, chat)["changed"] and not escalate(state, chat)["changed"]
    assert len(chat.heard) == 3


def test_without_a_chat_it_is_shown_and_journalled_once(state, incident):
    record = incident(0)
    assert "the journal alone" in str(escalate(state)["report"]["lines"])
    assert escalate(state)["changed"] is False
    assert len(_journal.events(state, record["id"])) == 1


def test_by_hand_to_anybody_for_a_reason(state, incident, chat):
    incident(1)
    found = escalate(state, chat, to="cto", why="payments fail")
    assert found["notified"] == ["ines@ops escalates to CTO (+250 3): payments fail"]
    assert escalate(state, chat, to="CTO", why="payments fail")["changed"] is False
    assert escalate(state, chat, to="CTO", why="the database is gone")["changed"] is True
    assert escalate(state, chat, to="CDN provider", why="origin shield")["changed"] is True
    with pytest.raises(Refusal, match=r"'pope' is no contact of the inventory; choose one of CDN provider, On-call engineer"):
        escalate(state, chat, to="pope", why="x")
    with pytest.raises(Refusal, match=r"to=CTO has no reason"):
        escalate(state, chat, to="CTO")
    assert len(chat.heard) == 3


def test_only_an_open_incident_escalates(state, chat):
    assert escalate(state, chat)["report"]["title"] == "NO INCIDENT IS OPEN"
    _record.join_or_open(state, {"kind": "planned", "severity": "", "who": "x", "why": "", "source": "schedule"}, {})
    assert escalate(state, chat)["changed"] is False
    with pytest.raises(Refusal, match=r"no incident is open .*action=open"):
        escalate(state, chat, to="CTO", why="x")
    assert chat.heard == []


@pytest.mark.parametrize("ladder", [[], [{"name": "CTO"}], [{"name": "CTO", "after": "later"}], [{"after": 5}]])
def test_a_ladder_that_is_none_is_refused(state, ladder):
    with pytest.raises(Refusal, match=r"smartsports_contacts is .* correct it in the inventory"):
        escalate(state, ladder=ladder)
