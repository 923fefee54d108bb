# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Top layer of the admin API: bring a resource to what was asked, and see every instance run with it."""

from __future__ import annotations

import time

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import Client, Reading, Readings
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed, NotOffered
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, safe_point

POLL = 0.2  # instances hear of a change within a second
PATIENCE = 1.5  # seconds; an instance that has not heard by then is told itself


def converge(resource: str, patch: dict, params: dict, check_mode: bool, say: Say) -> dict:
    """GET, compare what was asked, POST only a difference, and wait until every running instance runs with it."""
    client = Client(params)
    try:
        readings = client.read([resource])[resource]
        if not readings.told:
            return _without_get(client, resource, patch, check_mode)
        return _with_get(client, resource, patch, readings, check_mode, say)
    except Failed as failed:
        raise Refusal(
            f"{resource}: {failed}; look at the application's containers (docker ps, docker logs) and run again"
            + (", a change may have arrived." if failed.sent and not check_mode else ", nothing was changed.")
        ) from failed
    except NotOffered as problem:
        raise Refusal(
            f"{problem}: the deployed application has no {resource}; deploy a release that has, nothing was changed."
        ) from problem


def part(settings: dict, like: dict) -> dict:
    """The members of `settings` that `like` has, to the depth of each."""
    return {
        name: part(settings[name], value) if isinstance(value, dict) and isinstance(settings[name], dict) else settings[name]
        for name, value in like.items()
        if name in settings
    }


def members(settings: dict, prefix: str = "") -> dict:
    """Nested settings as one level: {"search_endpoints.requests_per_minute": 30}."""
    flat = {}
    for name, value in settings.items():
        flat.update(members(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat


def _with_get(client: Client, resource: str, patch: dict, readings: Readings, check_mode: bool, say: Say) -> dict:
    present = readings.newest
    found = [part(reading.settings, patch) for reading in (present, *readings.told.values())]
    before = next((each for each in found if each != patch), patch)  # the newest's, or of an instance that differs from it
    changed = before != patch
    result = {"changed": changed, "idempotent": True, "diff": _diff(resource, before, patch)}
    if check_mode:
        return {
            **result,
            "settings": _merged(present.settings, patch),
            "version": present.version,
            "instances": sorted(readings.told),
        }
    if found[0] != patch:
        present = client.write(resource, patch, readings.told, lambda: _in_effect(client, resource, patch))
        readings = client.read_once([resource])[resource]
    try:
        readings = _until_all_run_with_it(client, resource, patch, present, readings, say)
    except Refusal as refusal:
        raise Refusal(str(refusal), **result) from refusal
    return {
        **result,
        "settings": readings.newest.settings,
        "version": readings.newest.version,
        "instances": sorted(readings.told),
    }


def _without_get(client: Client, resource: str, patch: dict, check_mode: bool) -> dict:
    if not check_mode:
        client.write(resource, patch, (), lambda: None)
    return {
        "changed": True,
        "idempotent": False,
        "diff": _diff(resource, {}, patch),
        "settings": patch,
        "version": None,
        "instances": [],
        "warnings": [
            f"The deployed application does not offer GET /admin/{resource}: what was set before is not known, the settings are sent every time, "
            "reported as changed every time, and not verified."
        ],
    }


def _until_all_run_with_it(
    client: Client, resource: str, patch: dict, present: Reading, readings: Readings, say: Say
) -> Readings:
    began = time.monotonic()
    said = told = False
    while lagging := _lagging(readings, patch):
        if readings.told and readings.newest.version > present.version and part(readings.newest.settings, patch) != patch:
            raise Refusal(
                f"somebody else changed {resource} during this run (version {readings.newest.version} after {present.version}) to something "
                f"else than asked ({difference(readings.newest, patch)}); agree on who steers, then run again."
            )
        if time.monotonic() >= began + client.deadline:
            raise Refusal(
                f"{len(lagging)} of {len(readings.told) + len(readings.failed) + len(readings.not_offered)} instances do not run with the "
                f"{resource} asked for after {client.deadline:g} s ({'; '.join(f'{name}: {why}' for name, why in sorted(lagging.items()))}); "
                "look at their logs (docker logs), restart or remove them, and run again."
            )
        if not said:
            say(f"waiting until all instances run with the {resource}: {', '.join(sorted(lagging))}")
            said = True
        if not told and time.monotonic() >= began + PATIENCE:
            client.tell(resource, patch, lagging.keys() & readings.told.keys())
            told = True
        safe_point()
        time.sleep(POLL)
        readings = client.read_once([resource])[resource]
    return readings


def _lagging(readings: Readings, patch: dict) -> dict:
    """The instances that do not run with it, and why we think so."""
    behind = {
        name: difference(reading, patch) for name, reading in readings.told.items() if part(reading.settings, patch) != patch
    }
    return {**behind, **readings.failed, **readings.not_offered}


def difference(reading: Reading, patch: dict) -> str:
    """What it runs with otherwise, in words; empty where nothing."""
    runs_with = members(reading.settings)
    return ", ".join(
        f"{name} is {runs_with.get(name)}, not {value}" for name, value in members(patch).items() if runs_with.get(name) != value
    )


def _in_effect(client: Client, resource: str, patch: dict) -> Reading | None:
    readings = client.read_once([resource])[resource]
    return readings.newest if readings.told and part(readings.newest.settings, patch) == patch else None


def _merged(settings: dict, patch: dict) -> dict:
    """RFC 7396 without removal: what the application will run with."""
    nested = {name: _merged(settings.get(name, {}), value) if isinstance(value, dict) else value for name, value in patch.items()}
    return {**settings, **nested}


def _diff(resource: str, before: dict, after: dict) -> dict:
    return {"before": before, "after": after, "before_header": resource, "after_header": resource}
