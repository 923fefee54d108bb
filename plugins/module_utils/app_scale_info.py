# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module app_scale_info: what runs, and what leads from there to the wanted number of replicas."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils import _limits, _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "project_dir": {"type": "path"},
        "files": {"type": "list", "elements": "str", "default": ["docker-compose.prod.yml"]},
        "service": {"type": "str", "default": "app"},
        "replicas": {"type": "raw"},
        "maximum": {"type": "int", "default": 20},
        "allow_down": {"type": "bool", "default": False},
        "allow_up": {"type": "bool", "default": True},
        "since": {"type": "dict"},
        "playbooks": {"type": "str", "default": ""},
    },
    "required_by": {"replicas": ["project_dir"]},
    "supports_check_mode": True,
}
_EXAMPLE = "for example -e replicas=5"


@dataclass(frozen=True)
class Replica:
    """A container of the application with what its listing does not tell."""

    container: Container
    memory: int  # limit in bytes, 0 for none
    holds_port: bool  # it publishes a port of the host: nobody else can take its place
    static: dict[str, str]  # Compose's name of a network -> the address it was given by the compose file

    @property
    def name(self) -> str:
        return self.container.name

    @property
    def runs(self) -> bool:
        return self.container.runs


def run(params: dict, check_mode: bool, say: Say) -> dict:
    wanted = _number(params["replicas"], params["maximum"])
    directory = _scale_file.directory_of(params["project_dir"], params["files"]) if params["project_dir"] else None
    client = connect()
    replicas = _replicas(client, params)
    running = [replica for replica in replicas if replica.runs]
    if not running and (
        wanted is None or not replicas
    ):  # stopped ones, as a docker compose that failed leaves them, can be started
        raise Refusal(
            f"no container of {params['project']}/{params['service']} runs on this host; start the platform with docker compose up -d, "
            "or correct smartsports_project."
        )
    kept = _scale_file.kept(directory) if directory else None
    observed = {
        "replicas": len(running),
        "healthy": sum(replica.container.health in ("healthy", "none") for replica in running),
        "kept": kept,
        "containers": [_described(replica) for replica in replicas],
        "at": time.time(),
    }
    result: dict[str, Any] = {"changed": False, "replicas": len(running), "observed": observed}
    if wanted is not None and directory:
        _check(wanted, replicas, directory, client, params)
        result["plan"] = _plan(wanted, replicas, kept, directory)
        result["diff"] = {"before": {"replicas": len(running)}, "after": {"replicas": wanted}}
        if params["since"]:
            result["report"] = _report(wanted, params["since"], observed, result["plan"], check_mode)
            result["report"]["lines"] += _undo(params["playbooks"], params["since"]["replicas"], wanted, check_mode)
    return result


def _number(value: Any, maximum: int) -> int | None:
    """The wanted number; values from the command line arrive as text and mean numbers."""
    if value is None:
        return None
    if str(value).strip() == "":
        raise Refusal(f"the number of replicas is missing; say how many app replicas are wanted, {_EXAMPLE}.")
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+", str(value).strip()):
        raise Refusal(f"replicas={value} is not a whole number; say how many app replicas are wanted, {_EXAMPLE}.")
    number = int(value)
    if not 1 <= number <= maximum:
        raise Refusal(
            f"replicas={number} is outside 1 to {maximum}; choose a number in this range, or change app_scale_maximum in the inventory."
        )
    return number


def _replicas(client, params: dict) -> list[Replica]:
    keys: dict[str, str] = {}

    def key(network: str) -> str:
        if network not in keys:
            labels = client.api.inspect_network(network).get("Labels") or {}
            keys[network] = labels.get("com.docker.compose.network", "default")
        return keys[network]

    found = []
    for container in containers(client, params["project"], params["service"], all_states=True):
        details = client.api.inspect_container(container.id)
        given = {
            network: (settings.get("IPAMConfig") or {}).get("IPv4Address")
            for network, settings in details["NetworkSettings"]["Networks"].items()
        }
        found.append(
            Replica(
                container,
                memory=details["HostConfig"]["Memory"],
                holds_port=bool(details["HostConfig"]["PortBindings"]),
                static={key(network): address for network, address in given.items() if address},
            )
        )
    return found


def _check(wanted: int, replicas: list[Replica], directory: Path, client, params: dict) -> None:
    running = [replica for replica in replicas if replica.runs]
    present = len(running)
    if wanted < present and not params["allow_down"]:
        raise Refusal(
            f"replicas={wanted} is less than the {present} that run, and scaling down was not asked for; "
            f"to drain and remove {present - wanted}, run playbooks/scale_down.yml -e replicas={wanted}."
        )
    if wanted > present and not params["allow_up"]:
        raise Refusal(
            f"replicas={wanted} is more than the {present} that run, and scaling down adds none; "
            f"to add {wanted - present}, run playbooks/scale_app.yml -e replicas={wanted}."
        )
    if wanted <= present:
        return
    overruled = _scale_file.overruled(directory, os.environ)
    if overruled:
        raise Refusal(
            f"the environment of this shell says otherwise than {directory}/.env about {', '.join(overruled)}, and Compose would start replicas "
            f"with the shell's; unset {' '.join(overruled)}, or correct .env, and run this again."
        )
    # What new replicas will get: the kept limit, or else that of the newest.
    limit = _limits.size(_scale_file.limits(directory).get("memory")) or (running or replicas)[-1].memory
    host_memory = client.api.info()["MemTotal"]  # slow to ask for, so only where replicas are added
    if limit:
        fix = f"choose at most {host_memory // limit}, or lower the limit (playbooks/resize_app.yml, or the compose file)"
        _limits.refuse_beyond_host(wanted, limit, host_memory, fix)


def _plan(wanted: int, replicas: list[Replica], kept: int | None, directory: Path) -> dict:
    """What to do, newest first where something goes. Stopped replicas are debris, of a run that was killed or a start that failed: only the
    one that holds the host's port is worth starting again, as Compose would start any other at the wrong moment or not at all."""
    running = [replica for replica in replicas if replica.runs]
    port_is_held = any(replica.holds_port for replica in running)
    stopped = [replica for replica in replicas if not replica.runs]
    saved = next((replica for replica in stopped if replica.holds_port and not port_is_held and len(running) < wanted), None)
    movable = [replica for replica in reversed(running) if not replica.holds_port]
    static = {network for replica in replicas for network in replica.static} | _scale_file.static_networks(directory)
    return {
        "wanted": wanted,
        "add": max(0, wanted - len(running)),
        "remove": [replica.name for replica in movable[: max(0, len(running) - wanted)]],
        "debris": [replica.name for replica in reversed(stopped) if replica is not saved],
        "keep": {"from": kept, "to": wanted},
        "static_networks": sorted(static),
        # Who must not be touched, and whose health is known already: it may be bad, under the load that we are here for.
        "present": [replica.container.id for replica in running],
        "settled": [replica.container.id for replica in running if replica.container.health != "starting"],
    }


def _described(replica: Replica) -> dict:
    container = replica.container
    return {
        "name": container.name,
        "number": container.number,
        "id": container.id,
        "state": container.state,
        "health": container.health,
        "address": container.address,
        "memory_limit": replica.memory,
        "holds_port": replica.holds_port,
    }


def _report(wanted: int, since: dict, observed: dict, plan: dict, check_mode: bool) -> dict:
    before = since["replicas"]
    if check_mode:
        what = f"would go from {before} to {wanted}" if before != wanted else f"{before}, as wanted"
        return {"lines": [[f"app replicas: {what}; nothing was changed (check mode)", "dim"]]}
    ill = [container["name"] for container in observed["containers"] if container["health"] == "unhealthy"]
    took = f"{observed['at'] - since['at']:.1f} s"
    steps = f"{before} -> {observed['replicas']}" if before != observed["replicas"] else f"{before}, as before"
    state = f"{observed['healthy']} healthy" + (f", {len(ill)} unhealthy (docker logs {ill[0]})" if ill else "")
    return {"lines": [[f"app replicas: {steps}; {state}; {took}", "warn" if ill else "good"]]}


def _undo(playbooks: str, before: int, after: int, check_mode: bool) -> list:
    """The command that takes just this change back, where it is known how playbooks are started here; nobody wants an outage back."""
    if not playbooks or before in (0, after):
        return []
    playbook = "scale_down.yml" if before < after else "scale_app.yml"
    return [[f"{'would be undone by' if check_mode else 'undo'}: {playbooks}/{playbook} -e replicas={before}", "command"]]
