# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module app_retire: stop replicas that nobody sends requests to, and remove them for good."""

from __future__ import annotations

import time
from contextlib import suppress

from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, safe_point
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import Started

CHANGES = "app"
SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "default": "app"},
        "names": {"type": "list", "elements": "str", "required": True},
    },
    "supports_check_mode": True,
}
_PATIENCE = 300  # seconds that the engine may take: a container's own stop time-out (stop_grace_period) is shorter
_KILLED = 137
_LOOK = 0.05  # seconds


def run(params: dict, check_mode: bool, say: Say) -> dict:
    client = connect(timeout=_PATIENCE)
    present = containers(client, params["project"], params["service"], all_states=True)
    leaving = [container for container in present if container.name in params["names"]]
    result = {
        "changed": bool(leaving),
        "removed": [container.name for container in leaving],
        "diff": {
            "before": {"containers": [container.name for container in present]},
            "after": {"containers": [container.name for container in present if container not in leaving]},
        },
    }
    if check_mode or not leaving:
        return result
    began = time.monotonic()
    say(f"stopping {len(leaving)} replica(s): {', '.join(container.name for container in leaving)}")
    stopping = Started({each.name: lambda each=each: _retire(client, each) for each in leaving})
    try:
        while stopping.working:
            safe_point()
            time.sleep(_LOOK)
    except Refusal:
        _remove_at_once(client, leaving)
        raise
    answers = stopping.collect(0)
    if failed := next((answer for answer in answers.values() if isinstance(answer, Exception)), None):
        raise failed
    killed = [name for name in answers.values() if name]
    if killed:
        say(
            f"{', '.join(killed)} did not end on SIGTERM within their stop_grace_period and were killed; nginx had no request on them"
        )
    return {**result, "killed": killed, "seconds": round(time.monotonic() - began, 2)}


def _remove_at_once(client, leaving: list[Container]) -> None:
    """Who pre-empts counts on what runs, and one that is about to stop still seems to: nobody sends it requests, so it ends now."""
    for container in leaving:
        with suppress(DockerException):  # gone already
            client.api.remove_container(container.id, v=True, force=True)


def _retire(client, container: Container) -> str | None:
    """Remove one; its name where it had to be killed. A container only stopped could be started again by Compose."""
    try:
        if container.runs:
            client.api.stop(container.id)
        code = client.api.inspect_container(container.id)["State"]["ExitCode"]
        client.api.remove_container(container.id, v=True, force=True)
    except DockerException as error:
        if getattr(error, "response", None) is not None and error.response.status_code == 404:
            return None  # somebody else removed it: it is gone, as wanted
        raise Refusal(
            f"{container.name} could not be stopped and removed ({error}); nginx sends it nothing; run this again."
        ) from error
    return container.name if code == _KILLED and container.state == "running" else None
