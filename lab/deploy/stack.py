"""The running lab: start, stop and look at the containers of one prefix, found by their Compose labels."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

from .directory import close_door, read_env
from .names import Lab
from .shell import LabError, last_line, output, say, without

_DEADLINE = 300  # seconds until everything must be healthy; a cold start takes about 20 on a quiet host


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
    listed = output(
        ["docker", "ps", "--all", "--filter", f"label=com.docker.compose.project={lab.prefix}", "--format", "{{json .}}"]
    )
    return sorted((_part(json.loads(line)) for line in listed.splitlines()), key=lambda part: part.name)


def _part(entry: dict) -> Part:
    labels = dict(label.split("=", 1) for label in entry["Labels"].split(",") if "=" in label)
    status = entry["Status"]
    health = next((word for word in ("unhealthy", "healthy", "starting") if word in status), "none")
    return Part(entry["ID"], entry["Names"], labels["com.docker.compose.service"], entry["State"], health)


def up(lab: Lab) -> float:
    """Bring everything up and wait until it is healthy. Returns the seconds that it took."""
    started = time.monotonic()
    if not parts(lab):
        _require_free_ports(lab)
    command = ["docker", "compose", "up", "--detach", "--quiet-pull", "--remove-orphans"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        env = without(read_env(lab.directory))
        compose = subprocess.Popen(command, cwd=lab.directory, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(lab, compose, started)
        finally:
            compose.terminate()
        if compose.returncode:
            log.seek(0)
            raise LabError(_reason(lab, log.read()))
    return time.monotonic() - started


def _wait(lab: Lab, compose: subprocess.Popen, started: float) -> None:
    """Until Compose is done and everything is healthy, or Compose failed; says what became healthy."""
    healthy: set[str] = set()
    while True:
        done = compose.poll()
        found = parts(lab)
        waiting = [part for part in found if part.health not in ("healthy", "none") or part.state != "running"]
        if done or (done == 0 and not waiting):
            return
        seconds = time.monotonic() - started
        new = {part.name for part in found} - {part.name for part in waiting} - healthy
        healthy |= new
        if new and seconds > 2:  # nothing to tell of a lab that was up already
            say(f"healthy after {seconds:.0f} s: {', '.join(sorted(new))}")
        crashed = next((part for part in waiting if part.state == "restarting"), None)
        if crashed:
            raise LabError(f"{crashed.name} does not start: {_last_words(crashed)}")
        if seconds > _DEADLINE:
            raise LabError(
                f"after {_DEADLINE} s these are not healthy: {', '.join(part.name for part in waiting)}; read 'docker logs NAME'."
            )
        time.sleep(0.5)


def _last_words(part: Part) -> str:
    logs = subprocess.run(["docker", "logs", "--tail", "5", part.name], text=True, capture_output=True, check=False)
    return last_line(logs.stderr or logs.stdout)


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
                raise LabError(
                    f"port {port} ({service}) is taken by another program; stop that one, or choose another --prefix."
                ) from error


def down(lab: Lab) -> bool:
    """Remove the prefix's containers, volumes, network and directory. False if there was nothing."""
    found = _engine_holds(lab)
    for kind, command in (("containers", "rm --force --volumes"), ("volumes", "volume rm --force")):
        if found[kind]:
            output(["docker", *command.split(), *dict.fromkeys(found[kind])])
    for network in found["networks"]:
        _remove_network(network)
    existed = lab.directory.exists()
    if existed:
        close_door(lab)
        shutil.rmtree(lab.directory)
    return existed or any(found.values())


def _remove_network(network: str) -> None:
    """An engine that was interrupted while it connected a container can count that one until its next start: an empty network is left."""
    try:
        output(["docker", "network", "rm", network])
    except LabError:
        if json.loads(output(["docker", "network", "inspect", "--format", "{{json .Containers}}", network])):
            raise
        say("its empty network is left, as the engine counts a container that is gone; the next lab of this name uses it")


def _engine_holds(lab: Lab) -> dict[str, list[str]]:
    """The ids of what the engine has of this prefix, containers in its network included."""
    label = f"label=com.docker.compose.project={lab.prefix}"
    attached = output(["docker", "ps", "--all", "--quiet", "--filter", f"network={lab.prefix}-network"])
    return {
        "containers": [*(part.id for part in parts(lab)), *attached.split()],
        "volumes": output(["docker", "volume", "ls", "--quiet", "--filter", label]).split(),
        "networks": output(["docker", "network", "ls", "--quiet", "--filter", label]).split(),
    }


def require_ours(lab: Lab) -> None:
    """Refuse a lab that another checkout made: its volumes know other secrets than this checkout's."""
    found = _engine_holds(lab)
    if not read_env(lab.directory) and (found["containers"] or found["volumes"]):
        raise LabError(
            f"there is a lab '{lab.prefix}' that this checkout did not make; remove it and its data with "
            f"'lab/lab.py down --prefix {lab.prefix}', or choose another name with --prefix (make: PREFIX=NAME)."
        )
