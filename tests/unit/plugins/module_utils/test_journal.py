# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils._journal import complete, events, note, redact
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

RECORD = "20261125-203107-incident-3f9a"


def test_events_come_back_in_order_and_in_one_shape(state):
    assert events(state, RECORD) == []
    note(state, RECORD, event="run-start", run="a", number=7, actor="alice", playbook="respond")
    note(
        state,
        RECORD,
        event="step-end",
        run="a",
        step="replicas",
        result="ok",
        changed=True,
        before={"app.replicas": 2},
        after={"app.replicas": 8},
    )
    first, second = events(state, RECORD)
    assert list(first) == list(second) == [
        "at", "run", "number", "actor", "playbook", "step", "event", "result", "changed", "before", "after", "metrics", "reason",
    ]  # fmt: skip
    assert (first["actor"], first["changed"], first["metrics"]) == ("alice", False, {})
    assert second["after"] == {"app.replicas": 8}


@pytest.mark.parametrize("event", [{"event": "began"}, {"result": "fine"}, {"who": "alice"}])
def test_what_is_no_event_is_a_defect(state, event):
    with pytest.raises(ValueError, match="no event"):
        note(state, RECORD, **event)


def test_a_record_id_is_no_path(state):
    with pytest.raises(Refusal, match="is no name of a file of the state"):
        note(state, "../lock")


def test_no_secret_reaches_the_disk(state):
    note(
        state,
        RECORD,
        secrets=("sesame", ""),
        before={"ADMIN_TOKEN": "x1"},
        after={"url": "redis://:sesame@r"},
        reason="said sesame",
        metrics={"p95": 1},
    )
    text = (state.directory / f"journal/{RECORD}.jsonl").read_text()
    assert "sesame" not in text
    assert "x1" not in text
    assert events(state, RECORD)[0]["metrics"] == {"p95": 1}


@pytest.mark.parametrize(
    "key",
    ["token", "ADMIN_TOKEN", "password", "redis_passwd", "passwords", "client-secret", "Authorization", "credentials", "apiKey", "api_key",
     "access-key", "Set-Cookie", "private key", "PGPASSWORD", "pwd"],
)  # fmt: skip
def test_keys_that_sound_secret(key):
    assert redact({"deep": [{key: {"more": 1}}]}) == {"deep": [{key: "********"}]}


@pytest.mark.parametrize("key", ["replicas", "key", "author", "cache.event_list_ttl", "pass_rate", "shedding.search.rpm"])
def test_keys_that_do_not(key):
    assert redact({key: 5}) == {key: 5}


def test_redacts_keys_lists_and_leaves_the_rest():
    given = {"a sesame": 1, "list": ("sesame!", 2, None, True, 1.5)}
    assert redact(given, ("sesame",)) == {"********": 1, "list": ["********", 2, None, True, 1.5]}
    assert redact("anything", ("",)) == "anything"
    assert given == {"a sesame": 1, "list": ("sesame!", 2, None, True, 1.5)}


def story(state, *told):
    for run, event, step in told:
        note(state, RECORD, run=run, number=3, actor="alice", playbook="respond", event=event, step=step)
    return events(state, RECORD)


def test_what_was_cut_off_gets_an_end_once(state):
    found = story(
        state, ("a", "run-start", ""), ("a", "step-start", "shed"), ("a", "step-end", "shed"), ("a", "step-start", "replicas")
    )
    missing = complete(found, holding="b")
    assert [(event["run"], event["step"], event["event"], event["result"]) for event in missing] == [
        ("a", "replicas", "killed", "failed"),
        ("a", "", "killed", "failed"),
    ]
    assert missing[0]["reason"] == f"it began at {found[3]['at']} and nothing tells of its end"
    assert (missing[0]["number"], missing[0]["actor"], missing[0]["playbook"]) == (3, "alice", "respond")
    for event in missing:
        note(state, RECORD, **event)
    assert complete(events(state, RECORD), holding="b") == []


def test_what_was_seen_before_a_step_outlives_it(state):
    seen = {"before": {"p95": 2.1}}
    found = story(state, ("a", "run-start", ""), ("a", "step-start", "shed"))
    found.append(note(state, RECORD, run="a", step="shed", event="metrics", metrics=seen))
    found.append(note(state, RECORD, run="a", step="over", event="metrics", metrics={"before": {}}))  # its step has ended
    assert [event["metrics"] for event in complete(found)] == [seen, {}]


def test_the_run_that_holds_the_lock_is_not_cut_off(state):
    found = story(state, ("a", "run-start", ""), ("a", "step-start", "shed"))
    assert complete(found, holding="a") == []
    assert len(complete(found)) == 2


def test_a_step_that_is_started_again_and_a_run_that_ended(state):
    found = story(
        state,
        ("a", "run-start", ""), ("a", "step-start", "shed"), ("a", "killed", "shed"), ("a", "step-start", "shed"), ("a", "step-end", "shed"),
        ("a", "note", "shed"), ("a", "run-end", ""), ("b", "run-start", ""),
    )  # fmt: skip
    assert [event["run"] for event in complete(found)] == ["b"]
