# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A platform that serves the admin API over real HTTP on addresses of its own, and fails on demand."""

from __future__ import annotations

import copy
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container

TOKEN = "s3cret-Admin-Token"
NORMAL = {
    "rate-limits": {
        "search_endpoints": {"requests_per_minute": 600},
        "analytics_endpoints": {"requests_per_minute": 600},
        "non_essential_endpoints": {"enabled": True},
    },
    "queue-config": {
        "ticket_purchase_queue": {"enabled": False, "max_concurrent": 1000},
        "virtual_queue": {"enabled": False, "max_concurrent_users": 5000, "queue_timeout": 1800, "estimated_wait_time": True},
    },
    "feature-flags": {
        "analytics_tracking": True,
        "recommendation_engine": True,
        "social_features": True,
        "email_notifications": True,
    },
    "cache-config": {"event_list_ttl": 60, "venue_info_ttl": 300, "team_info_ttl": 300, "static_content_ttl": 1800},
    "payment-queue": {
        "enabled": False,
        "max_concurrent_payments": 1000,
        "retry_failed_payments": False,
        "queue_timeout": 600,
    },
    "database-config": {"read_replicas": ["postgres-replica:5432"]},
    "redis-config": {"cluster_mode": False, "nodes": ["redis-primary:6379"]},
    "performance-mode": {"high_performance_mode": False},
}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Instance:
    """One replica. `answers` are canned: (method, status, headers, body), or (method, "hang" | "drop" | "apply and drop")."""

    def __init__(self, platform: Platform, number: int, port: int) -> None:
        self.platform = platform
        self.name = f"smartsports-app-{number}"
        self.address = f"127.0.0.{number}"
        self.settings = copy.deepcopy(NORMAL)
        self.versions = dict.fromkeys(NORMAL, 0)
        self.answers: list[tuple] = []
        self.always: tuple | None = None
        self.lagging = False
        self.alone = False  # its settings are not those that the others share
        self.requests: list[tuple] = []
        instance = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                instance.answer(self, "GET", None)

            def do_POST(self):
                instance.answer(self, "POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *args):
                """Tests are silent."""

        self.server = Server((self.address, port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler, method: str, patch: dict | None) -> None:
        resource = handler.path.removeprefix("/admin/")
        self.requests.append((method, resource, patch))
        canned = next((entry for entry in self.answers if entry[0] == method), None)
        if canned:
            self.answers.remove(canned)
        elif self.always and self.always[0] == method:
            canned = self.always
        if canned and canned[1] == "hang":
            time.sleep(1.5)
        elif canned and canned[1] == "drop":
            handler.close_connection = True
        elif canned and canned[1] == "apply and drop":
            self.platform.apply(resource, patch, self)
            handler.close_connection = True
        elif canned:
            self.send(handler, *canned[1:])
        elif handler.headers.get("Authorization") != f"Bearer {self.platform.token}":
            self.send(handler, 403, {}, {"error": "forbidden", "message": f"{handler.headers.get('Authorization')} is not it."})
        elif resource == "queue-status":
            self.send(handler, 200, {}, {"virtual_queue": {"length": 7}, "instance": self.name})
        else:
            if method == "POST":
                self.platform.apply(resource, patch, self)
            envelope = {"settings": self.settings[resource], "version": self.versions[resource], "instance": self.name}
            self.send(handler, 200, {}, envelope)

    @staticmethod
    def send(handler, status: int, headers: dict, body) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Platform:
    """Replicas that share their settings, but those that are `alone`."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.instances: list[Instance] = []

    def start(self, count: int) -> list[Instance]:
        for number in range(1, count + 1):
            self.instances.append(Instance(self, number, self.port if self.instances else 0))
        return self.instances

    @property
    def port(self) -> int:
        return self.instances[0].server.server_port if self.instances else 9

    def params(self, **options) -> dict:
        connection = {"project": "smartsports", "service": "app", "port": self.port, "scheme": "http", "token": TOKEN}
        patience = {"network": "", "validate_certs": True, "ca_path": None, "server_name": None, "timeout": 0.4, "deadline": 1.5}
        return {**connection, **patience, **options}

    def apply(self, resource: str, patch: dict, by: Instance | None = None) -> None:
        sharing = [by] if by and by.alone else [instance for instance in self.instances if not instance.alone]
        newest = max(sharing, key=lambda instance: instance.versions[resource])
        settings, version = merged(newest.settings[resource], patch), newest.versions[resource]
        version += settings != newest.settings[resource]
        for instance in sharing:
            if not instance.lagging:
                instance.settings[resource], instance.versions[resource] = copy.deepcopy(settings), version

    def sent(self, method: str) -> list[tuple]:
        return [request for instance in self.instances for request in instance.requests if request[0] == method]

    def containers(self, client, project: str, service: str) -> list[Container]:
        return [
            Container(f"id{number}", instance.name, number, "running", "healthy", {"network": instance.address}, "app")
            for number, instance in enumerate(self.instances, 1)
        ]


def merged(settings: dict, patch: dict) -> dict:
    return {
        **settings,
        **{name: merged(settings[name], value) if isinstance(value, dict) else value for name, value in patch.items()},
    }
