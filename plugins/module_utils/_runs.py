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


GO_ON = "has changed the platform meanwhile; where that is over, run the same command again, which goes on from here."


def did(event: dict) -> bool:
    """Whether an end tells of a change. One that was killed or failed may have changed something."""
    return event["changed"] or event["event"] in ("takeover", "killed") or event["result"] == "failed"


def changed_by(fresh: list[dict]) -> str:
    """Whose step changed the platform, of these events; '' for none."""
    other = next((event for event in fresh if event["event"] == "step-end" and did(event)), None)
    return f"{other['playbook']} of {other['actor']}" if other else ""


def record_for(state: State, wanted: dict, settings: dict, taken_over: dict | None) -> tuple[dict, str]:
    """The record that a run belongs to, and how: opened or joined. Refusal: it is not to change anything during an incident.

    What differs from what the last run left is told: as the doing of the run that was killed, or as changed by hand.
    """
    now = flat(settings)
    around = _record.current(state)
    record, how = _record.join_or_open(state, wanted, now)
    if how == "refused":
        raise Refusal(
            f"incident {record['id']} of {record['who']} is open since {record['opened']}, and a run of kind {wanted['kind']} does not change "
            "anything meanwhile; close it with playbooks/incident.yml -e action=close when it is over."
        )
    if before := record if how == "joined" else around:
        complete(state, before, now, taken_over)
    if how == "joined":
        # A tier that could not be read when the record was opened was not changed since by any run.
        return _record.extend(state, record["id"], now), how
    return _record.saw(state, record["id"], now), how


def complete(state: State, record: dict, now: dict, taken_over: dict | None = None) -> None:
    """Write down what killed runs left, and what was changed by hand since. In this order, whoever is killed here is gone on from."""
    events = _journal.events(state, record["id"])
    theirs = {name: change for name, change in unwritten(record, events, now).items() if name in now}
    _set_changes(state, record, theirs)
    begun = unfinished(events)
    for event in _journal.complete(events):
        _journal.note(state, record["id"], **event)
    _tell_changes(state, record, events, theirs, taken_over)
    known = {name: change["to"] for name, change in _record.read(state, record["id"])["changed"].items()}
    found = differences(record["seen"], now).items()
    if by_hand := {name: change for name, change in found if name not in theirs and known.get(name) != change["to"]}:
        _journal.note(state, record["id"], event="note", reason="changed by hand since the last run", **_between(by_hand))
    hidden = dict.fromkeys((name for name in record["seen"] if name not in now), begun["run"]) if begun else {}
    _record.saw(state, record["id"], now, hidden)


def settle(state: State, record: dict, now: dict) -> None:
    """Write down what earlier runs set where it could not be seen until now."""
    events, unseen = _journal.events(state, record["id"]), record.get("unseen", {})
    theirs = {name: change for name, change in unwritten(record, events, now).items() if name in unseen and name in now}
    _set_changes(state, record, theirs)
    _tell_changes(state, record, events, theirs)


def _set_changes(state: State, record: dict, changes: dict) -> None:
    """Into the record, each as its run's."""
    for run in _runs_of(changes):
        _record.set_changes(state, record["id"], _of(changes, run), run)


def _tell_changes(state: State, record: dict, events: list[dict], changes: dict, taken_over: dict | None = None) -> None:
    """Into the journal: what runs did whose ends did not tell it."""
    for run in _runs_of(changes):
        begun = _beginning(events, run)
        whose = {name: begun[name] for name in ("actor", "run", "number", "playbook")}
        why = taken_over["reason"] if taken_over and taken_over["run"] == run else "its end did not see what it changed"
        told = _between(_of(changes, run))
        _journal.note(state, record["id"], event="takeover", reason=f"{why}: {begun['playbook']}", **whose, **told)


def ours(state: State, record: dict, now: dict) -> dict:
    """What our runs changed, as a record has it: also what is not written there yet, because a run has no end or its end could not see it."""
    return {**record["changed"], **unwritten(record, _journal.events(state, record["id"]), now)}


def unwritten(record: dict, events: list[dict], now: dict) -> dict:
    """What is not in the record yet: field -> {from, to (None where it still cannot be seen), run, at}."""
    begun, unseen = unfinished(events), record.get("unseen", {})
    found = differences(record["seen"], now)
    found |= {name: {"from": record["seen"].get(name), "to": None} for name in unseen if name not in now}
    runs = {name: unseen.get(name) or (begun and begun["run"]) for name in found}
    return {
        name: {**change, "run": runs[name], "at": _beginning(events, runs[name])["at"]}
        for name, change in found.items()
        if runs[name]
    }


def unfinished(events: list[dict]) -> dict | None:
    """The beginning of the latest run that has no end; None where all have."""
    lost = [event for event in _journal.complete(events) if not event["step"]]
    return _beginning(events, lost[0]["run"]) if lost else None


def latest(events: list[dict], changes: dict) -> dict | None:
    """The beginning of the last run that made one of `changes`; None for none."""
    return max((_beginning(events, run) for run in _runs_of(changes)), key=lambda begun: begun["number"], default=None)


def _beginning(events: list[dict], run: str) -> dict:
    nothing = {"run": run, "number": 0, "actor": "somebody", "playbook": "a run", "at": ""}  # of a journal that lost lines
    return next((event for event in events if (event["run"], event["event"]) == (run, "run-start")), nothing)


def _runs_of(changes: dict) -> list[str]:
    return list(dict.fromkeys(change["run"] for change in changes.values()))


def _of(changes: dict, run: str) -> dict:
    return {name: change for name, change in changes.items() if change["run"] == run}


def _between(changes: dict) -> dict:
    return {
        "before": {name: change["from"] for name, change in changes.items()},
        "after": {name: change["to"] for name, change in changes.items()},
    }


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
