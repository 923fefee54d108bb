# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import re

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _lock, incident
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.host import identity

FIELD = "cache-config.event_list_ttl"


@pytest.fixture
def act(host):
    """The module; `who` and `check_mode` beside its options."""

    def act(action, who="alice", check_mode=False, **options):
        asked = {"identity": identity("", who), "action": action, **options}
        params = host.params(incident, state_directory=str(host.directory), **asked)
        return incident.run(params, check_mode, silent)

    return act


@pytest.fixture
def changed(host):
    """A run has set something in an incident."""
    begun = host.begin()
    host.set(begun, "cache-config", event_list_ttl=300)
    host.end(begun)
    return begun["claim"]["record"]


def events(host):
    return host.events("event", "actor", "reason")


def test_nothing_is_open_and_nothing_is_made(act, host):
    result = act("status")
    assert (result["changed"], result["record"], result["holder"], result["away"]) == (False, None, None, {})
    assert (result["report"]["title"], result["report"]["status"]) == ("NO RECORD IS OPEN", "good")
    assert not host.directory.exists()


def test_status_tells_what_is_open_and_what_is_away(act, host, changed):
    before = {path: path.read_bytes() for path in host.directory.rglob("*") if path.is_file()}
    result = act("status")
    assert result["changed"] is False
    assert result["away"] == {FIELD: {"before": 60, "ours": 300, "now": 300}}
    report = result["report"]
    assert re.fullmatch(rf"INCIDENT P1 OPEN since .*: {changed} of alice: the site is slow", report["title"])
    assert (report["status"], report["rows"]) == ("warn", [[FIELD, "60", "300", "300"]])
    assert report["lines"] == [f"settings expire at {result['record']['lease_until']}", ["nobody has acknowledged it", "warn"]]
    assert {path: path.read_bytes() for path in host.directory.rglob("*") if path.is_file()} == before


def test_a_record_is_not_closed_under_a_run(act, host, changed):
    begun = host.begin()
    with pytest.raises(Refusal, match=r"is not closed: .* has held the platform since .*; close it when that is done\.$"):
        act("close", leave=True)
    host.end(begun)
    assert act("close", leave=True)["record"]["closed"]


def test_no_record_is_opened_while_a_run_is_half_way(act, host):
    begun = host.begin(kind="planned")
    with pytest.raises(Refusal, match=r"no record is opened: respond\.yml of alice has held the platform since .*is half way"):
        act("open")
    host.set(begun, "cache-config", event_list_ttl=300)
    host.end(begun)
    assert act("open")["record"]["baseline"][FIELD] == 300


def test_what_a_killed_run_set_counts_before_anybody_has_written_it_down(act, host):
    host.set(host.begin(), "cache-config", event_list_ttl=300)
    _lock.release(host.state, "a")
    assert act("status")["away"] == {FIELD: {"before": 60, "ours": 300, "now": 300}}
    with pytest.raises(Refusal, match=r"is not closed: 1 setting of its runs still in force \(cache-config\.event_list_ttl\)"):
        act("close")


def test_status_tells_who_has_the_platform(act, host):
    begun = host.begin()
    result = act("status")
    assert result["holder"]["run"] == begun["claim"]["run"]
    assert re.match(r"respond\.yml of alice has held the platform since", result["report"]["lines"][0][0])


def test_opens_a_record_with_all_settings(act, host):
    result = act("open", severity="P2", why="derby")
    assert result["changed"] is True
    [record] = host.records()
    assert result["record"] == record
    assert (record["who"], record["severity"], record["why"], record["source"]) == ("alice", "P2", "derby", "person")
    assert record["baseline"] == record["seen"] == {FIELD: 60, "app.replicas": 2}
    assert events(host) == [("opened", "alice", "derby")]
    begun = host.begin()
    assert (begun["opened"], begun["claim"]["record"]) == (False, record["id"])


@pytest.mark.parametrize(("severity", "after"), [("", "P1"), ("P2", "P1"), ("P1", "P1"), ("P0", "P0")])
def test_opening_what_is_open_only_raises_its_severity(act, host, severity, after):
    opened = act("open", severity="P1", why="derby")["record"]
    told = [act("open", severity=severity, who="bob", check_mode=check_mode)["changed"] for check_mode in (True, False, False)]
    assert told == [after != "P1", after != "P1", False]
    assert host.records() == [{**opened, "severity": after}]
    assert events(host)[1:] == ([("severity", "bob", "raised to P0")] if after == "P0" else [])


def test_an_incident_is_opened_within_a_planned_event(act, host):
    planned = act("open", kind="planned", severity="P0")["record"]
    result = act("open")
    assert (result["changed"], result["record"]["parent"]) == (True, planned["id"])
    assert act("close")["record"]["id"] == result["record"]["id"]
    assert act("status")["record"]["id"] == planned["id"]
    assert act("status")["report"]["title"].startswith("PLANNED OPEN since")


@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_else_is_opened_within_an_incident(act, host, check_mode):
    opened = act("open")["record"]
    with pytest.raises(Refusal, match=f"incident {opened['id']} is open, and no planned record is opened in it; close it first"):
        act("open", kind="planned", check_mode=check_mode)
    assert host.records() == [opened]


@pytest.mark.parametrize("action", ["close", "renew", "acknowledge"])
def test_without_an_open_record_there_is_nothing_to_do(act, action):
    with pytest.raises(
        Refusal, match=rf"no record is open, so there is nothing to {action}; open one with x\.yml -e action=open"
    ):
        act(action, commands={"incident": "x.yml"})


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_record_is_not_closed_while_something_is_in_force(act, host, changed, check_mode):
    with pytest.raises(
        Refusal, match=rf"{changed} is not closed: 1 setting of its runs still in force \({FIELD}\); take them back"
    ):
        act("close", check_mode=check_mode)
    assert host.records()[0]["closed"] == ""


def test_what_cannot_be_seen_counts_as_in_force(act, host, changed):
    del host.settings["cache-config"]
    with pytest.raises(Refusal, match="still in force"):
        act("close")


def test_closes_what_is_as_it_was(act, host, changed):
    host.settings["cache-config"]["event_list_ttl"] = 60
    result = act("close", who="bob", why="sold out")
    assert (result["changed"], result["away"]) == (True, {})
    [record] = host.records()
    assert record["closed_by"] == {"who": "bob", "why": "sold out"}
    assert result["report"]["title"].startswith(f"CLOSED {record['closed']}: {changed}")
    assert events(host)[-1] == ("closed", "bob", "sold out")


def test_closes_and_leaves_what_is_set_where_that_is_asked_for(act, host, changed):
    result = act("close", leave=True)
    assert result["changed"] is True
    assert host.records()[0]["closed"]
    assert host.settings["cache-config"]["event_list_ttl"] == 300


def test_renews(act, host, changed):
    before = host.records()[0]["lease_until"]
    assert act("renew", hours=8.0, why="extra time")["changed"] is True
    assert host.records()[0]["lease_until"] > before
    assert events(host)[-1] == ("renewed", "alice", "extra time")
    with pytest.raises(Refusal, match="hours=200 is no time"):
        act("renew", hours=200.0)


def test_acknowledges_once(act, host, changed):
    result = act("acknowledge", who="bob")
    assert result["changed"] is True
    assert result["report"]["lines"][-1] == [f"acknowledged by bob at {result['record']['acknowledged']['at']}", "good"]
    assert act("acknowledge", who="bob")["changed"] is False
    assert act("acknowledge", who="carol")["changed"] is True
    assert [event for event in events(host) if event[0] == "acknowledged"] == [
        ("acknowledged", "bob", ""),
        ("acknowledged", "carol", ""),
    ]


@pytest.mark.parametrize("action", ["open", "close", "renew", "acknowledge"])
def test_a_preview_tells_and_does_nothing(act, host, changed, action):
    host.settings["cache-config"]["event_list_ttl"] = 60
    before = {path: path.read_bytes() for path in host.directory.rglob("*") if path.is_file()}
    assert act(action, severity="P0", check_mode=True)["changed"] is True
    assert {path: path.read_bytes() for path in host.directory.rglob("*") if path.is_file()} == before


def test_a_preview_makes_no_state_directory(act, host):
    assert act("open", check_mode=True)["changed"] is True
    assert not host.directory.exists()
