# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The override that keeps the number of replicas, and the line of .env that makes Compose read it: text in, text out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

NAME = "docker-compose.scale.yml"

# container_name and a published port forbid a second replica; so does a static address.
_TEXT = """\
# Written by smartsports.scaling (playbooks scale_app, scale_down): it keeps the number of replicas over `docker compose up -d`.
services:
  {service}:
    container_name: !reset null
    ports: !reset []
{networks}    deploy:
      replicas: {replicas}
"""
_COMPOSE_FILE = re.compile(r"(?m)^COMPOSE_FILE=(.*)$")


def text(service: str, replicas: int, static_networks: list[str]) -> str:
    lines = [f"      {name}: {{ipv4_address: !reset null}}\n" for name in sorted(static_networks)]
    return _TEXT.format(service=service, replicas=replicas, networks="".join(["    networks:\n", *lines]) if lines else "")


def kept(directory: Path) -> int | None:
    """The number that the override keeps, None while there is none."""
    found = re.search(r"(?m)^\s+replicas: (\d+)$", _read(directory / NAME))
    return int(found.group(1)) if found else None


def static_networks(directory: Path) -> set[str]:
    """The networks whose static address the override takes away."""
    return set(re.findall(r"(?m)^\s+(\S+): \{ipv4_address: !reset null\}$", _read(directory / NAME)))


def environment(before: str, files: list[str]) -> str:
    """The text of .env with the override in COMPOSE_FILE; every other line stays as it is."""
    found = _COMPOSE_FILE.search(before)
    if found is None:
        return before + ("\n" if before and not before.endswith("\n") else "") + f"COMPOSE_FILE={':'.join([*files, NAME])}\n"
    listed = found.group(1).strip().strip("\"'")
    if NAME in [Path(name).name for name in listed.split(":")]:
        return before
    return before[: found.start()] + f"COMPOSE_FILE={':'.join(filter(None, [listed, NAME]))}" + before[found.end() :]


def overruled(directory: Path, exported: Mapping[str, str]) -> list[str]:
    """The variables of .env that an exported one overrules, as Compose has it: new replicas would not be like those that run."""
    found = re.findall(r"(?m)^(?:export )?(?!COMPOSE_)(\w+)=([^$\n]*)$", read_environment(directory))
    return sorted(name for name, value in found if exported.get(name, _plain(value)) != _plain(value))


def _plain(value: str) -> str:
    return value.strip().strip("\"'")


def read_environment(directory: Path) -> str:
    return _read(directory / ".env")


def write(path: Path, content: str, mode: int) -> None:
    """Replace a file in one step; mode and owner stay those of the file before, `mode` is for a new one."""
    candidate = path.with_name(f".{path.name}.candidate")
    with open(os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(content)
        if path.exists():
            before = path.stat()
            os.fchmod(stream.fileno(), before.st_mode & 0o777)
            os.fchown(stream.fileno(), before.st_uid, before.st_gid)
        else:
            os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(candidate, path)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
