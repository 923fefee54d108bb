# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module profile_plan: which changes lead from what is observed to a profile. Changes nothing."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _plans, _profile
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted, text

COMPUTES = True  # from its options alone: it runs on the controller, wherever the target is
SPEC = {
    "argument_spec": {
        "schema": {"type": "dict", "required": True},
        "profiles": {"type": "dict", "required": True},
        "severities": {"type": "dict", "required": True},
        "severity": {"type": "str", "choices": ["P0", "P1", "P2", "normal", "unknown"], "default": "unknown"},
        "profile": {"type": "str", "default": ""},
        "overrides": {"type": "dict", "default": {}},
        "event": {"type": "dict", "default": {}},
        "values": {"type": "raw", "default": {}},
        "tiers": {"type": "list", "elements": "str", "default": []},
        "fields": {"type": "list", "elements": "str", "default": []},
        "strengthen": {"type": "bool", "default": True},
        "observed": {"type": "dict", "required": True},
        "unfinished": {"type": "list", "elements": "str", "default": []},
        "shown": {"type": "list", "elements": "dict"},
        "named": {"type": "dict"},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """The plan: target, compared, changes, kept, inputs, hash; `away` is what differs from normal afterwards."""
    named = params["named"]
    if named:
        params = _as_named(params, named)
    ladder = list(params["severities"].values())
    name = named["profile"] if named else _chosen(params, ladder)
    schema = _profile.Schema(params["schema"])
    desired = _profile.resolve(schema, params["profiles"], name, params["overrides"], params["event"], params["values"])
    normal = _profile.resolve(schema, params["profiles"], "normal", params["overrides"])
    desired = _profile.only(desired, params["fields"], {*normal, *desired})
    planned = _profile.plan(schema, desired, params["observed"], params["strengthen"], params["tiers"], params["unfinished"])
    if named:
        _plans.same(named, planned["compared"])
    unlike = _profile.plan(schema, normal, params["observed"], False, params["tiers"])["changes"]
    return {
        "changed": False,
        "profile": name,
        "severity": params["severity"],
        "values": _profile.assignments(params["values"]),
        "tiers": params["tiers"],
        "strengthen": params["strengthen"],
        "fields": params["fields"],
        "target": {field: {"value": setting.value, "source": setting.source} for field, setting in desired.items()},
        **planned,
        "unfinished": params["unfinished"],
        "hash": _profile.fingerprint(name, planned["compared"]),
        "next_profile": _next(ladder, name),
        "away": _away(normal, unlike, planned["changes"]),
        "report": None if params["shown"] == planned["changes"] else _report(name, params, planned),
    }


def _as_named(params: dict, named: dict) -> dict:
    """The options, with what a kept plan says of them."""
    both = [f"-e {name}=" for name, option in {"profile": "profile", "set": "values", "tiers": "tiers"}.items() if params[option]]
    if both:
        raise Refusal(
            f"{', '.join(both)} was given beside plan {_plans.short(named)}, which says profile, values and tiers itself; leave it out, or make "
            "another plan with playbooks/plan.yml."
        )
    return {**params, **{option: named[option] for option in ("profile", "values", "tiers", "strengthen")}}


def _chosen(params: dict, ladder: list) -> str:
    """The profile asked for, else the severity's; '' for none."""
    if params["profile"]:
        return params["profile"]
    values = _profile.assignments(params["values"])
    if values and (not params["strengthen"] or params["severity"] == "unknown"):  # what was named needs no severity
        return ""
    if not params["strengthen"]:
        raise Refusal(
            "neither a value nor a profile was named, so there is nothing to set; name a field: -e set=queue.virtual.enabled=true."
        )
    if params["severity"] == "unknown":
        known = " | ".join(ladder)
        raise Refusal(f"the severity is unknown, so no profile follows from it; name one, the weakest first: -e profile={known}.")
    return params["severities"].get(params["severity"], "")


def _next(ladder: list, name: str) -> str:
    """The next stronger profile; '' after the last, and where nothing was responded to."""
    if name in ladder:
        return [*ladder, ""][ladder.index(name) + 1]
    return {"": "", "normal": ladder[0]}.get(name, ladder[-1])


def _away(normal: dict, unlike: list, changes: list) -> dict:
    """Normal's values of all fields that have another one after the changes."""
    becomes = {**{change["field"]: change["from"] for change in unlike}, **{change["field"]: change["to"] for change in changes}}
    return {field: setting.value for field, setting in normal.items() if field in becomes and becomes[field] != setting.value}


def _report(name: str, params: dict, planned: dict) -> dict:
    target = (
        f"profile {name}"
        if name
        else "no profile"
        if params["strengthen"] and params["severity"] != "unknown"
        else "single values"
    )
    if not params["strengthen"]:
        situation = f"{target}, exactly"
    elif params["fields"] or params["severity"] == "unknown":  # who named the profile need not ask how bad it is
        situation = target
    else:
        situation = f"severity {params['severity']}, {target}"
    kept = [f"{entry['field']} {text(entry['from'])} (not {text(entry['to'])})" for entry in planned["kept"]]
    return {
        "title": f"PLAN: {situation}: {counted(len(planned['changes']), 'change')}",
        "lines": [[f"stays, being stronger already: {', '.join(kept)}", "warn"]] if kept else [],
    }
