# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module scale_override: the wanted number of replicas outlives whoever types `docker compose up -d`."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

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


def run(params: dict, check_mode: bool, say: Say) -> dict:
    directory = Path(params["project_dir"])
    if params["replicas"] < 1:
        raise Refusal(
            f"replicas={params['replicas']} is below 1, and a platform without the application is down; choose 1 or more."
        )
    if not directory.is_dir():
        raise Refusal(f"{directory} does not exist on this host; correct smartsports_project_dir.")
    override, environment = directory / _scale_file.NAME, directory / ".env"
    before = override.read_text(encoding="utf-8") if override.exists() else ""
    after = _scale_file.text(params["service"], params["replicas"], params["static_networks"])
    listed_before = _scale_file.read_environment(directory)
    listed_after = _scale_file.environment(listed_before, params["files"])
    result = {
        "changed": before != after or listed_before != listed_after,
        "file": str(override),
        # .env holds secrets: the diff tells whether it lists the override, never what else is in it.
        "diff": {
            "before": {"kept replicas": _scale_file.kept(directory), "listed in COMPOSE_FILE": listed_before == listed_after},
            "after": {"kept replicas": params["replicas"], "listed in COMPOSE_FILE": True},
        },
    }
    if not check_mode:
        if before != after:
            _scale_file.write(override, after, mode=0o644)
        if listed_before != listed_after:  # last: Compose refuses to work with a file that is listed and missing
            _scale_file.write(environment, listed_after, mode=0o600)
    return result
