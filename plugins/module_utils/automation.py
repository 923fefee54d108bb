# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module automation: one switch for everything that changes the platform by itself."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _automation, _journal, _record, _runs
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {
    "argument_spec": {
        "state_directory": {"type": "path", "required": True},
        "identity": {"type": "dict", "required": True},
        "state": {"type": "str", "choices": ["status", "off", "on"], "default": "status"},
        "why": {"type": "str", "default": ""},
        "commands": {"type": "dict", "default": {}},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{changed, automation}: as _automation.read tells it."""
    wanted, who = params["state"], params["identity"]["who"]
    if wanted == "off" and not params["why"].strip():
        raise Refusal("state=off has no reason, and who is to switch it on again needs one; add -e why='...'.")
    state = _runs.open_state(params["state_directory"], make=wanted != "status" and not check_mode)
    found = _automation.read(state)
    changed = wanted not in ("status", found["state"])
    if changed and not check_mode:
        found = _automation.switch(state, wanted, who, params["why"])
        if record := _record.current(state):
            about = {"actor": who, "playbook": params["identity"]["playbook"]}
            _journal.note(state, record["id"], event="note", reason=_automation.describe(found), **about)
    return {"changed": changed, "automation": found, "report": _report(params, state, found)}


def _report(params: dict, state, found: dict) -> dict:
    command = params["commands"].get("automation", "ansible-playbook playbooks/automation.yml")
    off = found["state"] == "off"
    lines: list = [[sentence, "warn"] for sentence in state.recovered]
    lines += [_automation.describe(found)] if found["who"] else []
    if off:
        lines += ["schedules, alerts and automatic runs are refused; people are not", [f"{command} -e state=on", "command"]]
    return {"title": f"AUTOMATION IS {found['state'].upper()}", "status": "warn" if off else "good", "lines": lines}
