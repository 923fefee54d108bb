# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module docker_host_info: has a Docker host what the collection needs, and what of it could be installed. Reads only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _limits
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {
    "argument_spec": {
        "directory": {"type": "path", "required": True},
        "state_directory": {"type": "path", "required": True},
        "clock": {"type": "float", "required": True},
        "installable": {"type": "list", "elements": "str", "default": []},
        "min_compose": {"type": "str", "default": "2.24"},
        "min_memory": {"type": "str", "default": "512M"},
        "min_disk": {"type": "str", "default": "1G"},
        "max_clock_difference": {"type": "float", "default": 5.0},
        "removing": {"type": "bool", "default": False},
    },
    "supports_check_mode": True,
}
MIN_PYTHON = (3, 11)  # what the modules are written for
MIN_ENGINE = "20.10"
_TIMEOUT = 10  # seconds for one answer of the docker command


def run(params: dict, check_mode: bool, say: Say) -> dict:
    least = {name: _size(name, params[name]) for name in ("min_memory", "min_disk")}
    _version("min_compose", params["min_compose"])
    host = _look(params)
    lacks = _lacking(host, params)
    problems = [*_problems(host, params, least), *lacks.pop("problems")]
    state = Path(params["state_directory"])
    records = state.is_dir() and any(state.iterdir())
    report = _of_removal(state, records) if params["removing"] else _report(host, problems, lacks)
    return {"changed": False, "host": host, "lacks": lacks, "problems": problems, "records": records, "report": report}


def _look(params: dict) -> dict:
    """What there is; an empty text or None where nothing answers."""
    places = {name: _existing(Path(params[name])) for name in ("directory", "state_directory")}
    root = _docker("info", "--format", "{{.DockerRootDir}}")
    places |= {"docker": Path(root)} if root and Path(root).is_dir() else {}
    return {
        "system": _system(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "venv": find_spec("ensurepip") is not None,
        "engine": _docker("version", "--format", "{{.Server.Version}}"),
        "compose": (_docker("compose", "version", "--short") or "").removeprefix("v"),
        "memory": _available_memory(),
        "disk": {str(place): shutil.disk_usage(place).free for place in places.values()},
        "time": time.time(),
        "clock_difference": round(time.time() - params["clock"], 1),
        "root": os.geteuid() == 0,
    }


def _lacking(host: dict, params: dict) -> dict:
    """What can be installed here, and a problem for each of it where it cannot."""
    can = host["system"] in params["installable"]
    compose = not _at_least(host["compose"], params["min_compose"])
    problems = []
    if compose and not can:
        has = f"is {host['compose']}" if host["compose"] else "is missing"
        problems.append(
            f"the Docker Compose plugin {has}, and {params['min_compose']} or newer is needed; install it from Docker's packages "
            f"(docker-compose-plugin): for {host['system'] or 'this system'} there is no other way known here."
        )
    if not host["venv"] and not can:
        problems.append(
            f"{sys.executable} cannot make a virtual environment (module ensurepip is missing); install it, on Debian python3-venv."
        )
    return {"compose": compose and can, "venv": not host["venv"] and can, "problems": problems}


def _problems(host: dict, params: dict, least: dict) -> list[str]:
    found = []
    if not host["root"]:
        found.append("this runs without root's rights, which an installation needs; set ansible_become: true for this host.")
    if sys.version_info[:2] < MIN_PYTHON:
        found.append(
            f"{sys.executable} is Python {host['python']}, and {'.'.join(map(str, MIN_PYTHON))} or newer is needed; install one and set "
            "docker_host_python to its path."
        )
    if not host["engine"]:
        found.append("no Docker engine answers on this host; install Docker Engine, start it, and run this again.")
    elif not _at_least(host["engine"], MIN_ENGINE):
        found.append(f"the Docker engine is {host['engine']}, and {MIN_ENGINE} or newer is needed; upgrade it at a calm hour.")
    if host["memory"] < least["min_memory"]:
        found.append(
            f"{_limits.rounded(host['memory'])} of memory is available, and {params['min_memory']} is needed to work under load; free some, "
            "or lower docker_host_min_memory."
        )
    for place, free in host["disk"].items():
        if free < least["min_disk"]:
            found.append(
                f"{_limits.rounded(free)} of disk is free at {place}, and {params['min_disk']} is needed; free some, or lower docker_host_min_disk."
            )
    # How far it is ahead is for the role to say, once it knows how long asking took.
    if host["clock_difference"] < -params["max_clock_difference"]:
        found.append(
            f"the clock is {-host['clock_difference']:.1f} s behind the controller's, and {params['max_clock_difference']:g} s are allowed: times in "
            "records would be wrong; set it (timedatectl set-ntp true), or raise docker_host_max_clock_difference."
        )
    return found


def _report(host: dict, problems: list[str], lacks: dict) -> dict:
    disk = ", ".join(f"{_limits.rounded(free)} at {place}" for place, free in host["disk"].items())
    names = {"compose": "the Docker Compose plugin", "venv": "python3-venv"}
    missing = [text for name, text in names.items() if lacks[name]]
    rows = [
        ["system", host["system"] or "unknown"],
        ["Python", host["python"]],
        ["Docker engine", host["engine"] or "none answers"],
        ["Docker Compose", host["compose"] or "none"],
        ["memory available", _limits.rounded(host["memory"])],
        ["disk free", disk],
        ["clock", f"{host['clock_difference']:+.1f} s from the controller's, the time of asking included"],
    ]
    return {
        "title": f"DOCKER HOST: {len(problems)} problem(s)",
        "status": "bad" if problems else "good",
        "columns": ["what", "has"],
        "rows": rows,
        "lines": [
            *[[problem, "bad"] for problem in problems],
            *[[f"is missing and can be installed: {name}", "warn"] for name in missing],
        ],
    }


def _of_removal(state: Path, records: bool) -> dict:
    stays = f"{state} stays: it holds records of incidents; remove it by hand when nobody needs them."
    return {"lines": [[stays, "warn"]] if records else []}


def _docker(*arguments: str) -> str:
    """The last line of what the docker command says, '' where it fails."""
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.split("\n") if done.returncode == 0 else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _system() -> str:
    """For example debian-12."""
    path = Path("/etc/os-release")
    pairs = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)"?$', path.read_text(encoding="utf-8"))) if path.exists() else {}
    return "-".join(filter(None, (pairs.get("ID", ""), pairs.get("VERSION_ID", "").partition(".")[0])))


def _available_memory() -> int:
    found = re.search(r"(?m)^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    return int(found.group(1)) * 1024 if found else 0


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    return next(place for place in (path, *path.parents) if place.is_dir())


def _at_least(have: str, wanted: str) -> bool:
    return bool(have) and _numbers(have) >= _numbers(wanted)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _version(name: str, value: str) -> None:
    if not re.fullmatch(r"\d+(\.\d+)*", value):
        raise Refusal(f"docker_host_{name} is '{value}', but must be a version; write it as 2.24.")


def _size(name: str, value: str) -> int:
    try:
        return _limits.size(value) or 0
    except Refusal as refusal:
        raise Refusal(f"docker_host_{name} is '{value}', but must be a size; write it as 512M or 1G.") from refusal
