# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module timeline: a record's journal for people. Reads only."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _journal, _lock, _record, _runs
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted, text

SPEC = {
    "argument_spec": {
        "state_directory": {"type": "path", "required": True},
        "record": {"type": "str", "default": ""},
    },
    "supports_check_mode": True,
}
_STATUS = {"failed": "bad", "refused": "bad", "ok": "good"}
STARTS = ("step-start", "metrics")  # told by the step's end
# The key metrics (_journal.py) as people read them: digits after the point, and the unit.
_LOADS = {"p95": (2, " s"), "errors": (1, "%"), "requests": (0, "/s"), "cpu": (2, ""), "waiting": (0, "")}
_SHOWN = 4  # changes of an event; the rest is counted


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{record, events}. A record's id, or '' for the one that is open, else the newest."""
    state = _runs.open_state(params["state_directory"], make=False)
    record = _chosen(state, params["record"])
    events = _journal.events(state, record["id"])
    holder = _lock.holder(state)
    lost = _journal.complete(events, holder["run"] if holder else "")
    return {
        "changed": False,
        "record": record,
        "events": events,
        "report": {
            "title": f"{record['id']}: {record['why'] or record['kind']} {record['severity']}".rstrip(),
            "columns": ["at (UTC)", "who", "playbook", "what", "result", "change, and the load around it"],
            "rows": [_row(event) for event in [*(each for each in events if each["event"] not in STARTS), *_unended(events)]],
            "lines": [
                *([f"not ended: {event['playbook']} {event['step']}".rstrip(), "bad"] for event in lost),
                *([sentence, "warn"] for sentence in state.recovered),
            ],
        },
    }


def _chosen(state, named: str) -> dict:
    if named:
        return _record.read(state, named)
    found = _record.current(state) or next(iter(reversed(_record.records(state))), None)
    if found is None:
        raise Refusal(f"there is no record in {state.directory}: nothing was changed by a playbook yet.")
    return found


def _unended(events: list[dict]) -> list[dict]:
    """The start of a step that works now, with its metrics of before: every other step is told by its end."""
    working: dict = {}
    for event in events:
        if event["event"] != "metrics":
            working = event if event["event"] == "step-start" else {}
        elif working and (event["run"], event["step"]) == (working["run"], working["step"]):
            working = {**working, "metrics": event["metrics"]}
    return [working] if working else []


def _row(event: dict) -> list:
    what = event["step"] if event["event"].startswith("step") else f"{event['event']} {event['step']}".rstrip()
    before, after = _runs.flat(event["before"] or {}), _runs.flat(event["after"] or {})
    differ = [name for name in after if before.get(name) != after[name]]
    changes = [f"{name} {text(before.get(name))} -> {text(after[name])}" for name in differ[:_SHOWN]]
    if len(differ) > _SHOWN:
        changes.append(f"and {counted(len(differ) - _SHOWN, 'more change')}")
    return [
        event["at"][:19].replace("T", " "),
        event["actor"],
        event["playbook"],
        what,
        [event["result"], _STATUS.get(event["result"], "dim")],
        "\n".join(
            filter(None, ["; ".join([*([event["reason"]] if event["reason"] else []), *changes]), *_load(event["metrics"])])
        ),
    ]


def _load(metrics: dict) -> list[str]:
    """What is known of before and after and differs, as it is shown; of before alone, where nothing tells of after."""
    before, after = (_figures(metrics.get(when) or {}) for when in ("before", "after"))
    if "after" not in metrics:
        return [f"{name:8} {value}{_LOADS[name][1]}" for name, value in before.items()]
    both = {name: (value, after[name]) for name, value in before.items() if name in after}
    return [f"{name:8} {old} -> {new}{_LOADS[name][1]}" for name, (old, new) in both.items() if old != new]


def _figures(seen: dict) -> dict[str, str]:
    return {name: f"{seen[name]:.{digits}f}" for name, (digits, _unit) in _LOADS.items() if seen.get(name) is not None}
