# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is past its time goes back or is renewed; what is not stays as it is."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _automation, _clock, _journal, _record, _runs, lease
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

ME = {"run": "r1", "playbook": "expire.yml", "who": "timer@ops", "source": "schedule"}
NONE = {"webhook_url": "", "platform": "shop", "look": ""}
PAST = "2020-01-01T00:00:00Z"
WHY = "cpu was 91%, above 70%"


@pytest.fixture(autouse=True)
def engine(monkeypatch, state):
    monkeypatch.setattr(_runs, "open_state", lambda directory, make=True: state)


@pytest.fixture
def ask(state):
    """The module; `check_mode` beside its options."""

    def ask(verdict="", check_mode=False, chat=None, source="schedule", **options):
        given = {
            "state_directory": "",
            "identity": {**ME, "source": source},
            "chat": chat.option() if chat else NONE,
            "verdict": verdict,
        }
        return lease.run({**given, "why": "", "minutes": "30", "commands": {}, **options}, check_mode, silent)

    return ask


@pytest.fixture
def opened(state):
    """A record in which a run changed something."""

    def opened(kind="incident", until="", changed=True):
        wanted = {"kind": kind, "severity": "P1", "who": "ines@ops", "why": "", "source": "person"}
        record, _how = _record.join_or_open(state, wanted, {"app.replicas": 2})
        if changed:
            record = _record.set_changes(state, record["id"], {"app.replicas": {"from": 2, "to": 10}}, "r0")
        state.write(f"records/{record['id']}.json", {**record, "lease_until": until or record["lease_until"]})
        return _record.read(state, record["id"])

    return opened


def said(result: dict) -> str:
    [[line, _status]] = result["report"]["lines"]
    return line


def files(state) -> dict:
    return {path: path.read_bytes() for path in state.directory.rglob("*") if path.is_file()}


def in_minutes(record: dict) -> float:
    return (datetime.fromisoformat(record["lease_until"]) - _clock.now()) / timedelta(minutes=1)


@pytest.mark.parametrize("verdict", ["", "pass", "hold"])
def test_nothing_is_overdue_in_one_line_with_the_next_that_will_be(state, ask, opened, verdict):
    assert ask(verdict)["record"] == ""
    opened("planned", until="2999-01-01T00:00:00Z")
    record = opened()
    before = files(state)
    result = ask(verdict, why=WHY)
    assert (result["record"], result["changed"]) == ("", False)
    assert said(result) == f"nothing is overdue; the next lease ends at {record['lease_until']}: {record['id']} of ines@ops"
    assert files(state) == before


def test_what_changed_nothing_has_nothing_to_expire(ask, opened):
    opened(until=PAST, changed=False)
    assert said(ask()) == "nothing is overdue: no open record has changed anything"


def test_what_a_run_that_was_killed_has_set_expires_too(state, ask, opened):
    record = opened(until=PAST, changed=False)
    _journal.note(state, record["id"], event="run-start", run="r0")
    assert ask()["record"] == ""
    _journal.note(state, record["id"], event="step-start", run="r0", step="cache_config")
    assert ask()["record"] == record["id"]


def test_a_look_names_what_is_overdue_and_changes_nothing(state, ask, opened):
    record, before = opened(until=PAST), files(state)
    result = ask()
    assert (result["record"], result["changed"]) == (record["id"], False)
    assert said(result) == f"OVERDUE: the settings of {record['id']} of ines@ops should have gone back at {PAST}"
    assert files(state) == before


def test_where_the_load_is_low_it_goes_back(state, ask, opened):
    record, before = opened(until=PAST), files(state)
    result = ask("pass", why="low load")
    assert (result["record"], result["changed"], said(result)) == (
        record["id"],
        False,
        "the load is low: it goes back now, in these stages",
    )
    assert said(ask("pass", check_mode=True)) == "the load is low: it would go back now, in these stages"
    assert files(state) == before


def test_under_load_it_is_renewed_journalled_and_told_once(state, ask, opened, chat):
    record = opened(until=PAST)
    result = ask("hold", why=f"{WHY}.", chat=chat)
    renewed = _record.current(state)
    assert (result["record"], result["changed"]) == (record["id"], True)
    assert said(result) == f"not taken back, but renewed for 30 min, until {renewed['lease_until']}: {WHY}"
    assert 29 < in_minutes(renewed) <= 30
    assert renewed == {**record, "lease_until": renewed["lease_until"]}, "the settings stay"
    [event] = _journal.events(state, record["id"])
    assert (event["event"], event["actor"], event["playbook"], event["reason"]) == (
        "renewed",
        "timer@ops",
        "expire.yml",
        said(result),
    )
    assert len(chat.heard) == 1 and said(result) in chat.heard[0].replace("&gt;", ">")
    assert ask("hold", why=WHY, chat=chat)["changed"] is False
    assert len(chat.heard) == 1


def test_a_chat_that_is_gone_is_a_warning(ask, opened, chat):
    opened(until=PAST)
    chat.status = 500
    result = ask("hold", why=WHY, chat=chat)
    assert result["changed"] is True
    assert re.search(f"{WHY}; the chat was not told: its webhook answered 500", said(result))


def test_a_preview_tells_and_does_nothing(state, ask, opened, chat):
    opened(until=PAST)
    before = files(state)
    result = ask("hold", why=WHY, chat=chat, check_mode=True)
    assert (result["changed"], said(result)) == (True, f"would be renewed for 30 min: {WHY}")
    assert files(state) == before and chat.heard == []


def test_for_how_long_is_a_variable(state, ask, opened):
    opened(until=PAST)
    ask("hold", why=WHY, minutes=10)
    assert 9 < in_minutes(_record.current(state)) <= 10
    with pytest.raises(Refusal, match="incident_renew_minutes is 'soon', but must be a number of minutes"):
        ask(minutes="soon")


@pytest.mark.parametrize("verdict", ["", "pass", "hold"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_off_stops_a_schedule_and_no_person(state, ask, opened, verdict, check_mode):
    _automation.switch(state, "off", "ines@ops", "it fights us")
    assert ask(verdict)["record"] == "", "where there is nothing to do, nothing is refused"
    record = opened(until=PAST)
    before = files(state)
    with pytest.raises(Refusal, match=r"off by ines@ops at 2.*\(it fights us\), .*automation.yml -e state=on"):
        ask(verdict, check_mode=check_mode)
    assert files(state) == before
    assert ask(verdict, source="person", check_mode=check_mode)["record"] == record["id"]


def test_of_nested_ones_the_innermost_comes_first(state, ask, opened):
    outer, inner = opened("planned", until=PAST), opened(until=PAST)
    assert ask()["record"] == inner["id"]
    _record.renew(state, inner["id"])
    result = ask("hold", why=WHY)
    assert (result["record"], result["changed"]) == ("", False)
    assert said(result).endswith(f"should have gone back at {PAST}, but {inner['id']} is open in it, and comes first")
    assert _record.read(state, outer["id"])["lease_until"] == PAST
    _record.close(state, inner["id"], "ines@ops", "")
    assert ask()["record"] == outer["id"]
