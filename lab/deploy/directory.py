"""The deployment directory .lab/<prefix>/: the Compose file, .env and config/, as production has them in /opt/smartsports."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from string import Template

from .names import Lab
from .shell import ROOT, output

COMPOSE_FILE = "docker-compose.prod.yml"
_SOURCE = ROOT / "lab" / COMPOSE_FILE
_CONFIG = ROOT / "lab" / "config"
_SSH = ROOT / "lab" / "ssh.sh"
_SECRETS = (
    "ADMIN_TOKEN",
    "POSTGRES_PASSWORD",
    "APP_DB_PASSWORD",
    "REPLICATION_PASSWORD",
    "EXPORTER_PASSWORD",
    "PGBOUNCER_ADMIN_PASSWORD",
)


def digest(paths: Iterable[Path]) -> str:
    """A short hash of names and contents."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.relative_to(ROOT)}\0{path.stat().st_mode & 0o111}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def files(directory: Path) -> list[Path]:
    """Every file below a directory but Python's caches."""
    return [path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def read_env(directory: Path) -> dict[str, str]:
    """The .env of a deployment; empty while there is none."""
    path = directory / ".env"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


def prepare(lab: Lab) -> None:
    """Make or renew the directory. Secrets stay; what operators changed in config/ stays until the lab's own templates change."""
    old = read_env(lab.directory)
    env = {name: secrets.token_hex(20) for name in _SECRETS} | {"COMPOSE_FILE": COMPOSE_FILE} | old | lab.settings
    env["LAB_CONFIG"] = digest(files(_CONFIG))
    lab.directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_SOURCE, lab.directory / COMPOSE_FILE)
    if old.get("LAB_CONFIG") != env["LAB_CONFIG"]:
        _render(lab.directory / "config", env)
    if env != old:
        _write_env(lab.directory / ".env", env)


def open_door(lab: Lab) -> None:
    """An sshd of the lab's own, as production's host has one."""
    output([_SSH, "up", lab.directory])


def close_door(lab: Lab) -> None:
    if (lab.directory / "ssh").exists():
        output([_SSH, "down", lab.directory])


def _render(target: Path, env: dict[str, str]) -> None:
    """Write the templates in place: a bind-mounted file must keep its inode. Readable by the containers' users."""
    for source in files(_CONFIG):
        path = target / source.relative_to(_CONFIG)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(source.read_text(encoding="utf-8")).safe_substitute(env), encoding="utf-8")
        path.chmod(0o644)
    for directory in (target.parent, target, *(path for path in target.rglob("*") if path.is_dir())):
        directory.chmod(0o755)


def _write_env(path: Path, env: dict[str, str]) -> None:
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.writelines(f"{key}={value}\n" for key, value in env.items())
    new.replace(path)
