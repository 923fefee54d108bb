# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was done in a record's time, as it happened: a line of JSON for each event in `journal/<record id>.jsonl`.

`metrics` of a step's end are {before, after}: what Prometheus saw in the 60 s before the step began, and in the 60 s before it ended, so that what a
quick step did shows in those that follow. Each is {requests (of buyers, a second), errors (percent of what was served to them), p95 (seconds, the
slower of application and nginx, at most the histogram's last bound), cpu (cores, mean of the replicas), waiting (clients of the pooler, mean of
its fullest pool)}, null where it was not seen. {} is a platform without Prometheus. Those of before are an event `metrics` already while the step
works, and go into the event `killed` of one that has no end.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

EVENTS = (
    "run-start", "run-end", "step-start", "step-end", "metrics", "opened", "closed", "renewed", "acknowledged", "severity", "note", "takeover", "killed",
)  # fmt: skip
RESULTS = ("", "ok", "failed", "refused", "unchanged")
_EMPTY = {
    "run": "", "number": 0, "actor": "", "playbook": "", "step": "", "event": "note", "result": "", "changed": False, "before": {}, "after": {},
    "metrics": {}, "reason": "",
}  # fmt: skip
MASK = "********"
_SECRET_KEY = re.compile(
    r"token|passw|pwd|secret|authori[sz]ation|credential|cookie|(api|access|private|signing)[ _-]?key", re.IGNORECASE
)


def note(state: State, record_id: str, secrets: tuple[str, ...] = (), **event: Any) -> dict:
    """Write an event, without `secrets`, and give it as it was written.

    Its fields are run, number, actor, playbook, step, event (of EVENTS), result (of RESULTS), changed, before, after, metrics and reason;
    `at` is now. Refusal: it cannot be written.
    """
    written = redact({"at": _clock.text(), **_EMPTY, **event}, secrets)
    if event.keys() - _EMPTY.keys() or written["event"] not in EVENTS or written["result"] not in RESULTS:
        raise ValueError(f"no event: {sorted(event)}, {written['event']}, {written['result']}")
    state.append(_name(record_id), written)
    return written


def events(state: State, record_id: str) -> list[dict]:
    """A record's events, the oldest first; none is an empty list."""
    return state.lines(_name(record_id))


def forget(state: State, record_id: str) -> None:
    """Of a record that is discarded."""
    state.remove(_name(record_id))


def complete(found: list[dict], holding: str = "") -> list[dict]:
    """The events that are missing: for each run and step that began, has no end and is not of the run that is `holding` the lock, its end
    `killed`, ready for `note`. Steps come before their run."""
    going: dict[tuple[str, str], dict] = {}
    for event in found:
        key = (event["run"], event["step"] if event["event"] in ("step-start", "step-end", "metrics", "killed") else "")
        if event["event"] in ("run-start", "step-start"):
            going[key] = event
        elif event["event"] == "metrics" and key in going:
            going[key] = {**going[key], "metrics": event["metrics"]}
        elif event["event"] in ("run-end", "step-end", "killed"):
            going.pop(key, None)
    lost = [event for event in reversed(going.values()) if event["run"] != holding]
    kept = ("run", "number", "actor", "playbook", "step", "metrics")
    return [
        {
            **{field: event[field] for field in kept},
            "event": "killed",
            "result": "failed",
            "reason": f"it began at {event['at']} and nothing tells of its end",
        }
        for event in lost
    ]


def redact(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """`value` with ******** for what stands under a key that sounds secret, and for every text with one of `secrets` in it."""
    if isinstance(value, dict):
        return {
            redact(key, secrets): MASK if isinstance(key, str) and _SECRET_KEY.search(key) else redact(each, secrets)
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(each, secrets) for each in value]
    if isinstance(value, str) and any(secret in value for secret in secrets if secret):
        return MASK
    return value


def _name(record_id: str) -> str:
    return f"journal/{record_id}.jsonl"
