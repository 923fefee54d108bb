# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module upstream: nginx sends requests to exactly the application's replicas, and to nobody else."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ansible_collections.smartsports.scaling.plugins.module_utils import _upstream
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import HostFile, Nginx
from ansible_collections.smartsports.scaling.plugins.module_utils._upstream import Block, Server

CHANGES = "app"
SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "default": "app"},
        "port": {"type": "int", "default": 3000},
        "nginx_service": {"type": "str", "default": "nginx"},
        "network": {"type": "str", "default": ""},
        "name": {"type": "list", "elements": "str", "default": ["app"]},
        "exclude": {"type": "list", "elements": "str", "default": []},
        "expected": {"type": "int", "default": 0},
        "deadline": {"type": "int", "default": 60},
    },
    "supports_check_mode": True,
}
UNKNOWN = "known after apply"


@dataclass(frozen=True)
class Upstream:
    """One upstream block, where it stands, and what it sends to now and then."""

    name: str
    file: HostFile
    block: Block
    present: list[Server]  # of its servers, those that stand for the application
    wanted: list[Server]

    @property
    def differs(self) -> bool:
        return set(self.wanted) != set(self.present)

    @property
    def added(self) -> set[str]:
        known = {server.address for server in self.present}
        return {server.note for server in self.wanted if server.address not in known}


@dataclass(frozen=True)
class Edit:
    """A file and its text before and after."""

    file: HostFile
    before: str
    after: str


def run(params: dict, check_mode: bool, say: Say) -> dict:
    client = connect()
    nginx = Nginx(client, _the_nginx(client, params))
    configuration, workers = nginx.look()
    found = {name: _find(nginx, configuration, name) for name in _names(params)}
    listed = containers(client, params["project"], params["service"])
    replicas = [replica for replica in listed if replica.state == "running" and replica.addresses]
    network = _common_network(nginx.container, replicas, params, check_mode)
    is_ours = _ours(client, network, replicas, params)
    present = {name: [server for server in block.servers if is_ours(server)] for name, (_file, block) in found.items()}
    hosts = {server.host for servers in present.values() for server in servers}
    members, waiting = _members(replicas, hosts, network, params, check_mode)
    upstreams = [
        Upstream(name, *found[name], servers, _wanted(members, servers, network, params["port"]))
        for name, servers in present.items()
    ]

    rewritten = any(each.differs for each in upstreams)
    behind = any(nginx.is_behind(each.file, workers) for each in upstreams)
    missing = max(0, params["expected"] - len(members)) if check_mode else 0
    changed = bool(rewritten or behind or missing)
    shown = {f"upstream {each.name}": _shown(each.present, network, replicas) for each in upstreams}
    then = {f"upstream {each.name}": [*map(str, each.wanted), *[UNKNOWN] * missing] for each in upstreams}
    added = set().union(*(each.added for each in upstreams))
    result = {
        "changed": changed,
        "reload": changed,
        "files": sorted({str(each.file.path) for each in upstreams}),
        "servers": [server.address for server in upstreams[0].wanted],
        "members": [container.name for container in members],
        "added": [container.name for container in members if container.name in added],
        "waiting": [container.name for container in waiting],
        "diff": {"before": {**shown, "loaded by nginx": not behind}, "after": {**then, "loaded by nginx": True}},
    }
    if check_mode:
        return result

    old = {worker.pid for worker in workers} if rewritten or behind else set()
    edits = _edits(upstreams)
    if edits:
        nginx.test([(edit.file, edit.after) for edit in edits])
    _load(nginx, edits, old)
    nginx.wait_for_old_workers(old, params["deadline"], say)
    return result


def preview(**options) -> dict:
    """What run() would change now; changes nothing. For modules that compare."""
    defaults = {name: option.get("default") for name, option in SPEC["argument_spec"].items()}
    return run({**defaults, **options}, True, silent)


def _names(params: dict) -> list[str]:
    if not params["name"]:
        raise Refusal(
            "no upstream is named, so nginx would be left as it is; set smartsports_nginx_upstreams to those that send to the application."
        )
    return list(dict.fromkeys(params["name"]))


def _edits(upstreams: list[Upstream]) -> list[Edit]:
    """The files that change; one may hold several blocks."""
    edits: dict = {}
    for each in upstreams:
        if each.differs:
            before = edits[each.file.path].before if each.file.path in edits else each.file.read()
            text = edits[each.file.path].after if each.file.path in edits else before
            after = _upstream.render(text, _upstream.find(text, each.name), set(each.present), each.wanted)
            edits[each.file.path] = Edit(each.file, before, after)
    return list(edits.values())


def _load(nginx: Nginx, edits: list[Edit], old: set[int]) -> None:
    """Write all and reload once; where that fails, all are put back."""
    try:
        for edit in edits:
            edit.file.replace(edit.after)
        if old:
            nginx.reload()
            nginx.wait_for_new_workers(old)
    except (Refusal, OSError) as error:
        for edit in edits:  # nginx serves with them still; a file it does not take would wait for its next start
            with contextlib.suppress(OSError):
                edit.file.replace(edit.before)
        if isinstance(error, Refusal):
            raise
        raise Refusal(
            f"{error.filename} cannot be written ({error.strerror}); nginx runs as before; run this with rights to it (become)."
        ) from error


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
            f"write 'upstream {name} {{ server ...; }}' into a mounted file, or set smartsports_nginx_upstreams to the right names."
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


def _common_network(nginx: Container, replicas: list[Container], params: dict, check_mode: bool) -> str:
    to_come = check_mode and params["expected"]  # a preview, where none runs yet
    shared = set(nginx.addresses).intersection(*(replica.addresses for replica in replicas)) if replicas or to_come else set()
    if not shared:
        raise Refusal(
            f"no network is shared by {nginx.name} and all running containers of {params['project']}/{params['service']} ({len(replicas)} run); "
            "start the application, or attach both to one network."
        )
    if params["network"] and params["network"] not in shared:
        raise Refusal(
            f"smartsports_network is '{params['network']}', but {nginx.name} and the application share {', '.join(sorted(shared))}; name one of "
            "these, or leave it empty."
        )
    return params["network"] or min(shared)


def _ours(client, network: str, replicas: list[Container], params: dict) -> Callable[[Server], bool]:
    """Does a server stand for the application? The others (a maintenance page, another host) are not ours to touch."""
    pools = client.api.inspect_network(network)["IPAM"]["Config"] or []
    subnets = [ipaddress.ip_network(pool["Subnet"]) for pool in pools if pool.get("Subnet")]
    name = re.compile(rf"{re.escape(params['project'])}[-_]{re.escape(params['service'])}([-_]\d+)?")
    names = {params["service"], *(replica.name for replica in replicas)}

    @cache
    def aliases() -> set[str]:
        """What else the compose file calls the service; asked for only where a server has a name that we do not know."""
        settings = [client.api.inspect_container(replica.id)["NetworkSettings"]["Networks"] for replica in replicas]
        return {alias for each in settings for alias in each.get(network, {}).get("Aliases") or []}

    def is_ours(server: Server) -> bool:
        if server.port != params["port"]:
            return False
        address = _address(server.host)
        if address:
            return any(address in subnet for subnet in subnets)
        return server.host in names or bool(name.fullmatch(server.host)) or server.host in aliases()

    return is_ours


def _address(host: str):
    """The IP address that a server is given by; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _members(replicas: list[Container], hosts: set[str], network: str, params: dict, check_mode: bool):
    """(who gets requests, who waits to be healthy). A replica that is slow under load stays in: taking it out would drown the next one."""
    by_name = any(not _address(host) for host in hosts)  # nginx found it by the service's name
    members, waiting = [], []
    for replica in replicas:
        serves = bool(hosts & {replica.addresses[network], replica.name}) or (replica.health == "unhealthy" and by_name)
        starts = check_mode and replica.health == "starting"  # healthy by the time of the run
        if replica.name in params["exclude"]:
            continue
        (members if replica.health in ("healthy", "none") or serves or starts else waiting).append(replica)
    if not members and not (check_mode and params["expected"]):
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
