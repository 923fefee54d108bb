"""People are told: each event once in a chat that is there, slow, or gone; the ladder; and the switch that stops automation, not people."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab import scenario
from lab.scenario import Lab, Played

SECRET = "T0-B0-secret"
LADDER = [{"name": "On-call engineer", "after": 0}, {"name": "CTO", "phone": "+250 3", "after": 15}]


class Chat(ThreadingHTTPServer):
    daemon_threads = True
    delay = 0.0

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), Webhook)

    def play(self, lab: Lab, playbook: str, *arguments: str) -> Played:
        """A playbook that succeeds, in an inventory with this chat and a ladder."""
        url = f"http://127.0.0.1:{self.server_port}/services/{SECRET}"
        ladder = ["-e", json.dumps({"smartsports_contacts": LADDER})]
        return scenario.must(scenario.play(lab, playbook, *ladder, *arguments, environment={"WEBHOOK_URL": url}))

    def await_message(self, count: int) -> list[str]:
        deadline = time.monotonic() + 10
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return [line for text in self.heard for line in text.split("\n")[1:-1]]


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        time.sleep(self.server.delay)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def chat() -> Iterator[Chat]:
    served = Chat()
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture
def fresh(calm: Lab) -> Lab:
    """No record is open."""
    scenario.play(calm, "incident", "-e", "action=close", "-e", "leave=true")  # there may be none
    return calm


def test_a_run_tells_its_beginning_and_its_end(fresh: Lab, chat: Chat):
    played = chat.play(fresh, "tune_cache", "-e", "set=cache.event_list_ttl=240", "-vvv")
    opened, begins, ended = chat.await_message(2)
    assert opened.startswith("opened by ") and begins.startswith("tune_cache.yml of ") and begins.endswith(" begins")
    assert ended.endswith("has ended; 1 change: cache-config.event_list_ttl from 60 to 240")
    assert "playbooks/timeline.yml" in chat.heard[0]
    assert SECRET not in played.output


@pytest.mark.parametrize("way", ["slow", "gone"])
def test_a_chat_that_does_not_answer_fails_nothing_and_is_a_warning_once(fresh: Lab, chat: Chat, way: str):
    chat.delay = 30
    if way == "gone":
        chat.server_close()
    played = chat.play(fresh, "scale_app", "-e", "replicas=3")
    assert played.output.count("the chat ") == 1, played.output
    journal = scenario.must(scenario.play(fresh, "timeline")).output
    assert journal.count("the chat ") == 1 and SECRET not in journal
    assert len(chat.heard) <= 2


def test_the_ladder_is_told_once_a_rung_until_somebody_acknowledges(fresh: Lab, chat: Chat):
    scenario.must(scenario.play(fresh, "incident", "-e", "action=open", "-e", "severity=P1"))
    assert chat.play(fresh, "escalate", "--check").changed == 1
    assert [chat.play(fresh, "escalate").changed for _ in range(2)] == [1, 0]
    chat.play(fresh, "escalate", "-e", "to=CTO", "-e", "why=derby")
    due, by_hand = chat.await_message(2)
    assert due == "nobody has acknowledged it for 0 minutes: On-call engineer is due"
    assert by_hand.endswith(" escalates to CTO (+250 3): derby")
    scenario.must(scenario.play(fresh, "incident", "-e", "action=acknowledge"))
    later = json.dumps({"smartsports_contacts": [{"name": "CEO", "after": 0}]})
    assert chat.play(fresh, "escalate", "-e", later).changed == 0
    assert len(chat.heard) == 2


def test_what_is_off_stops_schedules_and_no_person(fresh: Lab):
    assert scenario.play(fresh, "automation", "-e", "state=off").rc != 0
    try:
        switched = [scenario.must(scenario.play(fresh, "automation", "-e", "state=off", "-e", "why=derby")) for _ in range(2)]
        assert [played.changed for played in switched] == [1, 0]
        told = scenario.must(scenario.play(fresh, "assess")).output
        assert -1 < told.find("AUTOMATION IS OFF: ") < told.find("SEVERITY ")
        wanted = ["tune_cache", "-e", "set=cache.event_list_ttl=90"]
        refused = scenario.play(fresh, *wanted, "-e", "incident_source=schedule")
        assert refused.rc != 0 and "(derby)" in refused.failure and "automation.yml -e state=on" in refused.failure, (
            refused.output
        )
        assert scenario.admin_settings(fresh)["cache-config"]["event_list_ttl"] == 60
        assert scenario.must(scenario.play(fresh, *wanted)).changed == 1
    finally:
        scenario.must(scenario.play(fresh, "automation", "-e", "state=on"))
    assert "AUTOMATION" not in scenario.must(scenario.play(fresh, "assess")).output
