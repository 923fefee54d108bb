# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the beginning and the end of a run, and what people do with a record, tell the chat."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _notify,
    _record,
    _runs,
    incident,
    platform_snapshot,
    run_begin,
    run_end,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import silent
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

CONTROLLER = {"pid": 1, "host": "elsewhere", "start": "", "boot_id": ""}


class Shop:
    """A platform with one setting, whose runs are begun and ended."""

    def __init__(self, state: State, chat) -> None:
        self.state, self.chat, self.replicas = state, chat, 2

    def params(self, **given) -> dict:
        return {
            "token": "s3cret", "pgbouncer_admin_password": None, "chat": self.chat.option(), "state_directory": "", "commands": {},
            "preempt": False, "preemptible": False, "wait": 0, "known": -1, "why": "", "severity": "", "kind": "incident", "failure": "",
            "prometheus_url": "", "metrics": {}, "thresholds": {}, **given,
        }  # fmt: skip

    def begin(self, run: str, **given) -> dict:
        who = {"run": run, "playbook": "respond.yml", "who": "ines@ops", "source": "person", "controller": CONTROLLER}
        return run_begin.run(self.params(identity=who, **given), False, silent)

    def end(self, begun: dict, **given) -> dict:
        return run_end.run(self.params(begun=begun, **given), False, silent)

    def whole(self, run: str, failure: str = "", **given) -> tuple[list[str], list[str]]:
        """What is told of the beginning and of the end of a run, which lasts longer than a message takes."""
        before = len(self.chat.heard)
        begun = self.begin(run, **given)
        began = self.heard(before + 1)
        self.end(begun, failure=failure)
        return began, self.heard(before + 2)

    def heard(self, count: int) -> list[str]:
        """The last message of `count`, without what it is about and where to look."""
        return self.chat.await_message(count)[count - 1].split("\n")[1:-1]


@pytest.fixture
def shop(monkeypatch, state, chat) -> Shop:
    found = Shop(state, chat)

    def snapshot(*_asked) -> dict:
        return {"settings": {"app": {"replicas": found.replicas}}, "unreadable": {}}

    monkeypatch.setattr(platform_snapshot, "run", snapshot)
    monkeypatch.setattr(_runs, "open_state", lambda directory, make=True: state)
    return found


def test_a_run_tells_its_beginning_and_what_it_changed(shop):
    begun = shop.begin("r1", severity="P1", why="derby")
    assert shop.heard(1) == ["opened by ines@ops: derby", "respond.yml of ines@ops begins"]
    shop.replicas = 10
    ended = shop.end(begun)
    assert shop.heard(2) == ["respond.yml of ines@ops has ended; 1 change: app.replicas from 2 to 10"]
    assert ended["report"] is None
    assert "P1 incident" in shop.chat.heard[1]


def test_a_failure_is_told_without_a_secret(shop):
    told = ["respond.yml of ines@ops FAILED (nginx did not reload); it changed nothing"]
    assert shop.whole("r1", failure="nginx did not\nreload")[1] == told
    assert shop.whole("r2", failure="Bearer s3cret was refused")[1] == ["********"]


def test_severity_that_rises_is_told_and_journalled_once(shop):
    begun = shop.begin("r1", severity="P2")
    shop.replicas = 5
    shop.heard(1)
    shop.end(begun)
    shop.heard(2)
    assert shop.whole("r2", severity="P0")[0] == ["severity rises from P2 to P0", "respond.yml of ines@ops begins"]
    assert shop.whole("r3", severity="P1")[0] == ["respond.yml of ines@ops begins"]
    [record] = _record.records(shop.state)
    assert [each["reason"] for each in _journal.events(shop.state, record["id"]) if each["event"] == "severity"] == [
        "severity rises from P2 to P0"
    ]


def test_a_takeover_is_told(shop, monkeypatch):
    shop.begin("r1")
    shop.heard(1)
    monkeypatch.setattr(run_begin._lock._clock, "boot_id", lambda: "another")
    shop.begin("r2")
    assert shop.heard(2) == [
        "respond.yml of ines@ops did not come to its end: its host was started again",
        "respond.yml of ines@ops begins",
    ]


def test_what_the_chat_was_not_told_is_a_warning_at_the_end(shop, monkeypatch):
    shop.chat.status = 500
    begun = shop.begin("r1")
    shop.replicas = 3
    shop.heard(1)
    record = begun["claim"]["record"]
    for _look in range(500):
        if _notify.failures(shop.state, record, "r1"):
            break
        run_begin._lock.time.sleep(0.01)
    assert shop.end(begun)["report"] == {"lines": [["the chat was not told: its webhook answered 500.", "warn"]]}


def test_what_people_do_with_a_record_is_told(shop):
    who = {"run": "r1", "playbook": "incident.yml", "who": "ama@ops", "source": "person"}

    def act(action: str, **given) -> dict:
        params = shop.params(identity={**who, "run": action}, action=action, hours=4.0, leave=False, **given)
        return incident.run(params, False, silent)

    act("open", severity="P1", why="derby")
    assert shop.heard(1) == ["opened by ama@ops: derby"]
    act("acknowledge")
    assert shop.heard(2) == ["acknowledged by ama@ops"]
    assert act("acknowledge")["changed"] is False
    shop.chat.status = 500
    assert ["the chat was not told: its webhook answered 500.", "warn"] in act("close", why="over")["report"]["lines"]
    assert len(shop.chat.heard) == 3
