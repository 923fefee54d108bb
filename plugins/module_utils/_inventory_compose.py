# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of an inventory against Docker, the Compose files, and the containers that came of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory import (
    PROJECT,
    SERVICE,
    SERVICES,
    Finding,
    Seen,
    Skip,
    closest,
    of_refusal,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

LEAST = (2, 24)  # the override resets values with !reset
_PATIENCE = 2.5  # seconds
_UNSET = re.compile(r'The \\?"(\w+)\\?" variable is not set')
_WORKING_DIR, _FILES = "com.docker.compose.project.working_dir", "com.docker.compose.project.config_files"


def command(arguments: list[str], directory: Path | None = None) -> subprocess.CompletedProcess:
    """`docker compose ...`, as the playbooks and an engineer run it."""
    try:
        return subprocess.run(
            ["docker", "compose", *arguments], cwd=directory, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError as error:
        raise Refusal("the command docker is not found on this host; install Docker's client and its Compose plugin.") from error
    except subprocess.TimeoutExpired as error:
        raise Refusal(f"docker compose did not answer within {_PATIENCE:g} s; look at the load of this host.") from error


def configuration(directory: str, files: list[str]) -> dict:
    """What Compose makes of the files, the override included where it is; `unset`: variables that they use and nobody sets."""
    path = Path(directory or "")
    if not directory or not path.is_dir() or not all((path / name).is_file() for name in files):
        raise Refusal("there is nothing to configure; correct smartsports_project_dir and smartsports_compose_files.")
    present = [*files, _scale_file.NAME] if (path / _scale_file.NAME).is_file() else files
    # With the services of every profile: those that are named explicitly run without it.
    done = command(["--profile", "*", *(word for name in present for word in ("-f", name)), "config", "--format", "json"], path)
    if done.returncode != 0:
        raise Refusal(f"{_last(done.stderr)}; correct {', '.join(present)} in {directory}.")
    return {**json.loads(done.stdout), "unset": sorted(set(_UNSET.findall(done.stderr)))}


def engine(seen: Seen) -> Iterator[Finding]:
    if isinstance(seen.engine, Refusal):
        yield of_refusal("Docker engine", seen.engine)


def plugin(seen: Seen) -> Iterator[Finding]:
    done = command(["version", "--short"])
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    if done.returncode != 0 or not found:
        yield Finding(
            "Compose plugin",
            "",
            f"docker compose does not answer ({_last(done.stderr)})",
            "install Docker's Compose plugin, 2.24 or newer",
        )
    elif tuple(map(int, found.groups())) < LEAST:
        yield Finding("Compose plugin", "2.24 or newer", done.stdout.strip(), "update Docker's Compose plugin")


def directory(seen: Seen) -> Iterator[Finding]:
    """The directory, its files, and that they are those which the running containers were started with."""
    path, files = Path(seen["smartsports_project_dir"]), seen["smartsports_compose_files"]
    places = {_labelled(entry, _WORKING_DIR) for entry in _of_app(seen)} - {""}
    started = next(iter(sorted(places)), "")
    if not path.is_dir():
        has = "no such directory" + (f"; the containers were started in {started}" if started else "")
        yield Finding("smartsports_project_dir", path, has, f"set it to {started or 'where the Compose files are'}")
        return
    if places and os.path.realpath(path) not in map(os.path.realpath, places):
        yield Finding("smartsports_project_dir", path, f"the containers were started in {started}", f"set it to {started}")
    for name in files:
        if not (path / name).is_file():
            near = closest(name, (each.name for each in path.glob("*.y*ml") if each.name != _scale_file.NAME))
            yield Finding(
                "smartsports_compose_files", name, f"no such file in {path}", f"list {near or 'the files that are there'}"
            )


def files(seen: Seen) -> Iterator[Finding]:
    """Replicas of one service from different files would not be alike."""
    path = os.path.realpath(seen.directory)
    if not all((seen.directory / name).is_file() for name in seen["smartsports_compose_files"]):
        raise Skip("a file is missing")
    wanted = [os.path.realpath(os.path.join(path, name)) for name in seen["smartsports_compose_files"]]
    for entry in _of_app(seen):
        started = [
            os.path.realpath(name) for name in _labelled(entry, _FILES).split(",") if name and Path(name).name != _scale_file.NAME
        ]
        if started and started != wanted:
            names = ", ".join(os.path.relpath(name, path) for name in started)
            name = entry["Names"][0].lstrip("/")
            yield Finding(
                "smartsports_compose_files",
                ", ".join(seen["smartsports_compose_files"]),
                f"{name} was started with {names}",
                f"list {names}",
            )
            return


def config(seen: Seen) -> Iterator[Finding]:
    if isinstance(seen.compose, Refusal) and all((seen.directory / name).is_file() for name in seen["smartsports_compose_files"]):
        yield of_refusal("docker compose config", seen.compose)
        return
    for name in seen.config["unset"]:
        yield Finding(
            "Compose files", "", f"they use {name}, and nobody sets it", f"set {name} in {seen.directory}/.env", warning=True
        )


def project(seen: Seen) -> Iterator[Finding]:
    name = seen["smartsports_project"]
    projects = sorted({entry["Labels"][PROJECT] for entry in seen.containers if entry["State"] == "running"})
    if name not in projects:
        like = closest(name, projects) or (projects[0] if len(projects) == 1 else "")
        has = f"containers of {', '.join(projects[:4])} run" if projects else "no Compose project runs"
        yield Finding("smartsports_project", name, has, f"did you mean {like}?" if like else "start it with docker compose up -d")
    elif isinstance(seen.compose, dict) and (other := seen.compose.get("name", name)) != name:
        fix = f"set COMPOSE_PROJECT_NAME={name} in {seen.directory}/.env"
        yield Finding("smartsports_project", name, f"docker compose up -d typed by hand would start {other}", fix, warning=True)


def services(seen: Seen) -> Iterator[Finding]:
    """Each service that is named exists; where not, which one is meant."""
    known = seen.config.get("services", {})
    for variable, image in SERVICES.items():
        name = seen.variables.get(variable)
        if name is None or name in known:
            continue
        like = closest(name, known) or next((each for each, part in known.items() if image in (part.get("image") or each)), "")
        yield Finding(
            variable, name, f"services are {', '.join(sorted(known))}", f"did you mean {like}?" if like else "name one of them"
        )


def running(seen: Seen) -> Iterator[Finding]:
    """Each of them runs: of the application any number, of the others one."""
    present = seen.of_project
    known = seen.compose.get("services", {}) if isinstance(seen.compose, dict) else None
    for variable in SERVICES:
        name = seen.variables.get(variable)
        if name is None or (known is not None and name not in known):
            continue
        count = sum(entry["Labels"].get(SERVICE) == name and entry["State"] == "running" for entry in present)
        if count == 0:
            fix = f"start it (docker compose up -d {name}), or correct {variable}"
            yield Finding(variable, name, "no container of it runs", fix)
        elif count > 1 and variable != "smartsports_app_service":
            yield Finding(
                variable,
                name,
                f"{count} containers of it run, and the playbooks look after one",
                f"name the one service in {variable}",
            )


def _of_app(seen: Seen) -> list[dict]:
    """The application's running containers; none where the project or the service has a line of its own."""
    wanted = {PROJECT: seen["smartsports_project"], SERVICE: seen["smartsports_app_service"]}
    return [entry for entry in seen.listed if entry["State"] == "running" and wanted.items() <= entry["Labels"].items()]


def _labelled(entry: dict, label: str) -> str:
    return entry["Labels"].get(label) or ""


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "level=warning" not in line]
    return (lines[-1] if lines else "it said nothing").rstrip(".")


CHECKS = {
    "engine": engine,
    "Compose plugin": plugin,
    "directory": directory,
    "Compose files": files,
    "docker compose config": config,
    "project": project,
    "services": services,
    "running services": running,
}
