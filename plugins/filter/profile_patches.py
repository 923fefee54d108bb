# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A profile as what is sent to make it so: a merge patch for each resource."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _profile


def profile_patches(profiles: dict, name: str, schema: dict, overrides: dict) -> dict:
    """{resource: merge patch}, complete: the profile's chain with the inventory's corrections."""
    known = _profile.Schema(schema)
    return _profile.plan(known, _profile.resolve(known, profiles, name, overrides), {}, strengthen=False)["inputs"]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict:
        return {"profile_patches": profile_patches}
