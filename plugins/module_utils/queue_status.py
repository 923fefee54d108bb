# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who waits, and for how long: the platform's queues as one instance tells them for all."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import Client
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed, NotOffered
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import CONNECTION
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {"argument_spec": dict(CONNECTION), "supports_check_mode": True}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Ask the first instance that answers."""
    try:
        name, status = Client(params).first("queue-status")
    except Failed as failed:
        raise Refusal(
            f"the queues could not be read: {failed}; look at the application's containers (docker ps, docker logs)."
        ) from failed
    except NotOffered as problem:
        raise Refusal(
            f"{problem}: the deployed application tells nothing about its queues; deploy a release that does."
        ) from problem
    return {"changed": False, "status": status, "answered_by": name}
