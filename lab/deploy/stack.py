"""The running lab: start, stop and look at the containers of one prefix, found by their Compose labels."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

from .directory import read_env
from .names import Lab
from .shell import LabError, last_line, output, say, without

_DEADLINE = 180  # seconds until everything must be healthy; a cold start takes about 20


@dataclass(frozen=True)
class Part:
    """One container of the lab."""

    id: str
    name: str
    service: str
    state: str
    health: str


def parts(lab: Lab) -> list[Part]:
    """The lab's containers by name, also those that stopped."""
    listed = output(["docker", "ps", "--all", "--filter", f"label=com.docker.compose.project={lab.prefix}", "--format", "{{json .}}"])
    return sorted((_part(json.loads(line)) for line in listed.splitlines()), key=lambda part: part.name)


def _part(entry: dict) -> Part:
    labels = dict(label.split("=", 1) for label in entry["Labels"].split(",") if "=" in label)
    status = entry["Status"]
    health = next((word for word in ("unhealthy", "healthy", "starting") if word in status), "none")
    return Part(entry["ID"], entry["Names"], labels["com.docker.compose.service"], entry["State"], health)


def up(lab: Lab, recreate: bool) -> float:
    """Bring everything up and wait until it is healthy. Returns the seconds that it took."""
    started = time.monotonic()
    if not parts(lab):
        _require_free_ports(lab)
    command = ["docker", "compose", "up", "--detach", "--quiet-pull", "--remove-orphans", *(["--force-recreate"] if recreate else [])]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        env = without(read_env(lab.directory))
        compose = subprocess.Popen(command, cwd=lab.directory, env=env, stdout=log, stderr=subprocess.STDOUT)
        seen: set[str] = set()
        while compose.poll() is None or _unready(parts(lab)):
            _tell(lab, seen, started)
            if compose.poll():
                log.seek(0)
                raise LabError(_reason(lab, log.read()))
            if time.monotonic() - started > _DEADLINE:
                compose.terminate()
                raise LabError(f"after {_DEADLINE} s these are not healthy: {', '.join(_unready(parts(lab)))}; read 'docker logs <name>'.")
            time.sleep(0.3)
        if compose.returncode:
            log.seek(0)
            raise LabError(_reason(lab, log.read()))
    return time.monotonic() - started


def _unready(found: list[Part]) -> list[str]:
    return [part.name for part in found if part.health != "healthy"]


def _tell(lab: Lab, seen: set[str], started: float) -> None:
    """Say which containers became healthy since the last look."""
    new = {part.name for part in parts(lab) if part.health == "healthy"} - seen
    if new and time.monotonic() - started > 1:  # nothing to tell of a lab that is up
        say(f"healthy after {time.monotonic() - started:.0f} s: {', '.join(sorted(new))}")
    seen |= new


def _reason(lab: Lab, log: str) -> str:
    if "overlaps with other one" in log or "invalid pool request" in log:
        return f"the lab's network {lab.settings['LAB_SUBNET']} is taken by another Docker network; remove that one, or choose another --prefix."
    return f"the lab did not start: {last_line(log)}"


def _require_free_ports(lab: Lab) -> None:
    for service, port in lab.ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise LabError(f"port {port} ({service}) is taken by another program; stop that one, or choose another --prefix.") from error


def down(lab: Lab) -> bool:
    """Remove the prefix's containers, volumes, network and directory. False if there was nothing."""
    label = f"label=com.docker.compose.project={lab.prefix}"
    attached = output(["docker", "ps", "--all", "--quiet", "--filter", f"network={lab.prefix}-network"])
    removals = {
        "rm --force": [*(part.id for part in parts(lab)), *attached.split()],
        "volume rm --force": output(["docker", "volume", "ls", "--quiet", "--filter", label]).split(),
        "network rm": output(["docker", "network", "ls", "--quiet", "--filter", label]).split(),
    }
    for command, ids in removals.items():
        if ids:
            output(["docker", *command.split(), *dict.fromkeys(ids)])
    existed = lab.directory.exists()
    if existed:
        shutil.rmtree(lab.directory)
    return existed or any(removals.values())
