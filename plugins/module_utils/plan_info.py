# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module plan_info: a plan that was kept, by its hash. Reads only."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _plans, _runs
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SPEC = {
    "argument_spec": {
        "state_directory": {"type": "path", "required": True},
        "hash": {"type": "str", "required": True},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{plan}. Refusal: there is none, or several."""
    state = _runs.open_state(params["state_directory"], make=False)
    plan = _plans.find(state, params["hash"])
    lines = [f"carrying out {_plans.about(plan)}", *([sentence, "warn"] for sentence in state.recovered)]
    return {"changed": False, "plan": plan, "report": {"lines": lines}}
