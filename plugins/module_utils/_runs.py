# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the beginning and the end of a run do with the record that it belongs to.

Settings are kept flat, `{"cache-config.event_list_ttl": 60, "app.replicas": 2}`: resource, a dot, and the place in it.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils import _journal, _record
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import DockerException, connect
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State


def open_state(directory: str, make: bool = True) -> State:
    """The state of the platform on this host's engine. Refusal: it is another engine's, or cannot be written."""
    try:
        daemon = connect().api.info()["ID"]
    except (DockerException, OSError) as error:
        raise Refusal(f"the Docker engine did not tell its id ({error}); see that it answers, then run this again.") from error
    return State.open(directory, daemon, make)


def tell(state: State, claim: dict, **event: Any) -> None:
    """Write an event of a run into its record's journal."""
    about = {name: claim[name] for name in ("run", "number", "actor", "playbook")}
    _journal.note(state, claim["record"], **about, **event)


def did_something(state: State, claim: dict) -> bool:
    """Whether a step of the run changed something, failed or has no end; a run that was refused, or found nothing to do, is nothing to remember."""
    mine = [event for event in _journal.events(state, claim["record"]) if event["run"] == claim["run"]]
    steps = [event for event in mine if event["step"] and event["event"] != "metrics"]
    unchanged = [event for event in steps if event["result"] == "unchanged"]
    return len(steps) != 2 * len(unchanged)  # each has a start, too


def record_for(state: State, wanted: dict, settings: dict, taken_over: dict | None) -> tuple[dict, str]:
    """The record that a run belongs to, and how: opened or joined. Refusal: it is not to change anything during an incident.

    What differs from what the last run left is told: as the doing of the run that was killed, or as changed by hand.
    """
    now = flat(settings)
    record, how = _record.join_or_open(state, wanted, now)
    if how == "refused":
        raise Refusal(
            f"incident {record['id']} of {record['who']} is open since {record['opened']}, and a run of kind {wanted['kind']} does not change "
            "anything meanwhile; close it with playbooks/incident.yml -e action=close when it is over."
        )
    if how == "joined":
        record = _complete(state, record, now, taken_over)
    return _record.saw(state, record["id"], now), how


def _complete(state: State, record: dict, now: dict, taken_over: dict | None) -> dict:
    for event in _journal.complete(_journal.events(state, record["id"])):
        _journal.note(state, record["id"], **event)
    if differ := differences(record["seen"], now):
        between = {"before": {name: change["from"] for name, change in differ.items()}}
        between["after"] = {name: change["to"] for name, change in differ.items()}
        if taken_over:
            _record.set_changes(state, record["id"], differ, taken_over["run"])
            whose = {"actor": taken_over["who"], **{name: taken_over[name] for name in ("run", "number", "playbook")}}
            _journal.note(
                state,
                record["id"],
                event="takeover",
                reason=f"{taken_over['reason']}: {taken_over['playbook']}",
                **whose,
                **between,
            )
        else:
            _journal.note(state, record["id"], event="note", reason="changed by hand since the last run", **between)
    # A tier that could not be read when the record was opened was not changed since by any run.
    return _record.extend(state, record["id"], now)


def differences(before: dict, after: dict) -> dict[str, dict]:
    """What both know and has another value: {field: {from, to}}."""
    return {
        name: {"from": before[name], "to": value} for name, value in after.items() if name in before and before[name] != value
    }


def flat(settings: dict, prefix: str = "") -> dict:
    """Nested settings as one level."""
    found: dict = {}
    for name, value in settings.items():
        found.update(flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return found


def nested(fields: dict) -> dict:
    """The way back from `flat`: {resource: merge patch}, as the steps take it."""
    found: dict = {}
    for name, value in fields.items():
        *parents, leaf = name.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return found
