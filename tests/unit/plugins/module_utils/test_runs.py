# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run finds when it begins: the record, and what was changed while nobody held the platform."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _journal, _record, _runs
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._runs import differences, flat, nested, record_for
from hypothesis import given
from hypothesis import strategies as st

WANTED = {"kind": "incident", "severity": "P1", "who": "alice", "why": "the site is slow", "source": "person"}
SETTINGS = {"cache-config": {"event_list_ttl": 60}, "app": {"replicas": 2}}
LATER = {"cache-config": {"event_list_ttl": 300}, "app": {"replicas": 2}}
KILLED = {"run": "killed", "number": 7, "playbook": "respond.yml", "who": "bob", "reason": "its controller died"}


def events(state, record):
    return [event for event in _journal.events(state, record["id"]) if event["event"] in ("note", "takeover", "killed")]


def test_the_first_run_opens_a_record_with_all_settings_as_its_baseline(state):
    record, how = record_for(state, WANTED, SETTINGS, None)
    assert how == "opened"
    assert record["baseline"] == record["seen"] == {"cache-config.event_list_ttl": 60, "app.replicas": 2}
    assert record == _record.read(state, record["id"])


def test_the_next_one_joins_it(state):
    first, _how = record_for(state, WANTED, SETTINGS, None)
    second, how = record_for(state, {**WANTED, "who": "bob"}, SETTINGS, None)
    assert (how, second) == ("joined", first)
    assert events(state, first) == []


def test_a_run_that_is_no_incident_s_is_refused_during_one(state):
    first, _how = record_for(state, WANTED, SETTINGS, None)
    with pytest.raises(
        Refusal, match=rf"incident {first['id']} of alice is open since .*, and a run of kind auto does not change"
    ):
        record_for(state, {**WANTED, "kind": "auto"}, LATER, None)
    assert _record.read(state, first["id"]) == first


def test_what_somebody_changed_by_hand_is_told_and_not_ours(state):
    record_for(state, WANTED, SETTINGS, None)
    record, _how = record_for(state, WANTED, LATER, None)
    [note] = events(state, record)
    assert (note["event"], note["reason"]) == ("note", "changed by hand since the last run")
    assert (note["before"], note["after"]) == ({"cache-config.event_list_ttl": 60}, {"cache-config.event_list_ttl": 300})
    assert (record["changed"], record["baseline"]["cache-config.event_list_ttl"]) == ({}, 60)
    record_for(state, WANTED, LATER, None)
    assert len(events(state, record)) == 1, "it is told once"


def test_what_a_killed_run_changed_is_its_doing(state):
    opened, _how = record_for(state, WANTED, SETTINGS, None)
    about = {"run": "killed", "number": 7, "actor": "bob", "playbook": "respond.yml"}
    _journal.note(state, opened["id"], event="run-start", **about)
    _journal.note(state, opened["id"], event="step-start", step="cache_config", **about)
    record, _how = record_for(state, WANTED, LATER, KILLED)
    assert [(event["event"], event["step"], event["result"]) for event in events(state, record)] == [
        ("killed", "cache_config", "failed"),
        ("killed", "", "failed"),
        ("takeover", "", ""),
    ]
    takeover = events(state, record)[-1]
    assert takeover["reason"] == "its controller died: respond.yml"
    assert [takeover[name] for name in ("run", "number", "actor", "playbook")] == ["killed", 7, "bob", "respond.yml"]
    assert takeover["after"] == {"cache-config.event_list_ttl": 300}
    change = record["changed"]["cache-config.event_list_ttl"]
    assert (change["from"], change["to"], change["run"]) == (60, 300, "killed")
    assert record["seen"]["cache-config.event_list_ttl"] == 300


def test_a_tier_that_could_not_be_read_at_first_is_added_to_the_baseline(state):
    record_for(state, WANTED, {"app": {"replicas": 2}}, None)
    record, _how = record_for(state, WANTED, {**LATER, "app": {"replicas": 5}}, None)
    assert record["baseline"] == {"app.replicas": 2, "cache-config.event_list_ttl": 300}
    assert record["seen"] == {"app.replicas": 5, "cache-config.event_list_ttl": 300}


def test_differences_are_of_what_both_know():
    assert differences({"a": 1, "b": None, "gone": 1, "same": [1]}, {"a": 2, "b": "0.5", "new": 1, "same": [1]}) == {
        "a": {"from": 1, "to": 2},
        "b": {"from": None, "to": "0.5"},
    }


def test_flat_and_nested():
    settings = {
        "queue-config": {"virtual_queue": {"enabled": True}},
        "app": {"replicas": 2},
        "database-config": {"read_replicas": []},
    }
    fields = {"queue-config.virtual_queue.enabled": True, "app.replicas": 2, "database-config.read_replicas": []}
    assert flat(settings) == fields
    assert nested(fields) == settings


NAMES = st.text("ab-_ 1", min_size=1, max_size=4)
VALUES = st.none() | st.booleans() | st.integers() | st.text("a.:") | st.lists(st.integers(), max_size=2)
SETTINGS_OF_ANY_DEPTH = st.dictionaries(
    NAMES, st.recursive(VALUES, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=10), max_size=3
)


@given(SETTINGS_OF_ANY_DEPTH)
def test_nested_is_the_way_back_from_flat(settings):
    assert nested(flat(settings)) == settings
    assert flat(nested(flat(settings))) == flat(settings)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], False),
        ([("step-start", ""), ("step-end", "unchanged")], False),
        ([("step-start", ""), ("step-end", "unchanged"), ("step-start", ""), ("step-end", "ok")], True),
        ([("step-start", ""), ("step-end", "refused")], True),
        ([("step-start", ""), ("step-end", "failed")], True),
        ([("step-start", "")], True),
    ],
)
def test_a_run_did_something_where_a_step_ended_otherwise_than_unchanged(state, steps, expected):
    claim = {"run": "a", "record": "r"}
    _journal.note(state, "r", run="a", event="run-start")
    _journal.note(state, "r", run="b", event="step-start", step="cache_config")
    for event, result in steps:
        _journal.note(state, "r", run="a", event=event, step="cache_config", result=result)
    assert _runs.did_something(state, claim) is expected


def test_an_engine_that_does_not_answer_is_a_refusal(monkeypatch, tmp_path):
    class Engine:
        api = property(lambda self: self)

        def info(self):
            raise OSError("Connection refused")

    monkeypatch.setattr(_runs, "connect", Engine)
    with pytest.raises(Refusal, match=r"the Docker engine did not tell its id \(Connection refused\)"):
        _runs.open_state(str(tmp_path))
