# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module escalation: who has to know of an incident that nobody has acknowledged. Changes nothing of the platform."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal, _notify, _record, _runs
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted

SPEC = {
    "argument_spec": {
        **_notify.CHAT,
        "state_directory": {"type": "path", "required": True},
        "identity": {"type": "dict", "required": True},
        "ladder": {"type": "list", "elements": "dict", "required": True},
        "external": {"type": "list", "elements": "dict", "default": []},
        "to": {"type": "str", "default": ""},
        "why": {"type": "str", "default": ""},
        "commands": {"type": "dict", "default": {}},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{changed, record, minutes, due, notified}: names of the ladder; `changed` where somebody is notified now."""
    ladder = _ladder(params["ladder"])
    state = _runs.open_state(params["state_directory"], make=False)
    record = _record.current(state)
    if record is None or record["kind"] != "incident":
        if params["to"]:
            raise Refusal(f"no incident is open to escalate to {params['to']}; open one with {_command(params, 'open')}.")
        return _result(params, state, ladder, None, 0, [], {}, [])
    minutes = _minutes(record["opened"])
    due = [] if record["acknowledged"] else [rung for rung in ladder if rung["after"] <= minutes]
    events = _by_hand(params, ladder) if params["to"] else _by_time(due, minutes)
    if check_mode:
        told = _notify.unsent(state, record["id"], events)
        said = [[f"would tell: {sentence}", "warn"] for sentence in told.values()]
    else:
        told, said = _tell(params, state, record, events)
    return _result(params, state, ladder, record, minutes, due, told, said)


def _tell(params: dict, state, record: dict, events: _notify.Events) -> tuple[_notify.Events, list]:
    """What is told now, and what is said of it on the screen."""
    told, unheard = _notify.send(state, params["chat"], record, events)
    if unheard:
        return told, [[unheard, "warn"]]
    about = {"actor": params["identity"]["who"], "playbook": params["identity"]["playbook"]}
    for sentence in told.values():
        _journal.note(state, record["id"], event="note", reason=sentence, **about)
    where = "the chat" if params["chat"]["webhook_url"] else "the journal alone, since smartsports_webhook_url is empty; call"
    return told, [[f"told {where}: {sentence}", "good"] for sentence in told.values()]


def _ladder(contacts: list[dict]) -> list[dict]:
    """The contacts with `after` in minutes, the first to be called first."""
    try:
        found = [{"phone": "", **rung, "name": rung["name"], "after": float(rung["after"])} for rung in contacts]
    except (KeyError, TypeError, ValueError):
        found = []
    if not found:
        raise Refusal(
            f"smartsports_contacts is {contacts}, and a ladder names on each rung who it is and after how many minutes, such as "
            '{name: CTO, phone: +250..., after: "15"}; correct it in the inventory.'
        )
    return sorted(found, key=lambda rung: rung["after"])


def _minutes(opened: str) -> int:
    return int((_clock.now() - datetime.fromisoformat(opened)).total_seconds() // 60)


def _by_time(due: list[dict], minutes: int) -> _notify.Events:
    since = f"nobody has acknowledged it for {counted(minutes, 'minute')}"
    return {(f"due {rung['name']}", ""): f"{since}: {_called(rung)} is due" for rung in due}


def _by_hand(params: dict, ladder: list[dict]) -> _notify.Events:
    known = {contact["name"]: contact for contact in [*params["external"], *ladder] if contact.get("name")}
    chosen = next((contact for name, contact in known.items() if name.lower() == params["to"].lower()), None)
    if chosen is None:
        raise Refusal(f"'{params['to']}' is no contact of the inventory; choose one of {', '.join(known)}.")
    if not params["why"].strip():
        raise Refusal(f"to={chosen['name']} has no reason, and who is called wants to know; add -e why='...'.")
    sentence = f"{params['identity']['who']} escalates to {_called(chosen)}: {params['why']}"
    return {(f"to {chosen['name']}: {params['why']}", ""): sentence}


def _called(contact: dict) -> str:
    return f"{contact['name']} ({contact['phone']})" if contact.get("phone") else contact["name"]


def _result(
    params: dict, state, ladder: list[dict], record: dict | None, minutes: int, due: list[dict], told: dict, said: list
) -> dict:
    return {
        "changed": bool(told),
        "record": record,
        "minutes": minutes,
        "due": [rung["name"] for rung in due],
        "notified": list(told.values()),
        "report": {
            "title": _title(record, minutes),
            "status": "good" if record is None or record["acknowledged"] else "bad",
            "columns": ["who", "telephone", "from minute", ""],
            "rows": [_row(rung, due) for rung in ladder] + [_external(each) for each in params["external"]],
            "lines": _lines(params, state, record, said),
        },
    }


def _title(record: dict | None, minutes: int) -> str:
    if record is None:
        return "NO INCIDENT IS OPEN"
    about = f"{record['severity']} INCIDENT {record['id']} of {record['who']}".lstrip()
    since = f"open for {counted(minutes, 'minute')}"
    if record["acknowledged"]:
        return f"{about}: {since}, acknowledged by {record['acknowledged']['who']} at {record['acknowledged']['at']}"
    return f"{about}: {since}, acknowledged by nobody"


def _row(rung: dict, due: list[dict]) -> list:
    now = ["due now", "bad"] if due and rung is due[-1] else ["was due", "warn"] if rung in due else ""
    return [rung["name"], rung["phone"] or "no number", f"{rung['after']:g}", now]


def _external(contact: dict) -> list:
    return [contact.get("name", ""), contact.get("phone") or "no number", "", [contact.get("for", ""), "dim"]]


def _lines(params: dict, state, record: dict | None, said: list) -> list:
    lines: list = [*([sentence, "warn"] for sentence in state.recovered), *said]
    if record and not record["acknowledged"]:
        lines += ["", [_command(params, "acknowledge"), "command"], "  ends it: the ladder is gone up no further"]
    return lines


def _command(params: dict, action: str) -> str:
    return f"{params['commands'].get('incident', 'ansible-playbook playbooks/incident.yml')} -e action={action}"
