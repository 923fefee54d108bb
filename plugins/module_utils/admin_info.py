# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the application's instances run with, and where they disagree."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import RESOURCES, Client, Readings
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import CONNECTION
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import members
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {
    "argument_spec": {
        "resources": {"type": "list", "elements": "str", "choices": list(RESOURCES), "default": list(RESOURCES)},
        **CONNECTION,
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Read the resources from all instances."""
    try:
        found = Client(params).read(params["resources"])
    except Failed as failed:
        raise Refusal(
            f"the settings could not be read: {failed}; look at the application's containers (docker ps, docker logs)."
        ) from failed
    return {"changed": False, **summary(found)}


def summary(found: dict[str, Readings]) -> dict:
    """What was read, as this module returns it."""
    told = {resource: readings for resource, readings in found.items() if readings.told}
    return {
        "settings": {resource: readings.newest.settings for resource, readings in told.items()},
        "versions": {resource: readings.newest.version for resource, readings in told.items()},
        "instances": sorted({name for readings in told.values() for name in readings.told}),
        "disagreements": [entry for resource, readings in told.items() for entry in _disagreements(resource, readings)],
        # not "unreachable": with that key Ansible gives the whole host up
        "not_answering": {name: str(failed) for readings in found.values() for name, failed in sorted(readings.failed.items())},
        "not_offered": [resource for resource, readings in found.items() if readings.not_offered],
    }


def _disagreements(resource: str, readings: Readings) -> list[dict]:
    """One entry a member that not all instances run with the same value of."""
    flat = {name: members(reading.settings) for name, reading in sorted(readings.told.items())}
    every = sorted({member for settings in flat.values() for member in settings})
    values = {member: {name: settings.get(member) for name, settings in flat.items()} for member in every}
    return [
        {"resource": resource, "member": member, "values": by_instance}
        for member, by_instance in values.items()
        if any(value != next(iter(by_instance.values())) for value in by_instance.values())
    ]
