# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where instances run with different settings. They share them: one that differs was set alone, or has lost its way to the database."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import Readings
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import difference, members
from ansible_collections.smartsports.scaling.plugins.module_utils._drift import Drift, listed
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import Schema, text


def drifts(found: dict[str, Readings], schema: Schema) -> list[Drift]:
    """What instances disagree about, of all that a profile can set; who does not answer says nothing.

    Healed by the newest version, as every playbook takes it: it is what was asked for last. A majority may merely be late.
    """
    told, values = [], []
    for resource, readings in found.items():
        settings = [members(reading.settings) for reading in readings.told.values()]
        newest = members(readings.newest.settings) if settings else {}
        fields = {member: schema.name_of(resource, member) for member in newest}
        apart = {
            member: newest[member]
            for member, field in fields.items()
            if field and any(each.get(member) != newest[member] for each in settings)
        }
        if apart:
            others = {name: difference(reading, apart) for name, reading in readings.told.items()}
            told.append((resource, readings.newest.version, [f"{name}: {why}" for name, why in others.items() if why]))
            values += [f"{fields[member]}={text(value)}" for member, value in apart.items()]
    heals = f"undo.yml -e set={','.join(values)}"  # one command for all of them
    return [Drift(resource, f"version {version} on every instance", listed(others), heals) for resource, version, others in told]
