# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module upstream: nginx sends requests to exactly the application's replicas, and to nobody else."""

from __future__ import annotations

import ipaddress
import re

from ansible_collections.smartsports.scaling.plugins.module_utils import _upstream
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import HostFile, Nginx
from ansible_collections.smartsports.scaling.plugins.module_utils._upstream import Block, Server

SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "default": "app"},
        "port": {"type": "int", "default": 3000},
        "nginx_service": {"type": "str", "default": "nginx"},
        "name": {"type": "str", "default": "app"},
        "exclude": {"type": "list", "elements": "str", "default": []},
        "expected": {"type": "int", "default": 0},
        "deadline": {"type": "int", "default": 60},
    },
    "supports_check_mode": True,
}
UNKNOWN = "known after apply"


def run(params: dict, check_mode: bool, say: Say) -> dict:
    client = connect()
    nginx = Nginx(client, _the_nginx(client, params))
    configuration, workers = nginx.look()
    file, block = _find(nginx, configuration, params["name"])
    listed = containers(client, params["project"], params["service"])
    replicas = [replica for replica in listed if replica.state == "running" and replica.addresses]
    network = _common_network(nginx.container, replicas, params)
    present = _ours(client, block, network, replicas, params)
    members, waiting = _members(replicas, present, network, params, check_mode)
    wanted = _wanted(members, present, network, params["port"])

    rewritten = set(wanted) != set(present)
    behind = nginx.is_behind(file, workers)
    missing = max(0, params["expected"] - len(wanted)) if check_mode else 0
    result = {
        "changed": bool(rewritten or behind or missing),
        "reload": bool(rewritten or behind or missing),
        "file": str(file.path),
        "servers": [server.address for server in wanted],
        "members": [container.name for container in members],
        "added": [server.note for server in wanted if server.address not in {old.address for old in present}],
        "waiting": [container.name for container in waiting],
        "diff": {
            "before": {f"upstream {params['name']}": _shown(present, network, replicas), "loaded by nginx": not behind},
            "after": {f"upstream {params['name']}": [*map(str, wanted), *[UNKNOWN] * missing], "loaded by nginx": True},
        },
    }
    if check_mode:
        return result

    old = {worker.pid for worker in workers} if rewritten or behind else set()
    before = file.read()
    if rewritten:
        after = _upstream.render(before, block, set(present), wanted)
        nginx.test(file, after)
        file.replace(after)
    if old:
        _reload(nginx, old, file, before)
    nginx.wait_for_old_workers(old, params["deadline"], say)
    return result


def preview(**options) -> dict:
    """What run() would change now; changes nothing. For modules that compare."""
    defaults = {name: option.get("default") for name, option in SPEC["argument_spec"].items()}
    return run({**defaults, **options}, True, silent)


def _reload(nginx: Nginx, old: set[int], file: HostFile, before: str) -> None:
    try:
        nginx.reload()
        nginx.wait_for_new_workers(old)
    except Refusal:
        file.replace(before)  # nginx serves with it still; a file it does not take would wait for its next start
        raise


def _the_nginx(client, params: dict) -> Container:
    found = containers(client, params["project"], params["nginx_service"])
    if len(found) != 1:
        raise Refusal(
            f"{len(found)} containers of {params['project']}/{params['nginx_service']} run on this host, and exactly 1 is needed; "
            "start it, or correct smartsports_project and smartsports_nginx_service."
        )
    return found[0]


def _find(nginx: Nginx, configuration: dict[str, str], name: str) -> tuple[HostFile, Block]:
    """The one file that defines the upstream, of those that nginx loads, and the block in it."""
    defining = {path: text for path, text in configuration.items() if _upstream.find(text, name)}
    if len(defining) != 1:
        raise Refusal(
            f"{len(defining)} files of the nginx configuration in {nginx.name} define 'upstream {name}', and exactly 1 is needed; "
            f"write 'upstream {name} {{ server ...; }}' into a mounted file, or set load_balancer_upstream to the right name."
        )
    [(path, loaded)] = defining.items()
    file = nginx.host_file(path)
    text = file.read()
    if text.strip() != loaded.strip():
        raise Refusal(
            f"{nginx.name} sees another {path} than the host's {file.path}: the file was replaced while mounted as a single file; "
            "recreate the container at a calm hour, or mount its directory."
        )
    return file, _upstream.find(text, name)


def _common_network(nginx: Container, replicas: list[Container], params: dict) -> str:
    shared = set(nginx.addresses).intersection(*(replica.addresses for replica in replicas)) if replicas else set()
    if not shared:
        raise Refusal(
            f"no network is shared by {nginx.name} and all running containers of {params['project']}/{params['service']} ({len(replicas)} run); "
            "start the application, or attach both to one network."
        )
    return min(shared)


def _ours(client, block: Block, network: str, replicas: list[Container], params: dict) -> list[Server]:
    """The block's servers that stand for the application; the others (a maintenance page, another host) are not ours to touch."""
    pools = client.api.inspect_network(network)["IPAM"]["Config"] or []
    subnets = [ipaddress.ip_network(pool["Subnet"]) for pool in pools if pool.get("Subnet")]
    name = re.compile(rf"{re.escape(params['project'])}[-_]{re.escape(params['service'])}([-_]\d+)?")
    names = {params["service"], *(replica.name for replica in replicas)}

    def is_ours(server: Server) -> bool:
        if server.port != params["port"]:
            return False
        try:
            return any(ipaddress.ip_address(server.host) in subnet for subnet in subnets)
        except ValueError:
            return server.host in names or bool(name.fullmatch(server.host))

    return [server for server in block.servers if is_ours(server)]


def _members(replicas: list[Container], present: list[Server], network: str, params: dict, check_mode: bool):
    """(who gets requests, who waits to be healthy). A replica that is slow under load stays in: taking it out would drown the next one."""
    hosts = {server.host for server in present}
    members, waiting = [], []
    for replica in replicas:
        serves = bool(hosts & {replica.addresses[network], replica.name}) or (
            replica.health == "unhealthy" and params["service"] in hosts
        )
        starts = check_mode and replica.health == "starting"  # healthy by the time of the run
        if replica.name in params["exclude"]:
            continue
        (members if replica.health in ("healthy", "none") or serves or starts else waiting).append(replica)
    if not members:
        raise Refusal(
            f"nginx would be left without any server: of {len(replicas)} running replica(s) of {params['project']}/{params['service']} none is "
            "healthy and stays; look at docker logs of the application."
        )
    return members, waiting


def _wanted(members: list[Container], present: list[Server], network: str, port: int) -> list[Server]:
    own = {server.address: server.options for server in present}
    common = next(
        (server.inherited() for server in present if "backup" not in server.options and "down" not in server.options), ()
    )
    addresses = [(f"{member.addresses[network]}:{port}", member.name) for member in members]
    return [Server(address, own.get(address, common), name) for address, name in addresses]


def _shown(present: list[Server], network: str, replicas: list[Container]) -> list[str]:
    names = {replica.addresses[network]: replica.name for replica in replicas}
    return [str(Server(server.address, server.options, names.get(server.host, ""))) for server in present]
