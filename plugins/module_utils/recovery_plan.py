# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module recovery_plan: the stages in which what an incident changed goes back. Changes nothing."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._numbers import whole_number
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted

COMPUTES = True  # from its options alone: it runs on the controller, wherever the target is
SPEC = {
    "argument_spec": {
        "plan": {"type": "dict", "required": True},
        "replicas": {"type": "list", "elements": "raw", "default": [6, 4]},
        "features": {"type": "list", "elements": "list", "default": []},
        "quiet_minutes": {"type": "raw", "default": 15},
        "between_minutes": {"type": "raw", "default": 5},
        "feature_minutes": {"type": "raw", "default": 10},
        "deadline_minutes": {"type": "raw", "default": 120},
    },
    "supports_check_mode": True,
}
REPLICAS = "app.replicas"
LONGEST = 1440  # minutes


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{stages, quiet, deadline}: each stage {name, fields, values, replicas, settle}; the last has no fields, it closes the record."""
    if not params["plan"]["record"]:
        raise Refusal(
            "no record is open, so nothing tells how everything was before; scale_down.yml lowers the replicas, and reset_configuration.yml takes the "
            "settings to profile normal."
        )
    waits = {
        name: minutes(f"recovery_{name}_minutes", params[f"{name}_minutes"]) * 60
        for name in ("quiet", "between", "feature", "deadline")
    }
    counts = sorted((whole_number("recovery_replicas", count, 1, 100) for count in params["replicas"]), reverse=True)
    found = stages(params["plan"]["changes"], counts, params["features"], waits)
    return {
        "changed": False,
        "stages": found,
        "quiet": waits["quiet"],
        "deadline": waits["deadline"],
        "report": {
            "title": f"RECOVERY: {counted(len(found), 'stage')}, each after low load for {waits['quiet'] / 60:g} min by history",
            "columns": ["stage", "after the last change"],
            "rows": [[each["name"], f"{each['settle'] / 60:g} min"] for each in found],
        },
    }


def stages(changes: list[dict], counts: list[int], groups: list[list[str]], waits: dict[str, float]) -> list[dict]:
    """Replicas first, step by step; features in groups, the later ones with more time between; then the rest; then the record is closed."""
    left = {change["setting"]: change for change in changes}
    between = waits["between"]
    found = []
    replicas = left.get(REPLICAS)
    if replicas and replicas["from"] >= replicas["to"]:  # equal: a run that was killed left work to do
        now, goal = left.pop(REPLICAS)["from"], replicas["to"]
        for count in [*(count for count in counts if goal < count < now), goal]:
            found.append(_stage(f"replicas {now} -> {count}", [REPLICAS], between, {REPLICAS: count}, count))
            now = count
    for number, group in enumerate(groups):
        members = [f"feature-flags.{name}" for name in group if f"feature-flags.{name}" in left]
        if members:
            names = ", ".join(member.partition(".")[2] for member in members)
            found.append(_stage(f"features {names}", members, waits["feature"] if number else between))
        left = {name: change for name, change in left.items() if name not in members}
    if left:
        found.append(_stage(f"the rest: {counted(len(left), 'setting')}", list(left), between))
    return [*found, _stage("the record is closed", [], between)]


def minutes(name: str, value: Any) -> float:
    """A number of minutes, of which a fraction is one, too."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= LONGEST:
        raise Refusal(f"{name} is '{value}', but must be a number of minutes from 0 to {LONGEST}; correct it and run again.")
    return number


def _stage(name: str, fields: list[str], settle: float, values: dict | None = None, replicas: int = 0) -> dict:
    return {"name": name, "fields": fields, "values": values or {}, "replicas": replicas, "settle": settle}
