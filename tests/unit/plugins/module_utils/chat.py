# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A chat with an incoming webhook, on a real port: it answers, is slow, breaks, or is not there."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "T0-B0-secret"


class Chat:
    def __init__(self) -> None:
        self.heard: list[str] = []  # texts of messages
        self.status, self.delay = 200, 0.0
        chat = self

        class Webhook(BaseHTTPRequestHandler):
            def do_POST(self):
                chat.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
                time.sleep(chat.delay)
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def option(self) -> dict:
        """The option `chat` of the modules."""
        url = f"http://127.0.0.1:{self._server.server_port}/services/{SECRET}"
        return {"webhook_url": url, "platform": "shop", "look": "ansible-playbook playbooks/timeline.yml"}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def await_message(self, count: int, seconds: float = 5.0) -> list[str]:
        """What was heard, as soon as it is `count` messages."""
        deadline = time.monotonic() + seconds
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.heard
