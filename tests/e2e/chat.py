"""A chat with an incoming webhook, in which playbooks are heard."""

from __future__ import annotations

import html
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab import scenario
from lab.scenario import Lab, Played

SECRET = "T0-B0-secret"


class Chat(ThreadingHTTPServer):
    daemon_threads = True
    delay = 0.0

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), Webhook)

    def play(self, lab: Lab, playbook: str, *arguments: str, timeout: float = 180) -> Played:
        """A playbook that succeeds, in an inventory with this chat."""
        return scenario.must(scenario.play(lab, playbook, *arguments, environment=self.environment, timeout=timeout))

    @property
    def environment(self) -> dict[str, str]:
        """What makes this the chat of the inventory."""
        return {"WEBHOOK_URL": f"http://127.0.0.1:{self.server_port}/services/{SECRET}"}

    def await_message(self, count: int) -> list[str]:
        deadline = time.monotonic() + 10
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return [line for text in self.heard for line in html.unescape(text).split("\n")[1:-1]]


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        time.sleep(self.server.delay)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass
