# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _journal, _lock, _record, timeline
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

RUN = {"run": "a", "number": 1, "actor": "alice", "playbook": "respond.yml"}
STEP = {**RUN, "step": "cache_config"}


@pytest.fixture
def show(host):
    return lambda record="": timeline.run({"state_directory": str(host.directory), "record": record}, False, silent)


@pytest.fixture
def record(host):
    wanted = {"kind": "incident", "severity": "P1", "who": "alice", "why": "the site is slow", "source": "person"}
    return _record.join_or_open(host.state, wanted, {})[0]["id"]


@pytest.fixture
def tell(host, record):
    return lambda about=RUN, **event: _journal.note(host.state, record, **about, **event)


def rows(result):
    """(who, playbook, what, result, change) of each row; the time is left out."""
    return [(row[1], row[2], row[3], row[4][0], row[5]) for row in result["report"]["rows"]]


def loads(result):
    return [row[5].split("\n") for row in result["report"]["rows"]]


def test_nothing_was_changed_by_a_playbook_yet(show, host):
    with pytest.raises(Refusal, match=r"there is no record in .*: nothing was changed by a playbook yet"):
        show()
    assert not host.directory.exists()


def test_a_record_by_its_id_the_open_one_or_the_newest(show, host, record):
    assert show()["record"]["id"] == show(record)["record"]["id"] == record
    _record.close(host.state, record, "alice", "over")
    assert show()["record"]["id"] == record
    inner = host.begin()["claim"]["record"]
    assert show()["record"]["id"] == inner
    assert show(record)["record"]["closed"]
    with pytest.raises(Refusal, match="there is no record '20261125-203107-incident-ffff'"):
        show("20261125-203107-incident-ffff")


def test_a_row_for_each_event_and_one_for_each_step(show, tell, record):
    tell(event="opened", reason="the site is slow")
    tell(event="run-start")
    tell(STEP, event="step-start")
    tell(STEP, event="step-end", result="ok", before={"event_list_ttl": 60}, after={"event_list_ttl": 300})
    tell(STEP, event="step-start")
    tell(STEP, event="step-end", result="refused", reason="no replica answers.")
    tell(event="run-end", result="failed")
    result = show()
    assert result["changed"] is False
    assert rows(result) == [
        ("alice", "respond.yml", "opened", "", "the site is slow"),
        ("alice", "respond.yml", "run-start", "", ""),
        ("alice", "respond.yml", "cache_config", "ok", "event_list_ttl 60 -> 300"),
        ("alice", "respond.yml", "cache_config", "refused", "no replica answers."),
        ("alice", "respond.yml", "run-end", "failed", ""),
    ]
    assert [row[4][1] for row in result["report"]["rows"]] == ["dim", "dim", "good", "bad", "bad"]
    assert result["report"]["title"] == f"{record}: the site is slow P1"
    assert result["report"]["lines"] == []
    assert len(result["events"]) == 7
    at = result["events"][0]["at"]
    assert result["report"]["rows"][0][0] == at.replace("T", " ").removesuffix("Z")


def test_changes_at_any_depth_only_those_and_no_more_than_fit(show, tell):
    before = {"search": {"rpm": 600}, "same": 1}
    tell(STEP, event="step-end", result="ok", before=before, after={"search": {"rpm": 30}, "same": 1, "fresh": [1]})
    tell(STEP, event="step-end", result="ok", reason="by hand", after={f"f{number}": number for number in range(6)})
    assert [row[4] for row in rows(show())] == [
        "search.rpm 600 -> 30; fresh unknown -> [1]",
        "by hand; f0 unknown -> 0; f1 unknown -> 1; f2 unknown -> 2; f3 unknown -> 3; and 2 more changes",
    ]


SEEN = {"p95": 2.1, "errors": 12.04, "requests": 40.2, "cpu": 0.4, "waiting": None}


def test_the_load_is_what_is_known_and_differs(show, tell):
    after = {"p95": 0.4, "errors": 0.0, "requests": 39.8, "cpu": None, "waiting": 0.0}
    for metrics in ({"before": SEEN, "after": after}, {"before": SEEN, "after": SEEN}, {}, {"cpu": 80.0}):
        tell(STEP, event="step-end", result="ok", after={"ttl": 9}, metrics=metrics)
    change = "ttl unknown -> 9"
    assert loads(show()) == [[change, "p95      2.10 -> 0.40 s", "errors   12.0 -> 0.0%"], [change], [change], [change]]


def test_of_a_step_without_an_end_the_load_before_it_is_shown(show, tell):
    tell(event="run-start")
    tell(STEP, event="step-start")
    tell(STEP, event="metrics", metrics={"before": SEEN})
    load = ["p95      2.10 s", "errors   12.0%", "requests 40/s", "cpu      0.40"]
    assert loads(show()) == [[""], load]
    for event in _journal.complete(show()["events"]):
        tell({}, **event)
    assert [each[-4:] for each in loads(show())][1] == load


def test_a_step_that_works_now_has_a_row(show, host, tell):
    begun = host.begin()
    about = {**STEP, "run": begun["claim"]["run"]}
    tell(about, event="step-start")
    result = show()
    assert rows(result)[-1] == ("alice", "respond.yml", "cache_config", "", "")
    assert result["report"]["lines"] == [], "it is not lost: its run has the platform"


def test_what_has_no_end_is_told(show, host, tell):
    tell(event="run-start")
    tell(STEP, event="step-start")
    tell(event="note", reason="changed by hand")
    assert show()["report"]["lines"] == [["not ended: respond.yml cache_config", "bad"], ["not ended: respond.yml", "bad"]]
    assert [what for _who, _playbook, what, _result, _change in rows(show())] == ["run-start", "note"]
    for event in _journal.complete(show()["events"]):
        tell({}, **event)
    assert show()["report"]["lines"] == []
    assert [what for _who, _playbook, what, _result, _change in rows(show())][-2:] == ["killed cache_config", "killed"]


def test_what_is_damaged_is_told(show, host, tell, record):
    tell(event="run-start")
    tell(event="run-end", result="unchanged")
    path = host.directory / f"journal/{record}.jsonl"
    path.write_text(path.read_text()[:-20])
    [line] = [line for line in show()["report"]["lines"] if line[1] == "warn"]
    assert line[0].endswith("line 2 was not written to its end and is left out.")


def test_it_waits_for_nobody(show, host, tell):
    tell(event="run-start")
    host.begin()
    before = _lock.holder(host.state)
    show()
    assert _lock.holder(host.state) == before
