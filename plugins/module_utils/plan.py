# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module plan: a plan as people decide about it, kept so that exactly this can be carried out. Changes nothing else."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _plans, _runs, response_summary
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import text

SPEC = {
    "argument_spec": {
        "state_directory": {"type": "path", "required": True},
        "plan": {"type": "dict", "required": True},
        "identity": {"type": "dict", "required": True},
        "bottleneck": {"type": "str", "default": "none"},
        "beyond": {"type": "dict", "default": {}},
        "commands": {"type": "dict", "required": True},
    },
    "supports_check_mode": True,
}
_KEPT = ("hash", "severity", "profile", "values", "tiers", "strengthen", "compared")
# Seconds, as measured on 2 cores: docs/proof/respond_with_nothing_to_do.json, respond_beside_baseline.json, scaling_under_traffic.json.
LOOKING = 2.0
SETTINGS = 1.0
MORE, EACH = 4.0, 0.5  # replicas that start, and each of them
FEWER = 4.0  # replicas that are drained, besides the longest request that is being answered


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{id, kept, seconds}. Who may not write the state sees the plan all the same, and why it was not kept."""
    plan = {**{name: params["plan"][name] for name in _KEPT}, "at": _clock.text(), "who": params["identity"]["who"]}
    not_kept = "check mode keeps nothing" if check_mode else _keep(params["state_directory"], plan)
    takes = _takes(params["plan"]["changes"])
    return {
        "changed": False,
        "id": _plans.short(plan),
        "kept": not not_kept,
        "seconds": round(sum(takes.values()), 1),
        "report": {
            "columns": ["setting", "tier", "now", "then", "because of"],
            "rows": [_row(change) for change in params["plan"]["changes"]],
            "lines": [
                *_untouched(params["plan"]),
                *_restarts(params),
                *_duration(takes),
                *response_summary.undo(params["plan"], params["commands"], True),
                *_onward(plan, not_kept, params["commands"]),
            ],
        },
    }


def _keep(directory: str, plan: dict) -> str:
    """Why it could not be kept; '' where it was."""
    try:
        _plans.keep(_runs.open_state(directory), plan)
    except Refusal as refusal:
        return str(refusal).rstrip(".")
    return ""


def _row(change: dict) -> list:
    return [
        change["field"],
        change["tier"],
        response_summary.before(change),
        [text(change["to"]), "warn"],
        [change["source"], "dim"],
    ]


def _untouched(plan: dict) -> list:
    tiers = {entry["tier"] for entry in plan["compared"]} - {change["tier"] for change in plan["changes"]}
    return [f"nothing to change in {tier}" for tier in sorted(tiers)]


def _restarts(params: dict) -> list:
    left_out = params["beyond"].get(params["bottleneck"])
    return [
        "restarts: none; what restarts something or takes minutes (max_connections, shared_buffers, read replicas, a Redis cluster) is in no profile",
        *([[f"left out: {left_out}", "warn"]] if left_out else []),
    ]


def _takes(changes: list[dict]) -> dict[str, float]:
    """{what: seconds}, one after the other."""
    takes = {"looking": LOOKING} if changes else {}
    if any(change["field"] != "app.replicas" for change in changes):
        takes["settings"] = SETTINGS
    for change in changes:
        if change["field"] == "app.replicas":
            more = change["to"] - (change["from"] or 0)
            what = f"replicas {response_summary.before(change)} -> {change['to']}"
            takes[what] = FEWER if more < 0 else MORE + EACH * more
    return takes


def _duration(takes: dict[str, float]) -> list:
    if not takes:
        return []
    parts = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in takes.items())
    return [f"takes about {sum(takes.values()):.0f} s ({parts}): measured on 2 cores, and longer on a host that is drowning"]


def _onward(plan: dict, not_kept: str, commands: dict) -> list:
    if not_kept:
        return [[f"plan {_plans.short(plan)} is not kept: {not_kept}", "warn"]]
    return [
        "exactly this, and refused once something differs:",
        [f"  {commands['respond']} -e plan={_plans.short(plan)}", "command"],
    ]
