# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module platform_info: all that a plan compares, in one look. One module where three would do: each costs its start over SSH."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import admin_info, app_scale_info, upstream
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import Readings
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

_LOCAL = {
    "tiers": {
        "type": "list",
        "elements": "str",
        "default": ["api", "app"],
    },  # the plan refuses one that is none, in its own words
    "nginx_service": {"type": "str", "default": "nginx"},
    "upstreams": {"type": "list", "elements": "str", "default": []},
}
SPEC = {"argument_spec": {**admin_info.SPEC["argument_spec"], **_LOCAL}, "supports_check_mode": True}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{observed, unfinished}: what is set, by resource, and the parts that a run which was killed, or somebody else, left half done."""
    told = admin_info.run(params, check_mode, say) if "api" in params["tiers"] else None
    replicas = _replicas(params, say) if "app" in params["tiers"] else None
    stale = bool(replicas and params["upstreams"]) and _unknown_to_nginx(params)
    return {"changed": False, **_joined(told, replicas, stale)}


def compose(look: dict, settings: dict[str, Readings], replicas: list | None, stale: bool | None) -> dict | None:
    """The same from what an assessment has read; None where it lacks something. `look`: tiers and resources."""
    api, app = ("api" in look["tiers"]), ("app" in look["tiers"])
    read = {resource: settings.get(resource, Readings()) for resource in (look["resources"] if api else ())}
    if not all(readings.answered for readings in read.values()) or (app and (not replicas or stale is None)):
        return None
    return _joined(admin_info.summary(read) if api else None, len(replicas) if app else None, app and stale)


def _joined(told: dict | None, replicas: int | None, stale: bool) -> dict:
    observed = {**(told["settings"] if told else {}), **({} if replicas is None else {"app": {"replicas": replicas}})}
    apart = sorted({entry["resource"] for entry in told["disagreements"]}) if told else []
    return {"observed": observed, "unfinished": [*apart, *(["app"] if stale else [])]}


def _replicas(params: dict, say: Say) -> int:
    defaults = {name: option.get("default") for name, option in app_scale_info.SPEC["argument_spec"].items()}
    asked = {**defaults, "project": params["project"], "service": params["service"]}
    return app_scale_info.run(asked, True, say)["replicas"]


def _unknown_to_nginx(params: dict) -> bool:
    """Do replicas run that nginx does not know? Where it cannot be told, the step itself will say what is wrong, once the others are done."""
    same = {name: params[name] for name in ("project", "service", "port", "network", "nginx_service")}
    try:
        return upstream.preview(**same, name=params["upstreams"])["reload"]
    except Refusal:
        return True
