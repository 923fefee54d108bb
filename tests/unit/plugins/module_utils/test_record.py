# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _record
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._record import (
    acknowledge,
    close,
    current,
    discard,
    extend,
    join_or_open,
    read,
    records,
    renew,
    set_changes,
    three_way,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.forked import fork, outcome

NORMAL, PREPARED = {"app.replicas": 2}, {"app.replicas": 10}


def wanted(kind="incident", severity="P1", **more):
    return {"kind": kind, "severity": severity, "who": "alice", "why": "the site is slow", "source": "person", **more}


@pytest.fixture(autouse=True)
def moment(monkeypatch):
    """The wall's time stands still."""
    monkeypatch.setattr(_clock, "now", lambda: datetime(2026, 11, 25, 20, 31, 7, tzinfo=UTC))


def test_nothing_is_open_at_first(state):
    assert current(state) is None
    assert records(state) == []


def test_opens_a_record(state):
    record, how = join_or_open(state, wanted(), NORMAL)
    assert how == "opened"
    assert re.fullmatch(r"20261125-203107-incident-[0-9a-f]{4}", record["id"])
    assert record == {
        "id": record["id"],
        "kind": "incident",
        "severity": "P1",
        "who": "alice",
        "why": "the site is slow",
        "source": "person",
        "opened": "2026-11-25T20:31:07Z",
        "closed": "",
        "closed_by": None,
        "parent": "",
        "baseline": NORMAL,
        "seen": {},
        "unseen": {},
        "changed": {},
        "lease_until": "2026-11-26T00:31:07Z",
        "acknowledged": None,
    }
    assert current(state) == read(state, record["id"]) == record


def test_nobody_goes_back_to_an_outage(state):
    record, _how = join_or_open(state, wanted(), {"app.replicas": 0, "app.cpus": "0.5"})
    assert record["baseline"] == {"app.cpus": "0.5"}
    assert extend(state, record["id"], {"app.replicas": 0})["baseline"] == {"app.cpus": "0.5"}
    assert extend(state, record["id"], {"app.replicas": 3})["baseline"] == {"app.replicas": 3, "app.cpus": "0.5"}


def test_two_in_one_second_have_two_ids(state, monkeypatch):
    given = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr(_record.secrets, "token_hex", lambda size: next(given))
    first, _how = join_or_open(state, wanted(), NORMAL)
    close(state, first["id"], "alice", "over")
    second, _how = join_or_open(state, wanted(), NORMAL)
    assert (first["id"][-4:], second["id"][-4:]) == ("aaaa", "bbbb")


@pytest.mark.parametrize(
    ("present", "met", "after"), [("P1", "P0", "P0"), ("P0", "P2", "P0"), ("P1", "P1", "P1"), ("", "P2", "P2"), ("P2", "", "P2")]
)
def test_an_incident_is_joined_its_severity_raised_and_its_baseline_kept(state, present, met, after):
    opened, _how = join_or_open(state, wanted(severity=present), NORMAL)
    joined, how = join_or_open(state, wanted(severity=met, who="bob"), PREPARED)
    assert how == "joined"
    assert joined == {**opened, "severity": after} == read(state, opened["id"])


def test_an_incident_in_a_planned_event_keeps_its_own_baseline(state):
    planned, _how = join_or_open(state, wanted("planned", "P0"), NORMAL)
    assert planned["severity"] == ""  # only incidents have one
    incident, how = join_or_open(state, wanted(), PREPARED)
    assert (how, incident["parent"], incident["baseline"]) == ("opened", planned["id"], PREPARED)
    assert current(state) == incident
    for end in (lambda: close(state, planned["id"], "alice", "over"), lambda: discard(state, planned["id"])):
        with pytest.raises(
            Refusal, match=f"record {planned['id']} cannot end while {incident['id']} is open in it; close that first"
        ):
            end()
    close(state, incident["id"], "alice", "over")
    assert current(state) == planned
    close(state, planned["id"], "alice", "over")
    assert current(state) is None
    assert len(records(state)) == 2


@pytest.mark.parametrize("kind", ["planned", "auto"])
def test_nothing_else_joins_an_incident(state, kind):
    incident, _how = join_or_open(state, wanted(), NORMAL)
    assert join_or_open(state, wanted(kind), PREPARED) == (incident, "refused")
    assert records(state) == [incident]


def test_the_steps_of_a_planned_event_are_one_record(state):
    planned, _how = join_or_open(state, wanted("planned"), NORMAL)
    assert join_or_open(state, wanted("planned"), PREPARED) == (planned, "joined")
    auto, how = join_or_open(state, wanted("auto"), PREPARED)
    assert (how, auto["parent"]) == ("opened", planned["id"])


def test_what_runs_set_is_remembered_the_last_counts(state):
    record, _how = join_or_open(state, wanted(), NORMAL)
    set_changes(
        state, record["id"], {"app.replicas": {"from": 2, "to": 8}, "queue.virtual.enabled": {"from": False, "to": True}}, "a"
    )
    set_changes(state, record["id"], {"app.replicas": {"from": 8, "to": 10}}, "b")
    found = read(state, record["id"])
    assert found["changed"] == {
        "app.replicas": {"from": 8, "to": 10, "run": "b", "at": "2026-11-25T20:31:07Z"},
        "queue.virtual.enabled": {"from": False, "to": True, "run": "a", "at": "2026-11-25T20:31:07Z"},
    }
    assert found["baseline"] == NORMAL


def test_renews_and_acknowledges(state):
    record, _how = join_or_open(state, wanted(), NORMAL)
    assert renew(state, record["id"], 0.5)["lease_until"] == "2026-11-25T21:01:07Z"
    acknowledge(state, record["id"], "bob")
    acknowledge(state, record["id"], "carol")
    found = read(state, record["id"])
    assert found["acknowledged"] == {"who": "carol", "at": "2026-11-25T20:31:07Z"}
    assert found["lease_until"] == "2026-11-25T21:01:07Z"


@pytest.mark.parametrize("hours", [0, -1, 169, float("nan")])
def test_refuses_hours_that_make_no_sense(state, hours):
    with pytest.raises(Refusal, match=rf"hours={hours:g} is no time a record can stay open; choose above 0 and up to 168"):
        renew(state, "x", hours)


def test_what_is_closed_stays_as_it_is(state):
    record, _how = join_or_open(state, wanted(), NORMAL)
    closed = close(state, record["id"], "bob", "the sale is over")
    assert (closed["closed"], closed["closed_by"]) == ("2026-11-25T20:31:07Z", {"who": "bob", "why": "the sale is over"})
    assert close(state, record["id"], "carol", "again") == closed
    for change in (
        lambda: set_changes(state, record["id"], {"app.replicas": {"from": 2, "to": 8}}, "a"),
        lambda: renew(state, record["id"]),
        lambda: acknowledge(state, record["id"], "carol"),
    ):
        with pytest.raises(
            Refusal, match=f"record {record['id']} was closed at 2026-11-25T20:31:07Z and is not changed any more; open a new"
        ):
            change()
    assert read(state, record["id"]) == closed


def test_discards_only_what_changed_nothing(state):
    record, _how = join_or_open(state, wanted(), NORMAL)
    discard(state, record["id"])
    assert (current(state), records(state)) == (None, [])
    record, _how = join_or_open(state, wanted(), NORMAL)
    set_changes(state, record["id"], {"app.replicas": {"from": 2, "to": 8}}, "a")
    with pytest.raises(
        Refusal,
        match=rf"record {record['id']} tells of changes \(app\.replicas\) and is not discarded; restore them and close it",
    ):
        discard(state, record["id"])


def test_refuses_a_record_that_is_not_there(state):
    with pytest.raises(Refusal, match=r"there is no record '20261125-203107-incident-3f9a' in .*/records; name one of those\."):
        read(state, "20261125-203107-incident-3f9a")
    with pytest.raises(Refusal, match="is no name of a file of the state"):
        read(state, "../lock")


def test_runs_that_start_together_open_one_record(state):
    def work(severity):
        join_or_open(State(state.directory, state.daemon), wanted(severity=severity), NORMAL)

    children = [fork(lambda severity=severity: work(severity)) for severity in ("P2", "P0", "P1")]
    assert [outcome(child) for child in children] == [0, 0, 0]
    assert [record["severity"] for record in records(state)] == ["P0"]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "part", "expected"),
    [
        (2, 10, 10, "restore", {"f": 2}),
        (2, 10, 2, "same", ["f"]),
        (2, 2, 2, "same", ["f"]),
        (2, 10, 12, "kept_by_hand", {"f": {"ours": 10, "theirs": 12, "baseline": 2}}),
        (False, True, True, "restore", {"f": False}),
        ([1], [2], [2], "restore", {"f": [1]}),
        (2, 10, None, "kept_by_hand", {"f": {"ours": 10, "theirs": None, "baseline": 2}}),
        (None, 10, 10, "kept_by_hand", {"f": {"ours": 10, "theirs": 10, "baseline": None}}),
    ],
)
def test_three_way(base, ours, theirs, part, expected):
    changed = {"f": {"from": base, "to": ours, "run": "a", "at": ""}}
    present = {"f": theirs} if theirs is not None else {}
    result = three_way({"f": base, "other": 1} if base is not None else {}, changed, {**present, "other": 3})
    assert result == {"restore": {}, "kept_by_hand": {}, "same": [], part: expected}
