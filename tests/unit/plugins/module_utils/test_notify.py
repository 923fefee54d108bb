# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _journal, _notify, _record
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.chat import SECRET

BEGINS = {("run-start", "r1"): "respond.yml of ines@ops begins"}
NONE = {"webhook_url": "", "platform": "shop", "look": ""}


@pytest.fixture
def record(state):
    wanted = {"kind": "incident", "severity": "P1", "who": "ines@ops", "why": "derby", "source": "person"}
    return _record.join_or_open(state, wanted, {})[0]


def journalled(state, record) -> list[str]:
    return [event["reason"] for event in _journal.events(state, record["id"])]


def test_one_message_tells_what_happened_to_what_and_where_to_look(state, record, chat):
    events = {("opened", ""): "opened by ines@ops: derby", **BEGINS}
    assert _notify.send(state, chat.option(), record, events) == (events, "")
    [text] = chat.heard
    assert text.split("\n") == [
        f"shop P1 incident {record['id']}",
        "opened by ines@ops: derby",
        "respond.yml of ines@ops begins",
        "look: ansible-playbook playbooks/timeline.yml",
    ]


def test_an_event_is_told_once_and_only_what_is_new_is_told_with_it(state, record, chat):
    _notify.send(state, chat.option(), record, {("opened", ""): "opened", **BEGINS})
    assert _notify.send(state, chat.option(), record, BEGINS) == ({}, "")
    _notify.send(state, chat.option(), record, {("opened", ""): "opened", ("run-start", "r2"): "again"})
    assert [text.split("\n")[1:-1] for text in chat.heard] == [["opened", "respond.yml of ines@ops begins"], ["again"]]


def test_a_run_that_was_killed_while_it_told_does_not_tell_it_again(state, record, chat, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_notify, "_post", killed)
        with pytest.raises(KeyboardInterrupt):
            _notify.send(state, chat.option(), record, BEGINS)
    assert _notify.send(state, chat.option(), record, BEGINS) == ({}, "")
    assert chat.heard == []


@pytest.mark.parametrize(
    ("status", "delay", "told", "again"),
    [
        (500, 0, "the chat was not told: its webhook answered 500.", 2),
        (302, 0, "the chat was not told: its webhook answered 302.", 2),
        (200, 3, "the chat may not have been told: its webhook did not answer within 1 s.", 1),
    ],
)
def test_a_chat_that_fails_is_told_of_once_and_asked_again_unless_it_may_have_heard(
    state, record, chat, status, delay, told, again
):
    chat.status, chat.delay = status, delay
    began = time.monotonic()
    assert _notify.send(state, chat.option(), record, BEGINS) == (BEGINS, told)
    assert time.monotonic() - began < 1.5
    assert _notify.failures(state, record["id"], "r1") == [told]
    _notify.send(state, chat.option(), record, BEGINS)
    _notify.send(state, chat.option(), record, {("run-end", "r1"): "ends"})
    assert len(chat.heard) == again + 1
    assert journalled(state, record) == [told]


def test_a_chat_that_is_not_there_is_a_sentence_without_its_url(state, record, chat):
    chat.stop()
    fresh, reason = _notify.send(state, chat.option(), record, BEGINS)
    assert reason == "the chat was not told: its webhook cannot be reached (ConnectionError)."
    assert fresh == BEGINS
    written = "".join(path.read_text() for path in state.directory.rglob("*") if path.is_file())
    assert SECRET not in written and "127.0.0.1" not in written


def test_no_url_can_be_told_so_and_none_raises(state, record):
    for url in ("chat", "http://", "ftp://127.0.0.1/x"):
        _fresh, reason = _notify.send(state, {**NONE, "webhook_url": url}, record, {("run-start", url): "x"})
        assert reason.startswith("the chat was not told: its webhook cannot be reached"), reason


def test_what_somebody_typed_mentions_nobody_and_stays_one_short_line(state, record, chat):
    _notify.send(state, chat.option(), record, {("opened", ""): "<!channel> & co\nlook: rm -rf " + "x" * 1000})
    [text] = chat.heard
    assert "&lt;!channel&gt; &amp; co look: rm" in text
    assert len(text.split("\n")) == 3 and len(text) < 600


def test_beside_a_run_it_costs_nearly_nothing_whatever_the_chat_does(state, record, chat):
    chat.delay = 3
    began = time.monotonic()
    _notify.beside(state, chat.option(), record, BEGINS)
    assert time.monotonic() - began < 0.2
    assert len(chat.await_message(1)) == 1
    deadline = time.monotonic() + 5
    while not journalled(state, record) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.waitpid(-1, 0)  # it has come to its end
    assert journalled(state, record) == _notify.failures(state, record["id"], "r1") != []


def test_without_a_chat_no_process_is_started_and_nothing_written(state, record, monkeypatch):
    monkeypatch.setattr(_notify, "_detached", lambda work: pytest.fail("a process"))
    _notify.beside(state, NONE, record, BEGINS)
    assert not (state.directory / "sent").exists()


def test_a_system_without_room_for_a_process_does_not_fail_the_run(state, record, chat, monkeypatch):
    def full():
        raise BlockingIOError

    monkeypatch.setattr(_notify.os, "fork", full)
    _notify.beside(state, chat.option(), record, BEGINS)


def test_a_record_that_was_discarded_leaves_nothing(state, record, chat):
    _record.discard(state, record["id"])
    _notify.send(state, chat.option(), record, BEGINS)
    assert len(chat.heard) == 1
    assert list((state.directory / "sent").iterdir()) == [] and not (state.directory / "journal").exists()
