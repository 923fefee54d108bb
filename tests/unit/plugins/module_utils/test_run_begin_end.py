# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules run_begin and run_end around the steps of a run."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _lock,
    _record,
    _runs,
    platform_snapshot,
    run_begin,
    run_end,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.host import identity

FIELD = "cache-config.event_list_ttl"


def raising(error):
    def work(*args, **options):
        raise error

    return work


def test_a_run_begins_with_the_lock_a_record_and_the_settings(host):
    host.unreadable = {"pool": "no answer"}
    begun = host.begin()
    [record] = host.records()
    assert begun["claim"] == {
        "state_directory": str(host.directory),
        "daemon": "daemon-1",
        "run": "a",
        "number": 1,
        "record": record["id"],
        "actor": "alice",
        "playbook": "respond.yml",
        "unreadable": {"pool": "no answer"},
        "prometheus": {"url": "", "metrics": {}, "thresholds": {}},
    }
    assert (begun["changed"], begun["opened"], begun["settings"]) == (False, True, host.settings)
    assert begun["report"]["lines"] == [f"incident {record['id']} opened: how everything was set is kept for the way back"]
    assert (record["who"], record["why"], record["source"], record["severity"]) == ("alice", "the site is slow", "person", "P1")
    assert host.events("event", "actor", "reason") == [("opened", "alice", "the site is slow"), ("run-start", "alice", "")]
    assert _lock.holder(host.state)["run"] == "a"


def test_a_preview_begins_nothing(host):
    assert host.begin(check_mode=True) == {"changed": False, "claim": None}
    assert not host.directory.exists()


@pytest.mark.parametrize(
    ("severity", "kept"), [("P0", "P0"), ("P1", "P1"), ("P2", "P2"), ("normal", ""), ("unknown", ""), ("", "")]
)
def test_only_an_assessed_severity_is_one(host, severity, kept):
    host.begin(severity=severity)
    assert host.records()[0]["severity"] == kept


@pytest.mark.parametrize(
    ("kind", "asked", "makes_way"),
    [("incident", False, False), ("incident", True, True), ("planned", False, True), ("auto", False, True)],
)
def test_who_makes_way(host, kind, asked, makes_way):
    host.begin(kind=kind, preemptible=asked)
    assert _lock.holder(host.state)["preemptible"] is makes_way


@pytest.mark.parametrize(("source", "makes_way"), [("person", False), ("awx", False), ("alert", False), ("schedule", True)])
def test_what_is_scheduled_makes_way(host, source, makes_way):
    host.begin(identity={**identity("a"), "source": source})
    assert _lock.holder(host.state)["preemptible"] is makes_way


def test_who_has_the_platform_keeps_it(host):
    host.begin("a")
    with pytest.raises(Refusal, match=r"respond\.yml of alice has held the platform since"):
        host.begin("b")
    assert _lock.holder(host.state)["run"] == "a"
    assert host.events("run", "event") == [("a", "opened"), ("a", "run-start")]


def test_who_was_waited_for_is_told_when_it_is_over(host, monkeypatch):
    host.begin("a")
    monkeypatch.setattr(_lock.time, "sleep", lambda seconds: _lock.release(host.state, "a"))
    lines = host.begin("b", wait=60)["report"]["lines"]
    assert lines[0].startswith("waited 0 s: respond.yml of alice has held the platform since ")


def test_a_run_that_is_refused_lets_go(host):
    host.end(host.begin("a")), host.begin("b")
    _lock.release(host.state, "b")
    with pytest.raises(Refusal, match="a run of kind auto does not change"):
        host.begin("c", kind="auto")
    assert _lock.holder(host.state) is None


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", [(platform_snapshot, "run"), (_runs, "record_for"), (_runs, "tell")])
def test_whatever_breaks_at_the_beginning_lets_go(host, monkeypatch, place, error):
    monkeypatch.setattr(*place, raising(error))
    with pytest.raises(type(error)):
        host.begin()
    assert _lock.holder(host.state) is None


def test_a_disk_without_room_is_told_before_the_lock(host, monkeypatch):
    monkeypatch.setattr(run_begin, "ROOM", 2**70)
    with pytest.raises(Refusal, match="a run needs"):
        host.begin()
    assert _lock.holder(host.state) is None


def test_a_killed_run_is_taken_over_and_told(host, monkeypatch):
    killed = host.begin("a")
    host.set(killed, "cache-config", event_list_ttl=300)
    monkeypatch.setattr(_lock, "_lost", lambda found, patient: "its controller died")
    begun = host.begin("b")
    assert (killed["unfinished"], begun["unfinished"]) == ([], ["app"])
    assert begun["report"]["lines"] == [["taken over from respond.yml of alice (its controller died)", "warn"]]
    assert host.records()[0]["changed"][FIELD]["run"] == "a"
    assert begun["claim"]["number"] == 2


def test_a_damaged_file_that_was_recovered_is_told(host):
    host.end(host.begin("a"))
    host.set(host.begin("b"), "cache-config", event_list_ttl=300)
    _lock.release(host.state, "b")
    [path] = (host.directory / "records").glob("*.json")
    path.write_text("{")
    assert any("is damaged" in line[0] for line in host.begin("c")["report"]["lines"])


def test_a_run_joins_without_a_report(host):
    first = host.begin("a")
    host.set(first, "cache-config", event_list_ttl=300)
    host.end(first)
    second = host.begin("b")
    assert (second["opened"], second["report"]) == (False, None)
    assert second["claim"]["record"] == first["claim"]["record"]


def test_a_run_ends_with_its_changes_in_the_record(host):
    begun = host.begin()
    host.set(begun, "cache-config", event_list_ttl=300)
    ended = host.end(begun)
    assert 0 <= ended.pop("seconds") < 5 and 0 <= begun["seconds"] < 5
    assert ended == {
        "changed": False,
        "settings": host.settings,
        "changes": {FIELD: {"from": 60, "to": 300}},
        "record": begun["claim"]["record"],
        "report": None,
    }
    [record] = host.records()
    assert (record["changed"][FIELD]["to"], record["changed"][FIELD]["run"]) == (300, "a")
    assert (record["seen"][FIELD], record["baseline"][FIELD]) == (300, 60)
    assert host.events("event", "result", "changed", "before", "after")[-1] == ("run-end", "ok", True, {FIELD: 60}, {FIELD: 300})
    assert _lock.holder(host.state) is None


@pytest.mark.parametrize("step", [False, True])
def test_a_record_in_which_nothing_was_done_is_discarded(host, step):
    begun = host.begin()
    if step:
        host.set(begun, "cache-config", event_list_ttl=60)
    ended = host.end(begun, "replicas=seven is no number." if not step else "")
    assert (ended["record"], ended["changes"]) == ("", {})
    assert host.records() == []
    assert list((host.directory / "journal").iterdir()) == []
    assert _lock.holder(host.state) is None


def test_a_record_that_was_open_stays_open(host):
    first = host.begin("a")
    host.set(first, "cache-config", event_list_ttl=300)
    host.end(first)
    assert host.end(host.begin("b"))["record"] == first["claim"]["record"]
    assert host.events("run", "event", "result")[-2:] == [("b", "run-start", ""), ("b", "run-end", "unchanged")]


def test_a_step_that_did_something_keeps_the_record(host):
    begun = host.begin()
    host.set(begun, "cache-config", event_list_ttl=300)
    host.set(begun, "cache-config", event_list_ttl=60)
    assert host.end(begun)["record"] == begun["claim"]["record"]
    assert host.records()[0]["changed"] == {}
    assert host.events("event", "result")[-1] == ("run-end", "unchanged")


def test_what_failed_is_told(host):
    begun = host.begin()
    host.set(begun, "cache-config", event_list_ttl=300)
    host.end(begun, "the replicas are not healthy.")
    assert host.events("event", "result", "changed", "reason")[-1] == ("run-end", "failed", True, "the replicas are not healthy.")


@pytest.mark.parametrize("error", [Refusal("no answer."), ValueError("a defect"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", [(platform_snapshot, "run"), (_record, "set_changes"), (_runs, "tell")])
def test_whatever_breaks_at_the_end_lets_go(host, monkeypatch, place, error):
    begun = host.begin()
    host.set(begun, "cache-config", event_list_ttl=300)
    monkeypatch.setattr(*place, raising(error))
    with pytest.raises(type(error)):
        host.end(begun)
    assert _lock.holder(host.state) is None


def test_the_lock_of_another_stays(host):
    begun = host.begin("a")
    _lock.release(host.state, "a")
    host.begin("b")
    host.end(begun)
    assert _lock.holder(host.state)["run"] == "b"


def test_an_end_needs_nothing_but_the_beginning(host):
    required = {name for name, option in run_end.SPEC["argument_spec"].items() if option.get("required")}
    assert required - set(platform_snapshot.SPEC["argument_spec"]) == {"begun"}


@pytest.mark.parametrize("blind", ["cannot read the tier", "breaks"])
def test_what_a_run_set_is_its_own_where_its_end_could_not_see_it(host, monkeypatch, blind):
    begun = host.begin("a")
    host.set(begun, "cache-config", event_list_ttl=300)
    cache = host.settings.pop("cache-config")
    if blind == "breaks":
        with monkeypatch.context() as broken:
            broken.setattr(platform_snapshot, "run", raising(ValueError("a defect")))
            with pytest.raises(ValueError, match="a defect"):
                host.end(begun)
    else:
        host.unreadable = {"api": "no answer"}
        [[warning, _how]] = host.end(begun)["report"]["lines"]
        assert warning.startswith("the tier api could not be read at the end (no answer)")
    assert FIELD not in host.records()[0]["changed"]

    host.unreadable, host.settings["cache-config"] = {}, cache
    host.settings["app"]["replicas"] = 5  # by hand, meanwhile
    host.end(host.begin("b"))
    changed = host.records()[0]["changed"]
    assert (changed[FIELD]["run"], changed[FIELD]["from"], changed[FIELD]["to"]) == ("a", 60, 300)
    assert ("app.replicas" in changed) is (blind == "breaks")  # of a run without an end nobody knows how far it came
    assert host.records()[0]["unseen"] == {}
    told = [reason for event, reason in host.events("event", "reason") if event in ("takeover", "note")]
    assert told[0] == "its end did not see what it changed: respond.yml"
    assert (told[1:] == ["changed by hand since the last run"]) is (blind == "cannot read the tier")


def test_who_decided_on_what_is_no_longer_so_changes_nothing(host):
    first = host.begin("a")
    host.set(first, "cache-config", event_list_ttl=300)
    known = len(host.events("event"))
    host.end(first)
    host.end(host.begin("b", known=known))  # nobody but the run that was known
    other = host.begin("c")
    host.set(other, "cache-config", event_list_ttl=900)
    host.end(other)
    with pytest.raises(Refusal, match=r"nothing was changed: respond\.yml of alice has changed the platform meanwhile"):
        host.begin("d", known=known)
    assert _lock.holder(host.state) is None


@pytest.mark.parametrize("preemptible", [True, False])
def test_a_killed_run_is_gone_on_from_where_it_was_a_recovery(host, monkeypatch, preemptible):
    killed = host.begin("a", preemptible=preemptible)
    known = len(host.events("event"))
    host.set(killed, "cache-config", event_list_ttl=300)  # what it left behind came to its end
    monkeypatch.setattr(_lock, "_lost", lambda found, patient: "its controller died")
    if preemptible:
        assert host.begin("b", known=known)["claim"]["number"] == 2
    else:
        with pytest.raises(Refusal, match="has changed the platform meanwhile"):
            host.begin("b", known=known)


CACHE = "cache-config"


def hidden(host, monkeypatch, how):
    """A run has set something, and its tier cannot be read any more: at its end, or where it was killed."""
    begun = host.begin("a")
    host.set(begun, CACHE, event_list_ttl=300)
    cache, host.unreadable = host.settings.pop(CACHE), {"api": "no answer"}
    if how == "its end":
        host.end(begun)
    else:
        monkeypatch.setattr(_lock, "_lost", lambda found, patient: "its controller died" if found["run"] == "a" else "")

    def again():
        host.settings[CACHE], host.unreadable = cache, {}

    return again


@pytest.mark.parametrize("how", ["its end", "a kill"])
def test_what_a_run_set_is_its_own_also_where_the_next_one_cannot_see_it_either(host, monkeypatch, how):
    again = hidden(host, monkeypatch, how)
    second = host.begin("b")
    [record] = host.records()
    assert record["unseen"] == {FIELD: "a"}
    assert [each["id"] for each in _record.expiring(host.state)] == [record["id"]]
    assert _runs.ours(host.state, record, _runs.flat(host.settings))[FIELD]["to"] is None
    again()
    host.end(second)
    [record] = host.records()
    assert record["unseen"] == {}
    assert [record["changed"][FIELD][name] for name in ("run", "from", "to")] == ["a", 60, 300]


def test_a_killed_run_keeps_what_it_set_where_its_successor_is_killed_as_well(host, monkeypatch):
    host.set(host.begin("a"), CACHE, event_list_ttl=300)
    monkeypatch.setattr(_lock, "_lost", lambda found, patient: "its controller died")
    with monkeypatch.context() as broken:
        broken.setattr(_runs, "_tell_changes", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            host.begin("b")
    host.begin("c")
    [record] = host.records()
    assert record["changed"][FIELD]["run"] == "a"
    assert not any("by hand" in reason for (reason,) in host.events("reason"))


def test_a_killed_run_of_an_outer_record_ends_where_an_inner_one_is_opened(host, monkeypatch):
    host.set(host.begin("a", kind="planned"), CACHE, event_list_ttl=300)
    monkeypatch.setattr(_lock, "_lost", lambda found, patient: "its controller died")
    host.begin("b")
    inner, outer = sorted(host.records(), key=lambda record: record["kind"])
    assert (outer["kind"], inner["kind"], inner["parent"]) == ("planned", "incident", outer["id"])
    assert outer["changed"][FIELD]["run"] == "a"
    host.settings[CACHE]["event_list_ttl"] = 999
    assert _runs.ours(host.state, outer, _runs.flat(host.settings))[FIELD]["to"] == 300
