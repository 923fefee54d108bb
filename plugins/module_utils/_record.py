# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records: an incident, a planned event or an automatic change, from its opening to its close, in `records/<id>.json`.

A record is {id, kind (incident, planned, auto), severity ('', P2, P1, P0; '' unless incident), who, why, source (person, awx, schedule, alert),
opened, closed ('' while open), closed_by (null or {who, why}), parent (the id of the open record that it is in, or ''), baseline (field ->
value, as it was before), changed (field -> {from, to, run, at}, the last that our runs set), seen (field -> value, as the last
run left it), unseen (field -> a run that may have changed it, and could not look at its end), lease_until, acknowledged (null or {who, at})}.
Times are UTC, as _clock.text gives them. Records nest; each keeps its own baseline, which is never written again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

SEVERITIES = ("", "P2", "P1", "P0")
LEASE_HOURS = 4.0
MOST_HOURS = 168.0


def records(state: State) -> list[dict]:
    """All records, the oldest first."""
    return [found for found in map(state.read, state.names("records")) if found]


def read(state: State, record_id: str) -> dict:
    """One record. Refusal where there is none."""
    found = state.read(_name(record_id))
    if found is None:
        raise Refusal(f"there is no record '{record_id}' in {state.directory / 'records'}; name one of those.")
    return found


def current(state: State) -> dict | None:
    """The innermost open record, None where none is open."""
    still_open = [found for found in records(state) if not found["closed"]]
    parents = {found["parent"] for found in still_open}
    return next((found for found in reversed(still_open) if found["id"] not in parents), None)


def expiring(state: State) -> list[dict]:
    """The open records in which something was changed, and which therefore expire; the oldest first."""
    return [
        found
        for found in records(state)
        if not found["closed"] and (found["changed"] or found.get("unseen") or _begun(state, found))
    ]


def overdue(state: State, now: str) -> list[dict]:
    """Those whose lease ended before `now`."""
    return [found for found in expiring(state) if found["lease_until"] < now]


def lapsed(record: dict) -> str:
    """That a record is overdue, in a clause."""
    return f"the settings of {record['id']} of {record['who']} should have gone back at {record['lease_until']}"


def join_or_open(state: State, wanted: dict, baseline: dict) -> tuple[dict, str]:
    """The record that a run belongs to, and how: 'opened' (a new one, which may be in another), 'joined', or 'refused'.

    `wanted`: {kind, severity, who, why, source}. What is open and of the same kind is joined: its baseline stays and its severity is only
    raised. Anything else opens a record of its own, with `baseline`, in the open one. 'refused': a run that is no incident's finds an
    incident open, which is returned as it is; the caller says no.
    """
    with state.locked():
        present = current(state)
        if present and present["kind"] == "incident" != wanted["kind"]:
            return present, "refused"
        if present and present["kind"] == wanted["kind"]:
            severity = max(present["severity"], _severity(wanted), key=SEVERITIES.index)
            return (_write(state, present, severity=severity) if severity != present["severity"] else present), "joined"
        return _write(state, _new(state, wanted, baseline, present["id"] if present else "")), "opened"


def set_changes(state: State, record_id: str, changes: dict, run: str) -> dict:
    """Remember what a run set: field -> {from, to}. Of a field that is set again, the last counts. Refusal: the record is closed."""
    mark = {"run": run, "at": _clock.text()}
    fresh = {field: {"from": change["from"], "to": change["to"], **mark} for field, change in changes.items()}
    return _change(state, record_id, lambda found: {"changed": {**found["changed"], **fresh}})


def saw(state: State, record_id: str, settings: dict, unseen: dict | None = None) -> dict:
    """Remember how a run found or left the platform: what differs later was changed by hand. `unseen`: field -> the run that may have changed
    it and could not look."""

    def change(found: dict) -> dict:
        left = {field: run for field, run in found.get("unseen", {}).items() if field not in settings}
        return {"seen": {**found["seen"], **settings}, "unseen": {**left, **(unseen or {})}}

    return _change(state, record_id, change)


def extend(state: State, record_id: str, settings: dict) -> dict:
    """Add to the baseline what could not be read when the record was opened; what is in it stays."""
    return _change(state, record_id, lambda found: {"baseline": {**before(settings), **found["baseline"]}})


def renew(state: State, record_id: str, hours: float = LEASE_HOURS) -> dict:
    """Let the record's lease end in `hours` from now: above 0, up to 168. Refusal: out of range, or closed."""
    if not 0 < hours <= MOST_HOURS:
        raise Refusal(f"hours={hours:g} is no time a record can stay open; choose above 0 and up to {MOST_HOURS:g}.")
    return _change(state, record_id, lambda found: {"lease_until": _hence(hours)})


def acknowledge(state: State, record_id: str, who: str) -> dict:
    """Somebody is at it; who says so last is who is. Refusal: the record is closed."""
    return _change(state, record_id, lambda found: {"acknowledged": {"who": who, "at": _clock.text()}})


def close(state: State, record_id: str, who: str, why: str) -> dict:
    """End a record; one that is closed already stays as it is. Refusal: another is open in it."""
    with state.locked():
        found = read(state, record_id)
        if found["closed"]:
            return found
        _nothing_inside(state, record_id)
        return _write(state, found, closed=_clock.text(), closed_by={"who": who, "why": why})


def discard(state: State, record_id: str) -> None:
    """Take away a record that a run opened and in which nothing was changed. Refusal: something was, or another is open in it."""
    with state.locked():
        found = read(state, record_id)
        if found["changed"]:
            raise Refusal(
                f"record {record_id} tells of changes ({', '.join(found['changed'])}) and is not discarded; restore them and close it."
            )
        _nothing_inside(state, record_id)
        state.remove(_name(record_id))


def before(settings: dict) -> dict:
    """The settings as a baseline. Nobody goes back to an outage: the first number of replicas that runs is the one before."""
    return {field: value for field, value in settings.items() if (field, value) != ("app.replicas", 0)}


def three_way(baseline: dict, changed: dict, observed: dict) -> dict:
    """What a restore has to do for the fields that our runs changed, each by its value before, what we set last, and what is there now.

    {restore: {field: value before}, kept_by_hand: {field: {ours, theirs, baseline}}, same: [field]}. `same` is as it was before already; what
    somebody set by hand since is kept, and so is what cannot be seen (theirs None) or was not known before (baseline None).
    """
    result: dict = {"restore": {}, "kept_by_hand": {}, "same": []}
    for field, change in changed.items():
        base, ours, theirs = baseline.get(field), change["to"], observed.get(field)
        if None in (base, theirs) or theirs not in (base, ours):
            result["kept_by_hand"][field] = {"ours": ours, "theirs": theirs, "baseline": base}
        elif theirs == base:
            result["same"].append(field)
        else:
            result["restore"][field] = base
    return result


def _begun(state: State, record: dict) -> bool:
    """Whether a run that has no end took a step: nobody has written down yet what that changed."""
    events = _journal.events(state, record["id"])
    lost = {event["run"] for event in _journal.complete(events)}
    return any(event["step"] and event["run"] in lost for event in events)


def _new(state: State, wanted: dict, baseline: dict, parent: str) -> dict:
    while True:
        record_id = f"{_clock.now():%Y%m%d-%H%M%S}-{wanted['kind']}-{secrets.token_hex(2)}"
        if state.read(_name(record_id)) is None:
            break
    return {
        "id": record_id,
        "kind": wanted["kind"],
        "severity": _severity(wanted),
        **{field: wanted[field] for field in ("who", "why", "source")},
        "opened": _clock.text(),
        "closed": "",
        "closed_by": None,
        "parent": parent,
        "baseline": before(baseline),
        "seen": {},
        "unseen": {},
        "changed": {},
        "lease_until": _hence(LEASE_HOURS),
        "acknowledged": None,
    }


def _severity(wanted: dict) -> str:
    return wanted["severity"] if wanted["kind"] == "incident" else ""


def _hence(hours: float) -> str:
    return _clock.text(_clock.now() + timedelta(hours=hours))


def _nothing_inside(state: State, record_id: str) -> None:
    inside = [found["id"] for found in records(state) if found["parent"] == record_id and not found["closed"]]
    if inside:
        raise Refusal(f"record {record_id} cannot end while {inside[0]} is open in it; close that first.")


def _change(state: State, record_id: str, change: Callable[[dict], dict]) -> dict:
    with state.locked():
        found = read(state, record_id)
        if found["closed"]:
            raise Refusal(f"record {record_id} was closed at {found['closed']} and is not changed any more; open a new one.")
        return _write(state, found, **change(found))


def _write(state: State, record: dict, **changes: object) -> dict:
    """The one place where records are written."""
    state.write(_name(record["id"]), {**record, **changes})
    return {**record, **changes}


def _name(record_id: str) -> str:
    return f"records/{record_id}.json"
