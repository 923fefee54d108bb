# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module platform_snapshot: all that a run could change, as it is now, so that it can be put back. Reads only."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils import _limits, admin_info
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import RESOURCES
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import CONNECTION
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import DockerException, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather
from ansible_collections.smartsports.scaling.plugins.module_utils._pgbouncer import Console, the_one

SPEC = {
    "argument_spec": {
        **CONNECTION,
        "pgbouncer_service": {"type": "str", "default": "pgbouncer"},
        "pgbouncer_port": {"type": "int", "default": 6432},
        "pgbouncer_admin_user": {"type": "str", "default": "admin"},
        "pgbouncer_admin_password": {"type": "str", "no_log": True},
    },
    "supports_check_mode": True,
}
TIERS = ("api", "app", "pool")
SECONDS = 15.0


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{settings: {resource: settings}, unreadable: {tier: why}}. A tier that cannot be read is no failure: it is not changed, that is all."""
    looks = {
        "api": lambda: admin_info.run({**params, "resources": list(RESOURCES)}, True, say)["settings"],
        "app": lambda: {"app": _app(params)},
        "pool": lambda: {"pool": _pool(params)},
    }
    found = gather({tier: looks[tier] for tier in TIERS}, SECONDS)
    failed = {tier: answer for tier, answer in found.items() if isinstance(answer, Exception)}
    for problem in failed.values():
        if not isinstance(problem, (Refusal, TimeoutError)):
            raise problem
    settings: dict = {}
    for tier in found.keys() - failed.keys():
        settings |= found[tier]
    unreadable = {tier: str(problem).rstrip(".") for tier, problem in failed.items()}
    return {"changed": False, "settings": settings, "unreadable": unreadable}


def _app(params: dict) -> dict:
    """The number of replicas that run, and the limits that all of them have; null for one in which they differ."""
    client = connect()
    present = containers(client, params["project"], params["service"], all_states=True)
    if not present:
        raise Refusal(f"there is no container of {params['project']}/{params['service']} on this host")
    running = [each for each in present if each.runs]
    try:
        # In an outage, those that stopped tell how they were set.
        limits = [_limits.of(client.api.inspect_container(each.id)["HostConfig"]) for each in running or present]
    except (DockerException, OSError) as error:
        raise Refusal(
            f"the Docker engine did not tell the limits of {params['project']}/{params['service']} ({error})"
        ) from error
    return {
        "replicas": len(running),
        **(limits[0] if all(each == limits[0] for each in limits) else {"cpus": None, "memory": None}),
    }


def _pool(params: dict) -> dict:
    if not params["pgbouncer_admin_password"]:
        raise Refusal("smartsports_pgbouncer_admin_password is not set")
    client = connect()
    container = the_one(client, params["project"], params["pgbouncer_service"], "smartsports_pgbouncer_service")
    console = Console(
        client, container, params["pgbouncer_port"], params["pgbouncer_admin_user"], params["pgbouncer_admin_password"]
    )
    return {"default_pool_size": int(console.config()["default_pool_size"])}
