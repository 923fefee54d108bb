# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module app_wait: a gate on evidence, that replicas are healthy or that they serve requests that came through nginx."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, safe_point
from ansible_collections.smartsports.scaling.plugins.module_utils._web import ENTRY, entry_session, require_ca, session

try:
    import requests
except ImportError:  # docker needs it too: connect() says so
    requests = None

CHANGES = "app"
SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "default": "app"},
        "port": {"type": "int", "default": 3000},
        "network": {"type": "str", "default": ""},
        "scheme": {"type": "str", "default": "http", "choices": ["http", "https"]},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "server_name": {"type": "str"},
        "until": {"type": "str", "choices": ["healthy", "serving"], "required": True},
        "replicas": {"type": "int", "required": True},
        "present": {"type": "list", "elements": "str", "default": []},
        "settled": {"type": "list", "elements": "str", "default": []},
        "fresh": {"type": "list", "elements": "str", "default": []},
        "health_path": {"type": "str", "default": "/health"},
        "metrics_path": {"type": "str", "default": "/internal/metrics"},
        "metric": {"type": "str", "default": "smartsports_http_requests_total"},
        **ENTRY,
        "probe_path": {"type": "str", "default": "/api/v1/events"},
        "deadline": {"type": "int", "default": 60},
    },
    "supports_check_mode": True,
}
_TIMEOUT = 2  # seconds for one answer of a replica
_LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')


def run(params: dict, check_mode: bool, say: Say) -> dict:
    client = connect()
    require_ca(params)
    wait = {"healthy": _Healthy, "serving": _Serving}[params["until"]](client, params)
    began = time.monotonic()
    tell_at = 1.0
    while True:
        safe_point()
        state = wait.look()
        waited = time.monotonic() - began
        if state is None:
            return {"changed": False, "waited": round(waited, 2), "containers": wait.done()}
        if waited > params["deadline"]:
            raise Refusal(f"{state} after {params['deadline']} s; {wait.advice}")
        if waited >= tell_at:
            tell_at = waited * 1.5
            say(f"waiting: {state}; {waited:.0f} s of at most {params['deadline']} s")
        time.sleep(0.1)


class _Healthy:
    """The new replicas run and are healthy, and those that were there before are the same containers."""

    advice = "nginx sends no requests to the new ones; look at docker logs of the one that is named, then run this again."

    def __init__(self, client, params: dict) -> None:
        self._client = client
        self._params = params
        self._app = _App(params)
        self._found: list[Container] = []

    def look(self) -> str | None:
        self._found = containers(self._client, self._params["project"], self._params["service"], all_states=True)
        running = [container for container in self._found if container.state == "running"]
        new = [container for container in running if container.id not in self._params["present"]]
        gone = set(self._params["present"]) - {container.id for container in self._found}
        if gone:
            raise Refusal(
                f"{len(gone)} replica(s) that ran before were removed meanwhile ({', '.join(sorted(short[:12] for short in gone))}); somebody else "
                "changes the platform; find out who, then run this again."
            )
        ended = next(
            (
                container
                for container in self._found
                if container.state in ("exited", "dead") and container.id not in self._params["present"]
            ),
            None,
        )
        if ended:
            raise Refusal(f"{ended.name} ended as soon as it was started; look at docker logs {ended.name}, then run this again.")
        late = [
            container for container in running if container.id not in self._params["settled"] and not self._healthy(container)
        ]
        # An old one that crashes under the load is no reason to keep the new ones from it.
        missing = self._params["replicas"] - len(self._params["present"]) - len(new)
        if missing <= 0 and not late:
            return None
        names = ", ".join(f"{container.name} {container.health}" for container in late[:3]) + (" ..." if len(late) > 3 else "")
        return (
            f"{len(running) - len(late)} of {self._params['replicas']} replicas are ready ({names or f'{missing} not started'})"
        )

    def _healthy(self, container: Container) -> bool:
        if container.health != "none":
            return container.health == "healthy"
        return self._app.get(container, self._params["health_path"]) is not None

    def done(self) -> list[str]:
        return [container.name for container in self._found if container.state == "running"]


class _Serving:
    """Each replica's own count of answered requests, its health and its operators' apart, rises while requests go in at nginx."""

    advice = "see that nginx reaches it, and that it answers the probe's path, app_scale_probe_path; then run this again."

    def __init__(self, client, params: dict) -> None:
        self._params = params
        self._app = _App(params)
        self._entry = entry_session(params)
        self._refused = ""
        running = containers(client, params["project"], params["service"])
        # Under the load that we are here for an old replica may be too busy to answer: nobody waits for it.
        self._waiting = [
            container for container in running if container.health != "unhealthy" or container.name in params["fresh"]
        ]
        self._first: dict[str, float] = {}
        self._served: list[str] = []

    def look(self) -> str | None:
        with ThreadPoolExecutor(max_workers=32) as pool:
            counts = list(pool.map(self._count, self._waiting))
            self._waiting = [
                container for container, count in zip(self._waiting, counts, strict=True) if not self._is_seen(container, count)
            ]
            # Real requests are evidence enough; probes help where there is no traffic. They go round nginx's list.
            list(pool.map(self._probe, self._waiting))
        if not self._waiting:
            return None
        names = ", ".join(container.name for container in self._waiting[:3]) + (" ..." if len(self._waiting) > 3 else "")
        return f"{len(self._waiting)} replica(s) not seen to serve requests through nginx yet ({names}{self._refused})"

    def _probe(self, _container: Container) -> None:
        """One request. What it meets is told where the evidence does not come."""
        url = self._params["entry_url"].rstrip("/") + self._params["probe_path"]
        problem = _get(self._entry, url)[1]
        self._refused = f"; {url} {problem}" if problem else ""

    def _count(self, container: Container) -> float | None:
        text = self._app.get(container, self._params["metrics_path"])
        own = (self._params["health_path"], self._params["metrics_path"], "/admin")
        return None if text is None else served(text, self._params["metric"], own)

    def _is_seen(self, container: Container, count: float | None) -> bool:
        if count is None:
            return False
        # A replica new behind nginx must be seen to serve from now on, another one at any time of its life.
        first = self._first.setdefault(container.name, count if container.name in self._params["fresh"] else 0)
        if count > first:
            self._served.append(container.name)
        return count > first

    def done(self) -> list[str]:
        return sorted(self._served)


def served(text: str, metric: str, own: tuple[str, ...]) -> float:
    """The sum of a request counter over all routes but the operators' `own`, and over all answers that are no server's error."""
    total = 0.0
    for line in text.splitlines():
        if line.startswith(metric + "{"):
            labels = dict(_LABEL.findall(line))
            if not labels.get("route", "").startswith(own) and not labels.get("status_code", "").startswith("5"):
                total += float(line.rpartition("}")[2].split()[0])
    return total


class _App:
    """The replicas themselves, asked at their own addresses."""

    def __init__(self, params: dict) -> None:
        self._session = session(params["validate_certs"], params["ca_path"], params["server_name"])
        self._url = f"{params['scheme']}://%s:{params['port']}%s"
        self._network = params["network"]

    def get(self, container: Container, path: str) -> str | None:
        return _get(self._session, self._url % (container.address_on(self._network), path))[0]


def _get(asking, url: str) -> tuple[str | None, str]:
    """(the body of a 2xx answer, None for any other end; what that was)."""
    try:
        answer = asking.get(url, timeout=_TIMEOUT, allow_redirects=False)
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        return None, f"is not answered ({type(error).__name__})"
    return (answer.text, "") if answer.status_code // 100 == 2 else (None, f"is answered {answer.status_code}")
