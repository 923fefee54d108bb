#!/usr/bin/env python3
"""The lab: the platform in miniature. lab.py up [--fresh] [--ssh] | down | status | build [--prefix NAME]."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from deploy import directory, images, stack
from deploy.names import DEFAULT_PREFIX, Lab, lab_of
from deploy.shell import ROOT, LabError, lock, say


def up(lab: Lab, fresh: bool = False, ssh: bool = False) -> int:
    """Build what is missing, start everything and wait until it is healthy; `fresh` removes what there is before; `ssh` adds a way in."""
    images.ensure()
    with lock(lab.prefix):
        if fresh:
            stack.down(lab)
        stack.require_ours(lab)
        directory.prepare(lab)
        seconds = stack.up(lab)
        if ssh:
            directory.open_door(lab)
    say(
        f"lab '{lab.prefix}' is up ({seconds:.1f} s): entry http://127.0.0.1:{lab.nginx_port}, Prometheus http://127.0.0.1:{lab.prometheus_port}"
    )
    return 0


def down(lab: Lab) -> int:
    """Remove the containers, volumes, network and directory of this prefix, and nothing else."""
    with lock(lab.prefix):
        existed = stack.down(lab)
    say(f"lab '{lab.prefix}' is gone" if existed else f"there is no lab '{lab.prefix}'")
    return 0


def status(lab: Lab) -> int:
    """List the containers; rc 1 unless all are healthy."""
    found = stack.parts(lab)
    for part in found:
        print(f"{part.name:36} {part.state:10} {part.health}")
    if not found:
        say(f"there is no lab '{lab.prefix}'")
    return 0 if found and all(part.health in ("healthy", "none") for part in found) else 1


def build(_lab: Lab) -> int:
    """Build the images without starting anything."""
    images.ensure()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab.py", description="The platform in miniature, on this host's Docker engine.")
    parser.add_argument("command", choices=("up", "down", "status", "build"))
    parser.add_argument(
        "--prefix", default=os.environ.get("LAB_PREFIX") or DEFAULT_PREFIX, help="name of the lab (default: %(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="up: remove a lab of this name first, whoever made it")
    parser.add_argument("--ssh", action="store_true", help="up: the host is reached by SSH as well, for -i inventory/lab_ssh")
    arguments = parser.parse_args()
    try:
        lab = lab_of(arguments.prefix)
        if subprocess.run([ROOT / "lab" / "engine.sh"], check=False).returncode:
            return 1  # it has said why
        if arguments.command == "up":
            return up(lab, arguments.fresh, arguments.ssh)
        return {"down": down, "status": status, "build": build}[arguments.command](lab)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
