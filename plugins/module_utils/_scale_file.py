# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The override that keeps the number of replicas and their limits, and the line of .env that makes Compose read it: text in, text out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

NAME = "docker-compose.scale.yml"

_HEAD = """\
# Written by smartsports.scaling (playbooks scale_app, scale_down, resize_app): it keeps their numbers over `docker compose up -d`.
services:
  {service}:
"""
# container_name and a published port forbid a second replica; so does a static address. Compose refuses a service with two numbers.
_COUNTED = """\
    container_name: !reset null
    ports: !reset []
    scale: !reset null
"""
# A service with limits in both of Compose's places is refused by Compose: the older place is emptied.
_CPUS = ("cpus", "cpu_quota", "cpu_period")
_COMPOSE_FILE = re.compile(r"(?m)^((?:export[ \t]+)?COMPOSE_FILE[ \t]*=[ \t]*)(.*)$")
_SEPARATOR = re.compile(r"""(?m)^(?:export[ \t]+)?COMPOSE_PATH_SEPARATOR[ \t]*=[ \t]*["']?([^\s"'])["']?[ \t]*(?:#.*)?$""")


def directory_of(project_dir: str, files: list[str]) -> Path:
    directory = Path(project_dir)
    for name in files:
        if not (directory / name).is_file():
            raise Refusal(
                f"{directory / name} does not exist on this host; correct smartsports_project_dir or smartsports_compose_files."
            )
    return directory


def text(service: str, replicas: int | None, static_networks: Iterable[str], limits: dict[str, str] | None = None) -> str:
    """The override. `limits`: cpus and memory, each optional, and memswap where it is not Docker's default of twice the memory."""
    limits = limits or {}
    lines = [_HEAD.format(service=service)]
    if replicas is not None:
        lines.append(_COUNTED)
    if "cpus" in limits:
        lines += [f"    {name}: !reset null\n" for name in _CPUS]
    if "memory" in limits:
        lines += ["    mem_limit: !reset null\n", f"    memswap_limit: {limits.get('memswap', '!reset null')}\n"]
    networks = sorted(static_networks)
    if networks:
        lines += ["    networks:\n", *(f"      {name}: {{ipv4_address: !reset null}}\n" for name in networks)]
    lines.append("    deploy:\n")
    if replicas is not None:
        lines.append(f"      replicas: {replicas}\n")
    if limits:
        lines += ["      resources:\n", "        limits:\n"]
        lines += [f'          {name}: "{limits[name]}"\n' for name in ("cpus", "memory") if name in limits]
    return "".join(lines)


def limits(directory: Path) -> dict[str, str]:
    """The limits that the override keeps, by the names of text()."""
    content = _read(directory / NAME)
    found = dict(re.findall(r'(?m)^          (cpus|memory): "(.+)"$', content))
    swap = re.search(r"(?m)^    memswap_limit: ([-\w]+)$", content)
    return {**found, "memswap": swap.group(1)} if swap else found


def kept(directory: Path) -> int | None:
    """The number that the override keeps, None while there is none."""
    found = re.search(r"(?m)^\s+replicas: (\d+)$", _read(directory / NAME))
    return int(found.group(1)) if found else None


def static_networks(directory: Path) -> set[str]:
    """The networks whose static address the override takes away."""
    return set(re.findall(r"(?m)^\s+(\S+): \{ipv4_address: !reset null\}$", _read(directory / NAME)))


def environment(before: str, files: list[str]) -> str:
    """The text of .env with the override in COMPOSE_FILE; every other line stays as it is."""
    found, separator = _COMPOSE_FILE.search(before), _SEPARATOR.search(before)
    colon = separator.group(1) if separator else ":"
    if found is None:
        return before + ("\n" if before and not before.endswith("\n") else "") + f"COMPOSE_FILE={colon.join([*files, NAME])}\n"
    listed = _plain(re.sub(r"\s#.*$", "", found.group(2)))
    if NAME in [Path(name).name for name in listed.split(colon)]:
        return before
    return before[: found.start(2)] + colon.join(filter(None, [listed, NAME])) + before[found.end() :]


def overruled(directory: Path, exported: Mapping[str, str]) -> list[str]:
    """The variables of .env that an exported one overrules, as Compose has it: new replicas would not be like those that run."""
    found = re.findall(r"(?m)^(?:export )?(?!COMPOSE_)(\w+)=([^$\n]*)$", read_environment(directory))
    return sorted(name for name, value in found if exported.get(name, _plain(value)) != _plain(value))


def _plain(value: str) -> str:
    return value.strip().strip("\"'")


def read_environment(directory: Path) -> str:
    return _read(directory / ".env")


def listed(directory: Path, files: list[str]) -> bool:
    before = read_environment(directory)
    return before == environment(before, files)


def store(directory: Path, files: list[str], content: str) -> None:
    """Write what differs of the override and of the line that lists it."""
    if content != _read(directory / NAME):
        write(directory / NAME, content, mode=0o644)
    before = read_environment(directory)
    after = environment(before, files)
    if before != after:  # last: Compose refuses to work with a file that is listed and missing
        write(directory / ".env", after, mode=0o600)


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


def stored(directory: Path) -> str:
    return _read(directory / NAME)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
