# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module scale_override: the wanted number of replicas outlives whoever types `docker compose up -d`."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

CHANGES = "app"
LEASE_AFTER = 90.0  # seconds: Compose, which renews no lease, starts the replicas next
SPEC = {
    "argument_spec": {
        "project_dir": {"type": "path", "required": True},
        "files": {"type": "list", "elements": "str", "default": ["docker-compose.prod.yml"]},
        "service": {"type": "str", "default": "app"},
        "replicas": {"type": "int", "required": True},
        "static_networks": {"type": "list", "elements": "str", "default": []},
    },
    "supports_check_mode": True,
}


def followed_by(params: dict) -> list[str]:
    """Words on the command line of what goes on after this step, and may outlive the run."""
    return ["compose", os.path.abspath(params["project_dir"])]


def run(params: dict, check_mode: bool, say: Say) -> dict:
    directory = Path(params["project_dir"])
    if params["replicas"] < 1:
        raise Refusal(
            f"replicas={params['replicas']} is below 1, and a platform without the application is down; choose 1 or more."
        )
    if not directory.is_dir():
        raise Refusal(f"{directory} does not exist on this host; correct smartsports_project_dir.")
    before, listed = _scale_file.stored(directory), _scale_file.listed(directory, params["files"])
    # The limits of resize_app stay.
    after = _scale_file.text(params["service"], params["replicas"], params["static_networks"], _scale_file.limits(directory))
    result = {
        "changed": before != after or not listed,
        "file": str(directory / _scale_file.NAME),
        # .env holds secrets: the diff tells whether it lists the override, never what else is in it.
        "diff": {
            "before": {"kept replicas": _scale_file.kept(directory), "listed in COMPOSE_FILE": listed},
            "after": {"kept replicas": params["replicas"], "listed in COMPOSE_FILE": True},
        },
    }
    if not check_mode:
        _scale_file.store(directory, params["files"], after)
    return result
