# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module run_end: what the run changed goes into its record, its end into the journal, and the lock is let go."""

from __future__ import annotations

import time
from contextlib import suppress

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
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

SPEC = {
    "argument_spec": {
        **platform_snapshot.SPEC["argument_spec"],
        **_notify.CHAT,
        "begun": {"type": "dict", "required": True},
        "failure": {"type": "str", "default": ""},
    },
    "supports_check_mode": True,
}


SHOWN = 6  # changes of a run in the chat; the rest is counted


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{settings, changes, record, seconds}. `record` is '' where the run opened one and changed nothing: there is nothing to go back from."""
    begun = params["begun"]
    claim = begun["claim"]
    state = State.open(claim["state_directory"], claim["daemon"])
    try:
        found = platform_snapshot.run(params, True, say)
        seen = found["settings"]
        unreadable = {tier: why for tier, why in found["unreadable"].items() if tier not in claim["unreadable"]}
        looked = time.monotonic()
        changes = _runs.differences(_runs.flat(begun["settings"]), _runs.flat(seen))
        record = _record.read(state, claim["record"])
        kept = _keep(state, claim, begun, changes, seen, params["failure"])
    finally:
        with suppress(Refusal):
            _lock.release(state, claim["run"])
    # Of the beginning: its chat had the whole run to answer, and nobody waits for it here.
    warnings = _notify.failures(state, claim["record"], claim["run"])
    warnings += [
        f"the tier {tier} could not be read at the end ({why}): what this run set there counts as its own as soon as it can be seen"
        for tier, why in unreadable.items()
    ]
    _notify.beside(state, params["chat"], record, {("run-end", claim["run"]): _told(claim, changes, params)})
    return {
        "changed": False,
        "settings": seen,
        "changes": changes,
        "record": claim["record"] if kept else "",
        "seconds": round(time.monotonic() - looked, 3),
        "report": {"lines": [[sentence, "warn"] for sentence in warnings]} if warnings else None,
    }


def _told(claim: dict, changes: dict, params: dict) -> str:
    """The end of a run in a sentence, for people who were not there."""
    shown = [f"{name} from {text(change['from'])} to {text(change['to'])}" for name, change in changes.items()]
    more = [f"and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    what = f"{counted(len(shown), 'change')}: {', '.join(shown[:SHOWN] + more)}" if shown else "it changed nothing"
    end = f"FAILED ({params['failure']})" if params["failure"] else "has ended"
    told = f"{claim['playbook']} of {claim['actor']} {end}; {what}"
    return _journal.redact(told, tuple(params[name] for name in ("token", "pgbouncer_admin_password") if params[name]))


def _keep(state: State, claim: dict, begun: dict, changes: dict, seen: dict, failure: str) -> bool:
    if begun["opened"] and not changes and not _runs.did_something(state, claim):
        _record.discard(state, claim["record"])
        _journal.forget(state, claim["record"])
        return False
    now = _runs.flat(seen)
    _runs.settle(state, _record.read(state, claim["record"]), now)
    _record.set_changes(state, claim["record"], changes, claim["run"])
    hidden = [name for name in _runs.flat(begun["settings"]) if name not in now] if _runs.did_something(state, claim) else []
    _record.saw(state, claim["record"], now, dict.fromkeys(hidden, claim["run"]))
    _record.extend(state, claim["record"], now)  # a tier that could not be read at the beginning was not changed either
    _runs.tell(
        state,
        claim,
        event="run-end",
        result="failed" if failure else "ok" if changes else "unchanged",
        changed=bool(changes),
        before={name: change["from"] for name, change in changes.items()},
        after={name: change["to"] for name, change in changes.items()},
        reason=failure,
    )
    return True
