"""The lab's images: a base (pulled, or made of Debian packages where no registry answers), and one for each part."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .directory import digest, files
from .shell import CACHE, ROOT, LabError, follow, last_line, lock, output, say

BASE = "debian:bookworm-slim"
PARTS = ("postgres", "pgbouncer", "redis", "nginx", "prometheus", "exporters", "app")
_IMAGES = ROOT / "lab" / "images"
_APP = ROOT / "lab" / "app"
_STAMP = CACHE / "built.json"


def ensure() -> None:
    """Build what is missing or out of date; a second run takes as long as asking the engine for the images' ids."""
    with lock("images"):
        revision = digest([*files(_IMAGES), *files(_APP)])
        if _built() == {"revision": revision, "ids": _ids()}:
            return
        started = time.monotonic()
        _ensure_base()
        say("building the lab's images")
        _build(_context())
        _STAMP.write_text(json.dumps({"revision": revision, "ids": _ids()}), encoding="ascii")
        say(f"images built in {time.monotonic() - started:.0f} s")


def _built() -> dict:
    return json.loads(_STAMP.read_text(encoding="ascii")) if _STAMP.exists() else {}


def _ids() -> list[str]:
    listed = output(
        [
            "docker",
            "image",
            "ls",
            "--no-trunc",
            "--format",
            "{{.Repository}}:{{.Tag}} {{.ID}}",
            "--filter",
            "reference=smartsports/lab-*:dev",
        ]
    )
    wanted = {f"smartsports/lab-{part}:dev" for part in PARTS}
    found = sorted(line for line in listed.splitlines() if line.split()[0] in wanted)
    return found if len(found) == len(wanted) else []


def _ensure_base() -> None:
    if output(["docker", "image", "ls", "-q", BASE]).strip():
        return
    say(f"pulling {BASE}")
    if subprocess.run(["docker", "pull", "--quiet", BASE], capture_output=True, check=False).returncode == 0:
        return
    if not shutil.which("mmdebstrap"):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise LabError(
                f"{BASE} cannot be pulled and cannot be made here; load it into the engine (docker load) and run this again."
            )
        say("no registry answers: installing mmdebstrap")
        _apt_install("mmdebstrap")
    say(f"no registry answers: making {BASE} of Debian packages")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        archive = Path(scratch) / "base.tar"
        making = subprocess.Popen(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", archive])
        follow(making, f"making {BASE}")
        if making.returncode:
            raise LabError(f"mmdebstrap could not make {BASE}; its reason is above.")
        output(["docker", "import", archive, BASE])


def _apt_install(package: str) -> None:
    """Install a Debian package, asking for newer lists only where the present ones do not do."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    if subprocess.run(install, env=env, capture_output=True, check=False).returncode:
        output(["apt-get", "update", "-qq"])
        output(install, env=env)


def _context() -> Path:
    """The build's context: lab/images, lab/app and the application's wheels."""
    context = CACHE / "context"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(_IMAGES, context / "images")
    shutil.copytree(_APP, context / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(wheels(_APP / "requirements.txt"), context / "wheels")
    return context


def wheels(requirements: Path) -> Path:
    """The wheels of a list of requirements, fetched by this interpreter's pip with the host's own configuration."""
    kept = CACHE / "wheels" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    if kept.exists():
        return kept
    say("fetching wheels")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        output([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", scratch, "-r", requirements])
        shutil.copytree(scratch, kept)
    return kept


def _build(context: Path) -> None:
    env = os.environ | {"LAB_CONTEXT": str(context)}
    log = CACHE / "build.log"
    with open(log, "w", encoding="utf-8") as handle:
        command = ["docker", "compose", "--progress", "plain", "-f", str(_IMAGES / "images.yml"), "build"]
        building = subprocess.Popen(command, env=env, stdout=handle, stderr=subprocess.STDOUT)
        follow(building, "building the lab's images")
    if building.returncode:
        raise LabError(
            f"the images were not built: {last_line(log.read_text(encoding='utf-8'))} (all of it: {log.relative_to(ROOT)})"
        )
