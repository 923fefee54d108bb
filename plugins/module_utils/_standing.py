# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in the state directory and must not be forgotten: automation that is off, settings past their time. Reads only, never fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _automation, _clock, _record
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State


def find(directory: str, options: str = "") -> list[str]:
    """Sentences, what matters most first; none where there is no state directory. `options`: with which a playbook is started."""
    if not directory:
        return []
    state = State(Path(directory), "")  # not opened: that asks the engine, and makes what is missing
    return [
        *_known("whether automation is off", lambda: _automation_off(state)),
        *_known("whether settings are past their time", lambda: _overdue(state, options)),
    ]


def _automation_off(state: State) -> list[str]:
    found = _automation.read(state)
    return [f"AUTOMATION IS OFF: {_automation.describe(found)}"] if found["state"] == "off" else []


def _overdue(state: State, options: str) -> list[str]:
    expire, incident = (f"ansible-playbook playbooks/{name}.yml {options}".rstrip() for name in ("expire", "incident"))
    return [
        f"OVERDUE: {_record.lapsed(record)}; take them back with {expire}, or renew them with {incident} -e action=renew"
        for record in _record.overdue(state, _clock.text())
    ]


def _known(what: str, look: Callable[[], list[str]]) -> list[str]:
    try:
        return look()
    except (Refusal, OSError, LookupError, TypeError) as problem:
        return [f"{what} is not known: {problem}"]
