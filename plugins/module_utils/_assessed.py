# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is said about an assessment: the one command to paste, and the table."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._severity import Reason

_RESPOND = "ansible-playbook playbooks/respond.yml"
# severity -> what to paste, how long it takes, what it risks
COMMANDS = {
    "P0": (
        f"{_RESPOND} -e profile=overload",
        "about 15 s",
        "buyers wait in line and extras are off; nothing restarts, what is stronger stays",
    ),
    "P1": (
        f"{_RESPOND} -e profile=high",
        "about 15 s",
        "search is limited, extras are off, purchases may queue; nothing restarts",
    ),
    "P2": (f"{_RESPOND} -e profile=elevated", "about 15 s", "low: more replicas and longer caching; nothing restarts"),
    "unknown": (
        f"{_RESPOND} -e profile=elevated",
        "about 15 s",
        "low, but evidence is missing: if buyers report failures, take profile=overload instead",
    ),
    "normal": ("", "", "nothing to do: severity normal changes nothing"),
}
_WORDS = {
    "response_time": "response time",
    "error_rate": "error rate",
    "cpu": "CPU, mean",
    "memory": "memory, worst replica",
    "connections": "database connections",
    "app_connections": "connections of a replica",
    "waiting_clients": "waiting for a connection",
    "redis_memory": "Redis memory",
    "redis_refused": "Redis refused writes",
    "redis_hit_rate_drop": "Redis hit rate lost",
    "unavailable_features": "unavailable features",
    "probe_failures": "probes that failed",
    "probe_time": "probe through nginx",
    "replicas": "replicas seen",
}
_STATUS = {"P0": "bad", "P1": "bad", "P2": "warn", "unknown": "warn", "normal": "good"}


def command(severity: str, options: str, start: str, heals: str = "", outage: bool = False) -> dict:
    """`options`: the inventory that was assessed; `start`: a container that the entry lacks, which is then the first thing to do;
    `heals`: what ends a drift, and is the thing to do where nothing is worse (responding ends it, too), and in an `outage`, where
    nothing is more urgent than replicas."""
    if start:
        return {
            "command": f"docker start {start}",
            "duration": "about 2 s",
            "risk": "none: it does not run, so nobody is served by it",
        }
    if heals and (outage or severity == "normal"):
        text, duration, risk = f"ansible-playbook playbooks/{heals}", "about 10 s", "low: nothing that runs is restarted"
    else:
        text, duration, risk = COMMANDS[severity]
    return {"command": f"{text} {options}".strip() if text else "", "duration": duration, "risk": risk}


def report(result: dict, reasons: list[Reason], remarks: list[str]) -> dict:
    """The table, worst first."""
    rank = ["P0", "P1", "P2", "unknown", "normal"]
    severity, fired = result["severity"], [trigger for trigger in result["triggers"] if trigger["fired"]]
    rows = [
        [
            _WORDS[reason.metric],
            [_value(reason), _STATUS[reason.severity]],
            "" if reason.threshold is None else f"{reason.threshold:g}{_unit(reason)}",
            [reason.severity, _STATUS[reason.severity]],
            ", ".join(part for part in (reason.source, reason.window) if part),
            [reason.note, "dim"],
        ]
        for reason in sorted(reasons, key=lambda reason: rank.index(reason.severity))
    ]
    lines: list = [[remark, "warn"] for remark in remarks]
    for trigger in fired:
        name, limit, unit = _WORDS[trigger["trigger"]], trigger["limit"], " s" if trigger["trigger"] == "response_time" else "%"
        lines.append([f"trigger: {name} > {limit:g}{unit} for {_minutes(trigger['seconds'])}", "warn"])
    for drift in result["drift"]:
        lines.append([f"drift: {drift['what']}: expected {drift['expected']}, found {drift['found']}", "warn"])
    todo = result["command"]
    if todo["command"]:
        lines += ["", [todo["command"], "title"], f"  takes {todo['duration']}; risk: {todo['risk']}"]
    else:
        lines.append(todo["risk"])
    running, seen = result["replicas"]["running"], result["replicas"]["seen"]
    where = f", bottleneck: {result['bottleneck']}" if result["bottleneck"] != "none" else ""
    title = f"SEVERITY {severity}{where} ({seen} of {running} replicas seen, source: {result['source']})"
    return {
        "above": [[sentence, "bad"] for sentence in result["standing"]],
        "title": title,
        "status": _STATUS[severity],
        "columns": ["what", "value", "limit", "severity", "source", ""],
        "rows": rows,
        "lines": lines,
    }


def _value(reason: Reason) -> str:
    if reason.value is None:
        return "not known"
    if isinstance(reason.value, str):
        return reason.value
    digits = 2 if reason.unit == "s" else 1
    return f"{reason.value:.{digits}f}".rstrip("0").rstrip(".") + _unit(reason)


def _unit(reason: Reason) -> str:
    if reason.metric == "response_time":
        return " s"
    return reason.unit if reason.unit == "%" else f" {reason.unit}" if reason.unit == "s" else ""


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"
