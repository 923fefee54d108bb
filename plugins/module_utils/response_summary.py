# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of the module response_summary: is every planned change in force, what is next, and how it is taken back."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _profile
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import counted, text

COMPUTES = True  # from its options alone: it runs on the controller, wherever the target is
SPEC = {
    "argument_spec": {
        "plan": {"type": "dict", "required": True},
        "observed": {"type": "dict", "default": {}},
        "failures": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"object": {"type": "str", "required": True}, "reason": {"type": "str", "required": True}},
        },
        "bottleneck": {"type": "str", "default": "none"},
        "beyond": {"type": "dict", "default": {}},
        "contacts": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "phone": {"type": "str", "default": ""},
                "after": {"type": "str", "default": ""},
            },
        },
        "commands": {"type": "dict", "required": True},
    },
    "supports_check_mode": True,
}


# Settings that no field of a profile is, and what sets them: the playbook and its option.
ELSEWHERE = {
    "app.cpus": ("resize_app", "cpus"),
    "app.memory": ("resize_app", "memory"),
    "pool.default_pool_size": ("resize_pool", "default_pool_size"),
}
LOWER = {"resize_app": ["-e lower=true"]}  # it refuses to take from what runs, otherwise


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{in_force, report}. Raises Refusal, with the report, where something was not done."""
    plan, failures = params["plan"], params["failures"]
    failed = {failure["object"] for failure in failures}
    missing = [
        change
        for change in plan["changes"]
        if (change["object"] in failed if check_mode else not _profile.in_force(change, params["observed"]))
    ]
    report = {
        "title": _title(plan, missing, bool(failures), check_mode),
        "status": "bad" if missing or failures else "warn" if check_mode and plan["changes"] else "good",
        "columns": ["setting", "from", "to", "because of"],
        "rows": [_row(change, change in missing) for change in plan["changes"]],
        "lines": [*_undone(failures), *_onward(params), *_back(params, missing), *undo(plan, params["commands"], check_mode)],
    }
    if missing or failures:
        raise Refusal(_sentence(plan, missing, failures), report=report)
    made = [change for change in plan["changes"] if change["from"] != change["to"]]  # the others were only finished
    return {"changed": False, "in_force": made, "report": report}


def _title(plan: dict, missing: list, failed: bool, check_mode: bool) -> str:
    exactly = not plan["strengthen"]
    subject = (
        f"profile {plan['profile']}"
        if plan["profile"]
        else "single values"
        if plan["changes"] or exactly or plan["values"]
        else "no profile"
    )
    subject = plan.get("subject", subject)  # of a restore
    # Who asked for some fields was not asked how bad it is.
    situation = subject if exactly or plan["fields"] else f"{subject}, severity was {plan['severity']}"
    changes = counted(len(plan["changes"]), "change")
    if missing or failed:
        return f"NOT DONE: {len(missing)} of {changes} ({situation})"
    if not plan["changes"]:
        return (
            f"NOTHING TO DO: already in force ({situation})"
            if exactly or plan["profile"] or plan["values"]
            else f"NOTHING TO DO: severity is {plan['severity']}"
        )
    return f"PREVIEW: {changes} would be made ({situation})" if check_mode else f"DONE: {changes} in force ({situation})"


def _row(change: dict, missing: bool) -> list:
    status = "bad" if missing else "good"
    return [[change["field"], "bad" if missing else ""], before(change), [text(change["to"]), status], [change["source"], "dim"]]


def before(change: dict) -> str:
    """What was; the same value is there again only where an interrupted run has left work to do."""
    return "unfinished" if change["from"] == change["to"] else text(change["from"])


def _undone(failures: list) -> list:
    return [[f"not done, {failure['object']}: {failure['reason']}", "bad"] for failure in failures]


def _onward(params: dict) -> list:
    """What to do if it does not help within a minute."""
    plan = params["plan"]
    if not (plan["strengthen"] and plan["profile"]):
        return []
    beyond = params["beyond"].get(params["bottleneck"])
    lines = [[f"left out: {beyond}", "warn"]] if beyond else []
    if plan["fields"]:  # a part of a profile: the next step is the whole of the severity's
        return [*lines, "no better within a minute?", [f"  {params['commands']['respond']}", "title"]]
    if plan["next_profile"]:
        command = f"{params['commands']['respond']} -e profile={plan['next_profile']}"
        return [*lines, "no better within a minute?", [f"  {command}", "title"]]
    calls = [[f"  {_contact(contact)}", "title"] for contact in params["contacts"]]
    return [*lines, "no better within a minute? This is the strongest profile; call", *calls]


def _contact(contact: dict) -> str:
    when = f" (from minute {contact['after']})" if contact["after"] else ""
    return f"{contact['name']}{when}: {contact['phone'] or 'no number; put it into smartsports_contacts'}"


def _back(params: dict, missing: list) -> list:
    """The commands that lead back to normal from where the platform then is."""
    still = {change["field"]: change["from"] for change in missing}
    away = {field: normal for field, normal in params["plan"]["away"].items() if still.get(field) != normal}
    if not away or not params["plan"]["strengthen"]:
        return []
    replicas = away.pop("app.replicas", None)
    lines = [[f"  {params['commands']['reset']}", "title"]] if away else []
    if replicas is not None:
        lines.append([f"  {params['commands']['scale_down']} -e replicas={replicas}", "title"])
    return ["back to normal, once it is over:", *lines]


def _elsewhere(unnamed: list, commands: dict) -> tuple[list, list]:
    """What sets a setting that no field of a profile is: command lines, and the changes that nothing sets."""
    found: dict = {}
    for change in unnamed:
        playbook, option = ELSEWHERE.get(change.get("setting"), ("", ""))
        if playbook in commands and change["from"] is not None:
            found.setdefault(playbook, []).append(f"-e {option}={text(change['from'])}")
    lines = [f"{commands[name]} {' '.join([*options, *LOWER.get(name, [])])}" for name, options in found.items()]
    return lines, [change for change in unnamed if ELSEWHERE.get(change.get("setting"), ("",))[0] not in found]


def undo(plan: dict, commands: dict, would: bool) -> list:
    """The one command that takes just these changes back, failed ones included: part of them may have been made."""
    changes = [change for change in plan["changes"] if change["from"] != change["to"]]
    elsewhere, unset = _elsewhere([change for change in changes if not change.get("named", True)], commands)
    unnamed = [f"{change['field']} was {text(change['from'])}" for change in unset]
    changes = [change for change in changes if change.get("named", True)]
    values = [f"{change['field']}={text(change['from'])}" for change in changes if change["from"] is not None]
    unknown = [change["field"] for change in changes if change["from"] is None]
    label = "would be undone by: " if would else "undo: "
    lines = [[f"{label}{commands['undo']} -e set={','.join(values)}", "command"]] if values else []
    lines += [[f"{label}{command}", "command"] for command in elsewhere]
    if unnamed:
        lines.append([f"no field of a profile, so not taken back by undo: {', '.join(unnamed)}", "warn"])
    if unknown:
        lines.append([f"no undo, as what was there before is unknown: {', '.join(unknown)}", "warn"])
    return lines


def _sentence(plan: dict, missing: list, failures: list) -> str:
    reasons = "; ".join(f"{failure['object']}: {failure['reason'].rstrip('.')}" for failure in failures)
    named = ", ".join(f"{change['field']} {before(change)} -> {text(change['to'])}" for change in missing)
    of_all = f"{len(missing)} of {counted(len(plan['changes']), 'change')}"
    what = f"{of_all} could not be made ({named})" if missing else "every change is in force, but a step failed"
    return f"{what}, because {reasons or 'somebody else changes them too'}; mend that and run the same command again."
