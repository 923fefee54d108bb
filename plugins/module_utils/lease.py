# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module lease: settings that are past their time, and some more time for those that cannot go back yet."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _automation,
    _clock,
    _journal,
    _notify,
    _record,
    _runs,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.plugins.module_utils.recovery_plan import minutes

SPEC = {
    "argument_spec": {
        **_notify.CHAT,
        "state_directory": {"type": "path", "required": True},
        "identity": {"type": "dict", "required": True},
        "verdict": {"type": "str", "choices": ["", "pass", "hold"], "default": ""},
        "why": {"type": "str", "default": ""},
        "minutes": {"type": "raw", "default": 30},
        "commands": {"type": "dict", "default": {}},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{changed, record}: `record` is the id of the innermost open record where that is overdue, else ''. Refusal: automation is off."""
    more = minutes("incident_renew_minutes", params["minutes"])
    state = _runs.open_state(params["state_directory"], make=False)
    present = _record.current(state)
    late = _record.overdue(state, _clock.text())
    if present is None or present["id"] not in [record["id"] for record in late]:
        return _result("", False, _not_yet(state, present, late), "warn" if late else "good")
    command = params["commands"].get("automation", "ansible-playbook playbooks/automation.yml")
    _automation.allow(state, present["kind"], params["identity"]["source"], f"{command} -e state=on")
    if params["verdict"] == "":
        return _result(present["id"], False, f"OVERDUE: {_record.lapsed(present)}", "warn")
    if params["verdict"] == "pass":
        return _result(
            present["id"], False, f"the load is low: it {'would go' if check_mode else 'goes'} back now, in these stages", "good"
        )
    if check_mode:
        return _result(present["id"], True, f"would be renewed for {more:g} min: {params['why']}", "warn")
    said = _renew(params, state, present["id"], more)
    return _result(present["id"], True, *said)


def _renew(params: dict, state: State, record_id: str, more: float) -> tuple[str, ...]:
    """What is said of it, and how it looks."""
    who, why = params["identity"]["who"], params["why"].rstrip(".")
    record = _record.renew(state, record_id, more / 60)
    told = f"not taken back, but renewed for {more:g} min, until {record['lease_until']}: {why}"
    _journal.note(state, record_id, event="renewed", actor=who, playbook=params["identity"]["playbook"], reason=told)
    _told, unheard = _notify.send(state, params["chat"], record, {("renewed", params["identity"]["run"]): told})
    return told + (f"; {unheard}" if unheard else ""), "warn"


def _not_yet(state: State, present: dict | None, late: list[dict]) -> str:
    """Why nothing is to go back, in one line."""
    if late:  # an outer one: its settings are those that the inner one goes back to
        return f"{_record.lapsed(late[-1])}, but {present['id']} is open in it, and comes first"
    held = _record.expiring(state)
    if not held:
        return "nothing is overdue: no open record has changed anything"
    following = min(held, key=lambda record: record["lease_until"])
    return f"nothing is overdue; the next lease ends at {following['lease_until']}: {following['id']} of {following['who']}"


def _result(record: str, changed: bool, sentence: str, status: str) -> dict:
    return {"changed": changed, "record": record, "report": {"lines": [[sentence, status]]}}
