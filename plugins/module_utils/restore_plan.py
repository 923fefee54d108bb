# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module restore_plan: which changes lead back to how the platform was before the open record. Changes nothing.

Settings are flat, as _runs keeps them ("cache-config.event_list_ttl"); the plan has the shape that profile_plan gives.
"""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _profile,
    _record,
    _runs,
    platform_snapshot,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted, text

SPEC = {
    "argument_spec": {
        **platform_snapshot.SPEC["argument_spec"],
        "state_directory": {"type": "path", "required": True},
        "schema": {"type": "dict", "required": True},
        "settings": {"type": "dict"},
        "fields": {"type": "list", "elements": "str", "default": []},
        "tiers": {"type": "list", "elements": "str", "default": []},
        "values": {"type": "dict", "default": {}},
        "last": {"type": "bool", "default": False},
        "required": {"type": "bool", "default": False},
        "unfinished": {"type": "list", "elements": "str", "default": []},
        "overwrite": {"type": "bool", "default": False},
        "shown": {"type": "list", "elements": "dict"},
    },
    "supports_check_mode": True,
}
LIMITS = ("app.cpus", "app.memory")  # of the resource app, and yet a step of their own


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """The plan: changes, kept, inputs, hash, record, kind. Without an open record: record '' and no plan.

    Refusal: a tier or values that cannot be asked for, nothing that could be taken back, or it lies where nothing can be read.
    """
    _require_sense(params)
    state = _runs.open_state(params["state_directory"], make=False)
    record = _record.current(state)
    if record is None and params["required"]:
        raise Refusal("no record is open, so nothing tells how everything was before; name values: -e set=app.replicas=2.")
    if record is None:
        lines = [["no record is open, so nothing tells how everything was before", "warn"]]
        return {"changed": False, "record": "", "report": {"lines": lines}}
    settings, unreadable = params["settings"], {}
    if settings is None:
        seen = platform_snapshot.run(params, True, say)
        settings, unreadable = seen["settings"], seen["unreadable"]
    now = _runs.flat(settings)
    changed = _runs.ours(state, record, now)
    unfinished = [*params["unfinished"], *([] if changed == record["changed"] else ["app"])]
    back = {"name": record["id"], "subject": f"as before {record['id']}", "before": record["baseline"], "told": []}
    if params["last"]:
        events = _journal.events(state, record["id"])
        back = last(events, _runs.unwritten(record, events, now))
        changed = {name: change for name, change in changed.items() if name in back["before"]}
    wanted = {name: change for name, change in changed.items() if _chosen(name, params["fields"], params["tiers"])}
    _require_readable(wanted, now, unreadable)
    three = _record.three_way(back["before"], wanted, now)
    goals = targets(three, back["before"], params["values"], params["overwrite"], unfinished)
    schema = _profile.Schema(params["schema"])
    changes = [
        change(schema, name, now[name], goal, back["name"])
        for name, goal in goals.items()
        if now[name] != goal or (name == "app.replicas" and "app" in unfinished)
    ]
    kept = {} if params["overwrite"] else three["kept_by_hand"]
    return {
        "changed": False,
        "record": record["id"],
        "kind": record["kind"],
        "subject": back["subject"],
        "profile": "",
        "severity": record["severity"],
        "strengthen": False,
        "fields": params["fields"],
        "away": {},
        "next_profile": "",
        "changes": changes,
        "kept": [{"field": name, **each} for name, each in kept.items()],
        "inputs": inputs(changes),
        "unfinished": unfinished,
        "hash": _profile.fingerprint(record["id"], changes),
        "report": None if params["shown"] == changes else _report(back, changes, kept),
    }


def last(events: list, unwritten: dict) -> dict:
    """The last run that changed something: {name, subject, before (field -> value), told}.

    One that takes back is none, so that a second undo neither does again what was undone, nor undoes more. Refusal: there is none.
    `unwritten`: what no end tells of (_runs).
    """
    ends = [event for event in events if event["event"] in ("run-end", "takeover") and event["after"]]
    found = next((event for event in reversed(ends) if not _undoes(event["playbook"])), None)
    begun = _runs.latest(events, unwritten)
    if begun and not _undoes(begun["playbook"]) and (found is None or begun["number"] >= found["number"]):
        lost = {name: change["from"] for name, change in unwritten.items() if change["run"] == begun["run"]}
        found = {**begun, "before": lost, "event": "killed"}
    if found is None:
        raise Refusal(
            "no run of the open record has changed anything, so there is nothing to take back; see playbooks/timeline.yml."
        )
    who = f"{found['playbook']} of {found['actor']}"
    end = f"ended at {found['at']}" if found["event"] == "run-end" else "did not come to its end"
    return {
        "name": f"run {found['number']}",
        "subject": f"as before run {found['number']}, {who}",
        "before": _record.before(found["before"]),
        "told": [f"takes back run {found['number']}, {who}, which {end}"],
    }


def _undoes(playbook: str) -> bool:
    return "undo" in playbook.split(".")  # as a file, and by the collection's name


def targets(three: dict, baseline: dict, values: dict, overwrite: bool, unfinished: list) -> dict:
    """field -> the value it gets. `values`, on the way: instead of the one before, and back from it."""
    found = dict(three["restore"])
    if overwrite:
        found |= {name: each["baseline"] for name, each in three["kept_by_hand"].items() if None not in each.values()}
    stay = [name for name in three["same"] if name in values or (name == "app.replicas" and "app" in unfinished)]
    found |= {name: baseline[name] for name in stay}
    return {name: values.get(name, goal) for name, goal in found.items()}


def change(schema: _profile.Schema, name: str, before: object, goal: object, origin: str) -> dict:
    """One change; `known` is its name as single values are set, where it has one."""
    resource, _dot, path = name.partition(".")
    return {
        "tier": tier(name),
        "object": resource,
        "path": path,
        "setting": name,
        "field": schema.name_of(resource, path) or name,
        "named": schema.name_of(resource, path) is not None,
        "from": before,
        "to": goal,
        "source": f"before {origin}",
    }


def inputs(changes: list) -> dict:
    """{resource: merge patch}, as the steps of role response take it."""
    limits = {each["path"]: each["to"] for each in changes if each["setting"] in LIMITS}
    found = _runs.nested({each["setting"]: each["to"] for each in changes if each["setting"] not in LIMITS})
    return {**found, **({"limits": limits} if limits else {})}


def tier(name: str) -> str:
    """Where a setting lives."""
    resource = name.partition(".")[0]
    return resource if resource in ("app", "pool") else "api"


def _require_sense(params: dict) -> None:
    if params["last"] and params["values"]:
        raise Refusal("set and last were both given, but the values of the last run are the journal's; leave one of them out.")
    for each in params["tiers"]:
        if each not in platform_snapshot.TIERS:
            raise Refusal(f"'{each}' is no tier; the known ones are {', '.join(platform_snapshot.TIERS)}.")


def _chosen(name: str, fields: list, tiers: list) -> bool:
    return (not fields or name in fields) and (not tiers or tier(name) in tiers)


def _require_readable(wanted: dict, now: dict, unreadable: dict) -> None:
    hidden = [name for name in wanted if name not in now]
    if hidden and unreadable:
        why = "; ".join(f"{tier}: {reason}" for tier, reason in unreadable.items())
        raise Refusal(f"{', '.join(hidden)} cannot be read ({why}), so it cannot be taken back; repair that and run this again.")


def _stays(name: str, each: dict) -> str:
    if each["baseline"] is None:
        return f"stays, because nothing tells how it was before: {name} {text(each['theirs'])} (ours {text(each['ours'])})"
    return f"stays as somebody set it by hand: {name} {text(each['theirs'])} (ours {text(each['ours'])}, before {text(each['baseline'])})"


def _report(back: dict, changes: list, kept: dict) -> dict:
    lines = [
        [
            _stays(name, each),
            "warn",
        ]
        for name, each in kept.items()
    ]
    overwrite = [["to overwrite that: the same command with -e overwrite=true", "command"]] if kept else []
    return {
        "title": f"PLAN: {back['subject']}: {counted(len(changes), 'change')}",
        "lines": [*back["told"], *lines, *overwrite],
    }
