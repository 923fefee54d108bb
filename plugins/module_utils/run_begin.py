# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module run_begin: the lock, the record and its baseline, before a run changes anything."""

from __future__ import annotations

import time

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _automation,
    _journal,
    _key_metrics,
    _lock,
    _notify,
    _record,
    _runs,
    platform_snapshot,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

SPEC = {
    "argument_spec": {
        **platform_snapshot.SPEC["argument_spec"],
        **_notify.CHAT,
        "state_directory": {"type": "path", "required": True},
        "identity": {"type": "dict", "required": True},
        "kind": {"type": "str", "choices": ["incident", "planned", "auto"], "default": "incident"},
        "severity": {"type": "str", "choices": ["", "P0", "P1", "P2", "normal", "unknown"], "default": ""},
        "why": {"type": "str", "default": ""},
        "preempt": {"type": "bool", "default": False},
        "preemptible": {"type": "bool", "default": False},
        "wait": {"type": "float", "default": 90.0},
        "known": {"type": "int", "default": -1},
        "prometheus_url": {"type": "str", "default": ""},
        "metrics": {"type": "dict", "default": {}},
        "thresholds": {"type": "dict", "default": {}},
        "commands": {"type": "dict", "default": {}},
    },
    "supports_check_mode": True,
}
ROOM = 4 * 2**20  # bytes: a record, its copy and a journal of thousands of steps


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{claim, settings, opened, unfinished (what a killed run may have left half done), waited, seconds}.

    Refusal, before anything is changed: what is wrong with the state, or who has the lock.
    """
    if check_mode:
        return {"changed": False, "claim": None}
    began = time.monotonic()
    identity, kind = params["identity"], params["kind"]
    state = _runs.open_state(params["state_directory"])
    command = params["commands"].get("automation", "ansible-playbook playbooks/automation.yml")
    _automation.allow(state, kind, identity["source"], f"{command} -e state=on")
    state.room(ROOM)
    makes_way = params["preemptible"] or kind != "incident" or identity["source"] == "schedule"
    wanted = {**identity, "kind": kind, "preemptible": makes_way}
    lock = _lock.acquire(state, wanted, params["wait"], say, params["preempt"])
    try:
        begun = _begun(params, state, wanted, lock, say)
        return {**begun, "seconds": round(time.monotonic() - began - lock["waited"], 3)}
    except BaseException:
        _lock.release(state, identity["run"])
        raise


def _begun(params: dict, state: State, wanted: dict, lock: dict, say: Say) -> dict:
    seen, present = platform_snapshot.run(params, True, say), _record.current(state)
    if present and params["known"] >= 0:
        _require_as_known(params, state, present, lock["taken_over_from"])
    about = {**wanted, "severity": _severity(params), "why": params["why"]}
    record, how = _runs.record_for(state, about, seen["settings"], lock["taken_over_from"])
    identity = params["identity"]
    claim = {
        "state_directory": str(state.directory),
        "daemon": state.daemon,
        "run": identity["run"],
        "number": lock["number"],
        "record": record["id"],
        "actor": identity["who"],
        "playbook": identity["playbook"],
        "unreadable": seen["unreadable"],
        "prometheus": _key_metrics.source(params["prometheus_url"], params["metrics"], params["thresholds"]),
    }
    opened = how == "opened"
    if opened:
        _runs.tell(state, claim, event="opened", reason=params["why"])
    risen = how == "joined" and record["severity"] != present["severity"]
    if risen:
        _runs.tell(state, claim, event="severity", reason=_risen(present, record))
    _runs.tell(state, claim, event="run-start")
    _notify.beside(state, params["chat"], record, _events(claim, record, lock, present if risen else None, opened, params["why"]))
    return {
        "changed": False,
        "claim": claim,
        "settings": seen["settings"],
        "opened": opened,
        "unfinished": ["app"] if lock["taken_over_from"] else [],
        "waited": round(lock["waited"], 2),
        "report": _report(state, lock, record, opened),
    }


def _require_as_known(params: dict, state: State, record: dict, lost: dict | None) -> None:
    """What a killed run of our own rank still brought to its end is gone on from; another's change is a reason to look again."""
    ours = lost["run"] if lost and lost["preemptible"] else None
    fresh = _journal.events(state, record["id"])[params["known"] :]
    if other := _runs.changed_by([event for event in fresh if event["run"] != ours]):
        identity, why = params["identity"], f"nothing was changed: {other} {_runs.GO_ON}"
        if identity["source"] != "schedule":  # what expires is renewed, and that is told
            told = f"{identity['playbook']} of {identity['who']} has stopped: {why}"
            _notify.beside(state, params["chat"], record, {("recovery stopped", identity["run"]): told})
        raise Refusal(why)


def _severity(params: dict) -> str:
    return params["severity"] if params["severity"].startswith("P") else ""


def _risen(before: dict, record: dict) -> str:
    return f"severity rises from {before['severity'] or 'none'} to {record['severity']}"


def _events(claim: dict, record: dict, lock: dict, before: dict | None, opened: bool, why: str) -> _notify.Events:
    """What is told of a beginning. `before`: the record, where its severity was lower."""
    events, run = {}, claim["run"]
    if opened:
        events["opened", ""] = f"opened by {claim['actor']}" + (f": {why}" if why else "")
    if before:
        events[f"severity {record['severity']}", ""] = _risen(before, record)
    if lost := lock["taken_over_from"]:
        events["takeover", lost["run"]] = f"{lost['playbook']} of {lost['who']} did not come to its end: {lost['reason']}"
    return {**events, ("run-start", run): f"{claim['playbook']} of {claim['actor']} begins"}


def _report(state: State, lock: dict, record: dict, opened: bool) -> dict | None:
    lines: list = [[sentence, "warn"] for sentence in state.recovered]
    if lock["waited_for"]:  # through SSH nothing is said while it waits
        lines.append(f"waited {lock['waited']:.0f} s: {lock['waited_for']}")
    if lock["taken_over_from"]:
        before = lock["taken_over_from"]
        lines.append([f"taken over from {before['playbook']} of {before['who']} ({before['reason']})", "warn"])
    if opened:
        what = "incident" if record["kind"] == "incident" else f"{record['kind']} record"
        lines.append(f"{what} {record['id']} opened: how everything was set is kept for the way back")
    return {"lines": lines} if lines else None
