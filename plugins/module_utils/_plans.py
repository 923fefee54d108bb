# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans that somebody looked at, kept until they are carried out: `plans/<the first 12 digits of its hash>.json`, the newest 20.

A plan is {hash, at, who, severity, profile, values, tiers, strengthen, compared}; `compared` as _profile.plan gives it.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted, text
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

FOLDER = "plans"
MOST = 20
SHORT = 12
_PREFIX = re.compile(r"[0-9a-f]{6,64}")
_NAMED = 4  # differences in a sentence; the table has them all


def keep(state: State, plan: dict) -> None:
    """Keep a plan, and of all plans the newest. Refusal: it cannot be written."""
    with state.locked():
        state.write(f"{FOLDER}/{short(plan)}.json", plan)
        for name in _newest_first(state)[MOST:]:
            state.remove(name)


def find(state: State, given: str) -> dict:
    """The plan whose hash begins so. Refusal: that is no hash, or there is no such plan, or several."""
    wanted = given.strip().lower()
    if not _PREFIX.fullmatch(wanted):
        raise Refusal(
            f"'{given}' is no hash of a plan, which is {SHORT} digits from 0 to f; name the one that playbooks/plan.yml printed, or its first 6."
        )
    names = [name for name in _newest_first(state) if _digits(name).startswith(wanted[:SHORT])]
    if len(names) > 1:
        raise Refusal(f"{wanted} begins several plans ({', '.join(map(_digits, names))}); name one of them with more digits.")
    plan = state.read(names[0]) if names else None
    if plan is None or not plan["hash"].startswith(wanted):
        known = ", ".join(map(_digits, _newest_first(state)[:3])) or "none"
        raise Refusal(
            f"there is no plan {wanted} in {state.directory / FOLDER} (the newest are {known}, and {MOST} are kept); make it with playbooks/plan.yml."
        )
    return plan


def same(plan: dict, compared: list[dict]) -> None:
    """Refusal where the platform, or the profile, is another than the plan was made for. What the plan has set already is no difference:
    a run that failed half way is finished by the same command."""
    planned, now = ({entry["field"]: entry for entry in entries} for entries in (plan["compared"], compared))
    differ = [_difference(field, planned.get(field), now.get(field)) for field in {**planned, **now}]
    if differ := [each for each in differ if each]:
        more = f" and {counted(len(differ) - _NAMED, 'more setting')}" if len(differ) > _NAMED else ""
        said = ", ".join(each["sentence"] for each in differ[:_NAMED])
        raise Refusal(
            f"plan {short(plan)} is not carried out, as it was made for another state: {said}{more}; look at it anew with "
            f"playbooks/plan.yml{arguments(plan)}, and name the new plan.",
            drift=differ,
            report=_report(plan, differ),
        )


def short(plan: dict) -> str:
    """A plan as people name it."""
    return plan["hash"][:SHORT]


def about(plan: dict) -> str:
    """A plan in a clause."""
    return f"plan {short(plan)} of {plan['who']}, made at {plan['at']}"


def arguments(plan: dict) -> str:
    """What `playbooks/plan.yml` was asked for, as it is typed."""
    values = ",".join(f"{field}={text(value)}" for field, value in plan["values"].items())
    asked = {
        "profile": plan["profile"],
        "set": values,
        "tiers": ",".join(plan["tiers"]),
        "exactly": "" if plan["strengthen"] else "true",
    }
    return "".join(f" -e {name}={value}" for name, value in asked.items() if value)


def _difference(field: str, planned: dict | None, now: dict | None) -> dict | None:
    if planned is None or now is None:
        sentence = f"{field} is {'not in the plan' if planned is None else 'no longer in the profile'}"
    elif now["from"] not in (planned["from"], planned["to"]):
        sentence = f"{field} was {text(planned['from'])} and is {text(now['from'])}"
    elif now["to"] != planned["to"]:
        sentence = f"{field} was to become {text(planned['to'])} and would become {text(now['to'])}"
    else:
        return None
    parts = {"planned_from": (planned, "from"), "now": (now, "from"), "planned_to": (planned, "to"), "would_become": (now, "to")}
    return {"field": field, "sentence": sentence, **{name: entry and entry[part] for name, (entry, part) in parts.items()}}


def _report(plan: dict, differ: list[dict]) -> dict:
    shown = ("planned_from", "now", "planned_to", "would_become")
    return {
        "title": f"DRIFT since {about(plan)}",
        "status": "bad",
        "columns": ["setting", *(name.replace("_", " ") for name in shown)],
        "rows": [[each["field"], *(text(each[name]) for name in shown)] for each in differ],
    }


def _digits(name: str) -> str:
    return PurePath(name).stem


def _newest_first(state: State) -> list[str]:
    return sorted(state.names(FOLDER), key=lambda name: (state.directory / name).stat().st_mtime_ns, reverse=True)
