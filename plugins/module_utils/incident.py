# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module incident: the record that is open, and what people do with it."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _lock,
    _notify,
    _record,
    _runs,
    platform_snapshot,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted, text

SPEC = {
    "argument_spec": {
        **platform_snapshot.SPEC["argument_spec"],
        **_notify.CHAT,
        "state_directory": {"type": "path", "required": True},
        "identity": {"type": "dict", "required": True},
        "action": {"type": "str", "choices": ["status", "open", "close", "renew", "acknowledge"], "default": "status"},
        "kind": {"type": "str", "choices": ["incident", "planned", "auto"], "default": "incident"},
        "severity": {"type": "str", "choices": ["", "P0", "P1", "P2"], "default": ""},
        "why": {"type": "str", "default": ""},
        "hours": {"type": "float", "default": 4.0},
        "leave": {"type": "bool", "default": False},
        "commands": {"type": "dict", "default": {}},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{changed, record, holder, away}: `away` is what our runs set and is not as it was: {field: {before, ours, now}}."""
    state = _runs.open_state(params["state_directory"], make=params["action"] != "status" and not check_mode)
    present = _record.current(state)
    now = _runs.flat(platform_snapshot.run(params, True, say)["settings"])
    if params["action"] == "status":
        return _result(params, state, present, now, False)
    changed, unheard = _would_change(params, state, present, now), ""
    _refuse_under_a_run(params, state, present)
    if changed and not check_mode:
        present, unheard = _act(params, state, present, now)
    return _result(params, state, present, now, changed, unheard)


def _refuse_under_a_run(params: dict, state, present: dict | None) -> None:
    opens = params["action"] == "open" and (present is None or present["kind"] != params["kind"])
    if (opens or params["action"] == "close") and (other := _lock.holding(state)):
        if opens:
            raise Refusal(f"no record is opened: {_lock.describe(other)}, and is half way; open it when that is done.")
        raise Refusal(f"{present['id']} is not closed: {_lock.describe(other)}, and writes into it; close it when that is done.")


def _would_change(params: dict, state, present: dict | None, now: dict) -> bool:
    action = params["action"]
    if action == "open":
        return _would_open(params, present)
    if present is None:
        raise Refusal(f"no record is open, so there is nothing to {action}; open one with {_command(params, 'open')}.")
    left = _away(state, present, now)
    if action == "close" and left and not params["leave"]:
        raise Refusal(
            f"{present['id']} is not closed: {counted(len(left), 'setting')} of its runs still in force ({', '.join(left)}); take them back first, or "
            f"leave them as they are with {_command(params, 'close')} -e leave=true."
        )
    return action != "acknowledge" or (present["acknowledged"] or {}).get("who") != params["identity"]["who"]


def _would_open(params: dict, present: dict | None) -> bool:
    """Whether a record is opened, or the severity of the one that is open raised."""
    if present is None or present["kind"] != params["kind"]:
        _refuse_within_an_incident(params, present)
        return True
    rank = _record.SEVERITIES.index
    return present["kind"] == "incident" and rank(params["severity"]) > rank(present["severity"])


def _refuse_within_an_incident(params: dict, present: dict | None) -> None:
    if present and present["kind"] == "incident" != params["kind"]:
        raise Refusal(f"incident {present['id']} is open, and no {params['kind']} record is opened in it; close it first.")


def _act(params: dict, state, present: dict | None, now: dict) -> tuple[dict, str]:
    """The record as it is then, and why the chat was not told, if so."""
    who, action, why = params["identity"]["who"], params["action"], params["why"]
    event = {"open": "opened", "renew": "renewed", "acknowledge": "acknowledged", "close": "closed"}[action]
    if action == "open":
        wanted = {
            **{name: params[name] for name in ("kind", "severity", "why")},
            "who": who,
            "source": params["identity"]["source"],
        }
        around = present
        present, how = _record.join_or_open(state, wanted, now)
        _refuse_within_an_incident(params, present)  # somebody may have opened one meanwhile
        if around and how == "opened":
            _runs.complete(state, around, now)
        if how == "joined":
            event, why = "severity", params["why"] or f"raised to {present['severity']}"
        else:
            present = _record.saw(state, present["id"], now)
    elif action == "renew":
        present = _record.renew(state, present["id"], params["hours"])
    elif action == "acknowledge":
        present = _record.acknowledge(state, present["id"], who)
    else:
        present = _record.close(state, present["id"], who, why)
    _journal.note(state, present["id"], event=event, actor=who, playbook=params["identity"]["playbook"], reason=why)
    told = f"{event} by {who}" + (f": {why}" if why else "")
    return present, _notify.send(state, params["chat"], present, {(event, params["identity"]["run"]): told})[1]


def _away(state, record: dict, now: dict) -> dict:
    return {
        name: {"before": record["baseline"].get(name), "ours": change["to"], "now": now.get(name)}
        for name, change in _runs.ours(state, record, now).items()
        if now.get(name) != record["baseline"].get(name)
    }


def _command(params: dict, action: str) -> str:
    return f"{params['commands'].get('incident', 'ansible-playbook playbooks/incident.yml')} -e action={action}"


def _result(params: dict, state, record: dict | None, now: dict, changed: bool, unheard: str = "") -> dict:
    holder = _lock.holder(state)
    away = _away(state, record, now) if record else {}
    lines: list = [[sentence, "warn"] for sentence in [*state.recovered, unheard] if sentence]
    if holder:
        lines.append([_lock.describe(holder), "warn"])
    if record and not record["closed"]:
        lines += [f"settings expire at {record['lease_until']}", _acknowledged(record)]
    return {
        "changed": changed,
        "record": record,
        "holder": holder,
        "away": away,
        "report": {
            "title": _title(record),
            "status": "warn" if record and not record["closed"] else "good",
            "columns": ["setting", "before", "set to", "now"],
            "rows": [[name, *(text(each[key]) for key in ("before", "ours", "now"))] for name, each in away.items()],
            "lines": lines,
        },
    }


def _title(record: dict | None) -> str:
    if record is None:
        return "NO RECORD IS OPEN"
    about = f"{record['id']} of {record['who']}" + (f": {record['why']}" if record["why"] else "")
    severity = f" {record['severity']}" if record["severity"] else ""
    if record["closed"]:
        return f"CLOSED {record['closed']}: {about}"
    return f"{record['kind'].upper()}{severity} OPEN since {record['opened']}: {about}"


def _acknowledged(record: dict) -> list:
    if record["acknowledged"]:
        return [f"acknowledged by {record['acknowledged']['who']} at {record['acknowledged']['at']}", "good"]
    return ["nobody has acknowledged it", "warn"]
