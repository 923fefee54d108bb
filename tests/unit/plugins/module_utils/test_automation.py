# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _automation,
    _journal,
    _record,
    _runs,
    _standing,
    automation,
    run_begin,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

ME = {"run": "r1", "playbook": "automation.yml", "who": "ines@ops", "source": "person"}


@pytest.fixture(autouse=True)
def engine(monkeypatch, state):
    monkeypatch.setattr(_runs, "open_state", lambda directory, make=True: state)


def switch(state, to: str, why: str = "", check_mode: bool = False) -> dict:
    params = {"state_directory": str(state.directory), "identity": ME, "state": to, "why": why, "commands": {}}
    return automation.run(params, check_mode, silent)


def opened(state) -> dict:
    wanted = {"kind": "incident", "severity": "P1", "who": "ines@ops", "why": "derby", "source": "person"}
    return _record.join_or_open(state, wanted, {"app.replicas": 2})[0]


def test_it_is_on_until_somebody_switches_it_off_and_the_first_reason_stays(state):
    assert switch(state, "status")["report"]["title"] == "AUTOMATION IS ON"
    assert switch(state, "on")["changed"] is False
    assert switch(state, "off", "it fights us", check_mode=True)["changed"] is True
    assert switch(state, "status")["automation"]["state"] == "on"
    assert switch(state, "off", "it fights us")["changed"] is True
    again = switch(state, "off", "another reason")
    assert (again["changed"], again["automation"]["why"], again["automation"]["who"]) == (False, "it fights us", "ines@ops")
    assert "it fights us" in str(again["report"]["lines"])
    assert switch(state, "on")["changed"] is True
    assert switch(state, "status")["automation"]["state"] == "on"


def test_off_needs_a_reason(state):
    with pytest.raises(Refusal, match=r"state=off has no reason, .*-e why"):
        switch(state, "off", " ")


def test_the_open_record_s_journal_tells_it(state):
    record = opened(state)
    switch(state, "off", "it fights us")
    assert "switched off by ines@ops" in _journal.events(state, record["id"])[-1]["reason"]


@pytest.mark.parametrize(
    ("kind", "source", "stopped"),
    [
        ("auto", "person", True),
        ("auto", "alert", True),
        ("incident", "alert", True),
        ("planned", "schedule", True),
        ("incident", "person", False),
        ("incident", "awx", False),
        ("planned", "awx", False),
    ],
)
def test_off_stops_what_nobody_started_and_no_person(state, monkeypatch, kind, source, stopped):
    class Reached(Exception):
        pass

    def reached(*_):
        raise Reached

    monkeypatch.setattr(run_begin._lock, "acquire", reached)
    params = {"state_directory": "", "identity": {**ME, "source": source}, "kind": kind, "commands": {}}
    params |= {"preemptible": False, "preempt": False, "wait": 0}
    with pytest.raises(Reached):
        run_begin.run(params, False, silent)
    switch(state, "off", "it fights us")
    expected = (
        pytest.raises(Refusal, match=r"off by ines@ops at 2.*\(it fights us\), .*automation.yml -e state=on")
        if stopped
        else pytest.raises(Reached)
    )
    with expected:
        run_begin.run(params, False, silent)


def test_an_assessment_is_told_what_stands(state):
    assert _standing.find(str(state.directory)) == []
    _automation.switch(state, "off", "ines@ops", "it fights us")
    record = opened(state)
    _record.set_changes(state, record["id"], {"app.replicas": {"from": 2, "to": 10}}, "r1")
    assert len(_standing.find(str(state.directory))) == 1
    state.write(f"records/{record['id']}.json", {**_record.read(state, record["id"]), "lease_until": "2020-01-01T00:00:00Z"})
    off, overdue = _standing.find(str(state.directory), "-i inventory/yours")
    assert off.startswith("AUTOMATION IS OFF: automation was switched off by ines@ops at ") and off.endswith("(it fights us)")
    assert overdue == (
        f"OVERDUE: the settings of {record['id']} of ines@ops should have gone back at 2020-01-01T00:00:00Z; take them back with ansible-playbook "
        "playbooks/expire.yml -i inventory/yours, or renew them with ansible-playbook playbooks/incident.yml -i inventory/yours -e action=renew"
    )
    _record.renew(state, record["id"])
    assert len(_standing.find(str(state.directory))) == 1


def test_what_changed_nothing_and_what_is_closed_is_not_overdue(state):
    record = opened(state)
    state.write(f"records/{record['id']}.json", {**record, "lease_until": "2020-01-01T00:00:00Z"})
    assert _standing.find(str(state.directory)) == []
    state.write(
        f"records/{record['id']}.json", {**record, "changed": {"x": {}}, "lease_until": "2020-01-01T00:00:00Z", "closed": "now"}
    )
    assert _standing.find(str(state.directory)) == []


def test_no_state_directory_is_nothing_and_a_damaged_one_a_sentence(state, tmp_path):
    assert _standing.find("") == _standing.find(str(tmp_path / "nowhere")) == []
    (state.directory / "automation.json").write_text("{")
    (state.directory / "records").write_text("no folder")
    [told] = _standing.find(str(state.directory))
    assert told.startswith("whether automation is off is not known: ") and "is damaged" in told
    (state.directory / "automation.json").write_text('{"state": "off"}')
    [told] = _standing.find(str(state.directory))
    assert told.startswith("whether automation is off is not known")


def test_a_hundred_records_cost_milliseconds(state):
    for _each in range(100):
        record = opened(state)
        _record.close(state, record["id"], "ines@ops", "")
    began = time.process_time()
    _standing.find(str(state.directory))
    assert time.process_time() - began < 0.05
