# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The off switch of all automation, in `automation.json`: {state (off, on), who, since, why}. People are never stopped by it."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

FILE = "automation.json"
SOURCES = ("schedule", "alert")


def read(state: State) -> dict:
    """As it was switched last; on where nobody ever did."""
    return state.read(FILE) or {"state": "on", "who": "", "since": "", "why": ""}


def switch(state: State, to: str, who: str, why: str) -> dict:
    found = {"state": to, "who": who, "since": _clock.text(), "why": why}
    state.write(FILE, found)
    return found


def describe(found: dict) -> str:
    """A switch that somebody used, in a clause."""
    return f"automation was switched {found['state']} by {found['who']} at {found['since']}" + (
        f" ({found['why']})" if found["why"] else ""
    )


def allow(state: State, kind: str, source: str, command: str) -> None:
    """Refusal where nobody is at it and automation is off. `command` switches it on."""
    found = read(state)
    if found["state"] == "off" and (kind == "auto" or source in SOURCES):
        raise Refusal(f"{describe(found)}, so that nothing changes the platform by itself; switch it on with {command}.")
