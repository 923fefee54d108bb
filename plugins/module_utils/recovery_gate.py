# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module recovery_gate: may the next step of a recovery be taken? A row at each look, until it may, or the load has risen.

One call is one look, as in queue_watch. Nothing is held meanwhile; the evidence is history, so a run that is started again does not wait anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _clock,
    _journal,
    _notify,
    _prometheus,
    _quiet,
    _record,
    _runs,
    load_assessment,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import CONNECTION
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import DockerException, connect
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import RATE_WINDOW, Observation
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import overall
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS, merged
from ansible_collections.smartsports.scaling.plugins.module_utils._web import require_requests

SPEC = {
    "argument_spec": {
        **CONNECTION,
        **_notify.CHAT,
        "state_directory": {"type": "path", "required": True},
        "identity": {"type": "dict", "required": True},
        "record": {"type": "str", "required": True},
        "step": {"type": "str", "required": True},
        "replicas": {"type": "int", "default": 0},
        "quiet": {"type": "float", "required": True},
        "settle": {"type": "float", "required": True},
        "deadline_seconds": {"type": "float", "required": True},
        "every": {"type": "float", "default": 15.0},
        "watch": {"type": "bool", "default": False},
        "override": {"type": "str", "default": ""},
        "wait": {"type": "bool", "default": True},
        "lapsed": {"type": "bool", "default": False},
        "prometheus_url": {"type": "str", "default": "http://127.0.0.1:9090"},
        "features": {"type": "dict", "default": load_assessment.FEATURES},
        "thresholds": {"type": "dict", "default": {}},
        "metrics": {"type": "dict", "default": {}},
        # What one look leaves for the next.
        "began": {"type": "float"},
        "known": {"type": "int"},
    },
    "supports_check_mode": True,
}
TIMEOUT = 3.0
COLUMNS = (("cpu", 6), ("projected cpu", 11), ("memory", 8), ("slow", 6), ("errors", 8), ("connections", 6))
HEADINGS = {"projected cpu": "projected", "connections": "pool"}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{verdict (pass, worse; hold where it does not wait), why, severity, conditions, known (how many events the journal had)}.

    Refusal: the deadline has passed, or somebody else has changed the platform, or renewed what was to go back.
    """
    require_requests()
    thresholds = merged(THRESHOLDS, params["thresholds"], "load_assessment_thresholds")
    metrics = merged(METRICS, params["metrics"], "load_assessment_metrics")
    state = _runs.open_state(params["state_directory"], make=False)
    events = _journal.events(state, params["record"])
    first = params["began"] is None
    began = time.time() if first else params["began"]
    known = len(events) if first else params["known"]
    tells = params["wait"] and not params["lapsed"] and not check_mode  # what expires is renewed, and that is told
    with _told(state, params, tells):
        _require_ours(_record.current(state), params, events[known:])
        met, judged = look(params, thresholds, metrics)
    left = max(0.0, params["settle"] - since_change(events, _clock.now(), time.time() - began))
    verdict, why, at_least = _quiet.verdict(met, judged, left, params["watch"], bool(params["override"].strip()))
    line = _line(verdict, why, max(left, at_least), met, overall(judged))
    result = {
        "changed": False,
        "verdict": verdict,
        "why": why,
        "severity": overall(judged),
        "conditions": [{"name": each.name, "value": each.value, "limit": each.limit, "note": each.note} for each in met],
        "known": len(events),
        "report": {"lines": [*(_heading(params) if first else []), line]},
    }
    if not params["wait"]:
        return result
    if verdict == "hold":
        with _told(state, params, tells):
            _require_time(params, time.time() - began, why, result["report"])
        result["again"] = {"pause": params["every"], "began": began, "known": known}
    elif not check_mode:
        _tell(state, params, met, f"{params['step']}: {why}" + (f", because {params['override']}" if "without" in why else ""))
    if verdict == "worse" and tells:
        _tell_people(state, params, f"goes a stage back, and stops: {why}")
    return result


def _require_time(params: dict, waited: float, why: str, report: dict) -> None:
    if waited >= params["deadline_seconds"]:
        raise Refusal(
            f"{params['step']} was not done: not quiet within {params['deadline_seconds'] / 60:g} minutes ({why}); see playbooks/assess.yml, and run "
            "the same command again, which goes on from here.",
            report=report,
        )


@contextmanager
def _told(state: State, params: dict, tells: bool) -> Iterator[None]:
    """Nobody may be looking by the time that a recovery gives up."""
    try:
        yield
    except Refusal as refusal:
        if tells:
            _tell_people(state, params, f"has stopped: {refusal}")
        raise


def _tell_people(state: State, params: dict, what: str) -> None:
    identity = params["identity"]
    event = {("recovery stopped", identity["run"]): f"{identity['playbook']} of {identity['who']} {what}"}
    with suppress(Refusal):  # a record that is not there is what it has stopped for
        _notify.beside(state, params["chat"], _record.read(state, params["record"]), event)


def look(params: dict, thresholds: dict, metrics: dict) -> tuple[list, list]:
    """The conditions over the time that has to be quiet, and what the last minute means."""
    running, limits = _running(params)
    spans = _quiet.spanning(thresholds, params["quiet"])
    try:
        seen = _prometheus.observe(params["prometheus_url"], metrics, spans, TIMEOUT)
    except _prometheus.Unavailable as problem:
        parts = ("cpu", "memory", "latency", "requests", "pool_used", "redis_used")
        seen = Observation("prometheus", "1 min", RATE_WINDOW, missing=dict.fromkeys(parts, f"Prometheus {problem}"))
    disabled = load_assessment.switched_off(params)
    found = sum(1 for each in running if seen.instances & {*each.addresses.values(), each.name})
    met = _quiet.conditions(seen, limits, spans, params["quiet"], params["replicas"])
    return met, _quiet.reasons(seen, limits, disabled, thresholds, len(running), found)


def since_change(events: list[dict], now: datetime, looking: float) -> float:
    """Seconds since a step changed something. What lies ahead, because the clock was set back since, was before we began `looking`."""
    ends = ("step-end", "run-end", "takeover", "killed")
    made = [event["at"] for event in events if event["event"] in ends and _runs.did(event)]
    if not made:
        return float("inf")
    since = (now - datetime.strptime(max(made), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()
    return since if since >= 0 else looking


def _require_ours(record: dict | None, params: dict, fresh: list[dict]) -> None:
    if record is None or record["id"] != params["record"]:
        now = f"{record['id']} is open" if record else "none is open"
        raise Refusal(
            f"{params['step']} was not done: record {params['record']} is no longer the one to recover from, {now}; see playbooks/incident.yml."
        )
    if params["lapsed"] and record["lease_until"] >= _clock.text():
        raise Refusal(
            f"{params['step']} was not done: {record['id']} was renewed until {record['lease_until']}, so its settings stay."
        )
    if other := _runs.changed_by(fresh):
        raise Refusal(f"{params['step']} was not done: {other} {_runs.GO_ON}")


def _running(params: dict) -> tuple[list, dict]:
    try:
        return load_assessment.running_replicas(connect(timeout=2), params)
    except (DockerException, OSError) as problem:
        raise Refusal(
            f"the Docker engine did not list the replicas ({problem}); see that it answers, then run this again."
        ) from problem


def _tell(state, params: dict, met: list, reason: str) -> None:
    about = {"run": params["identity"]["run"], "actor": params["identity"]["who"], "playbook": params["identity"]["playbook"]}
    values = {each.name: round(each.value, 1) for each in met if each.value is not None}
    _journal.note(state, params["record"], event="note", reason=reason, metrics=values, **about)


def _heading(params: dict) -> list:
    names = "".join(f"{HEADINGS.get(name, name):>{width}}" for name, width in COLUMNS)
    quiet = f"low load for {params['quiet'] / 60:g} min by history"
    return [
        [
            f"{params['step']} waits for {quiet}, and {params['settle'] / 60:g} min since the last change; worst values of that time:",
            "title",
        ],
        [f"{'time':8}{'left':>8}{'now':>9}{names}  waits for", "dim"],
    ]


def _line(verdict: str, why: str, left: float, met: list, severity: str) -> list:
    values = {each.name: "?" if each.value is None else f"{each.value:.0f}%" for each in met}
    cells = "".join(f"{values.get(name, '-'):>{width}}" for name, width in COLUMNS)
    clock = time.strftime("%H:%M:%S", time.localtime())
    yet = f"{left:.0f} s" if verdict == "hold" and left else "-"
    shown = {"pass": f"nothing: {why}", "hold": why, "worse": f"worse: {why}"}[verdict]
    return [f"{clock}{yet:>8}{severity:>9}{cells}  {shown}", {"pass": "good", "hold": "warn", "worse": "bad"}[verdict]]
