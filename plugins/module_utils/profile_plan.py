# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module profile_plan: which changes lead from what is observed to a profile. Changes nothing."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _profile
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
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """The plan: target, changes, kept, inputs, hash; `away` is what differs from normal afterwards."""
    ladder = list(params["severities"].values())
    name = _chosen(params, ladder)
    schema = _profile.Schema(params["schema"])
    desired = _profile.resolve(schema, params["profiles"], name, params["overrides"], params["event"], params["values"])
    normal = _profile.resolve(schema, params["profiles"], "normal", params["overrides"])
    desired = _profile.only(desired, params["fields"], {*normal, *desired})
    planned = _profile.plan(schema, desired, params["observed"], params["strengthen"], params["tiers"], params["unfinished"])
    unlike = _profile.plan(schema, normal, params["observed"], False, params["tiers"])["changes"]
    return {
        "changed": False,
        "profile": name,
        "severity": params["severity"],
        "strengthen": params["strengthen"],
        "fields": params["fields"],
        "target": {field: {"value": setting.value, "source": setting.source} for field, setting in desired.items()},
        **planned,
        "unfinished": params["unfinished"],
        "hash": _profile.fingerprint(desired, params["observed"]),
        "next_profile": _next(ladder, name),
        "away": _away(normal, unlike, planned["changes"]),
        "report": None if params["shown"] == planned["changes"] else _report(name, params, planned),
    }


def _chosen(params: dict, ladder: list) -> str:
    """The profile asked for, else the severity's; '' for none."""
    if params["profile"]:
        return params["profile"]
    if not params["strengthen"] and _profile.assignments(params["values"]):
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
    target = f"profile {name}" if name else "no profile" if params["strengthen"] else "single values"
    if not params["strengthen"]:
        situation = f"{target}, exactly"
    elif params["fields"]:
        situation = target
    else:
        situation = f"severity {params['severity']}, {target}"
    kept = [f"{entry['field']} {text(entry['from'])} (not {text(entry['to'])})" for entry in planned["kept"]]
    return {
        "title": f"PLAN: {situation}: {counted(len(planned['changes']), 'change')}",
        "lines": [[f"stays, being stronger already: {', '.join(kept)}", "warn"]] if kept else [],
    }
