# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs otherwise than the playbooks left it: somebody typed `docker compose`, and nginx or the override does not know of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _limits, _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import Nginx


@dataclass(frozen=True)
class Drift:
    what: str
    expected: str
    found: str
    heals: str  # the playbook and its arguments


def find(client, params: dict, look: Callable[[], dict] | None = None) -> tuple[list[Drift], list[str]]:
    """Every drift, and a remark for each comparison that could not be made. `look`: what module upstream would change; without it
    nginx is left out."""
    running = containers(client, params["project"], params["service"])
    replicas = running or containers(client, params["project"], params["service"], all_states=True)
    if not replicas:
        return [], []  # taken down, or never started: no playbook brings it back, and it has its own word everywhere
    directory = Path(params["project_dir"]) if params["project_dir"] else None
    kept = _scale_file.kept(directory) if directory else None
    heals = healing(running, directory)
    comparisons = {"the number of replicas": lambda: number(running, kept, heals, _without_override(replicas))}
    if look and running:
        comparisons["nginx's servers"] = lambda: of_nginx(client, params, running, look()["diff"], heals)
    if running and directory and (directory / _scale_file.NAME).is_file():
        comparisons["the limits"] = lambda: limits(_scale_file.limits(directory), _configurations(client, running))
        comparisons[".env"] = lambda: in_env(directory, params["files"], heals)
    drifts, remarks = [], []
    for name, compare in comparisons.items():
        try:
            drifts += compare()
        except (Refusal, DockerException, OSError) as problem:
            remarks.append(f"{name} could not be compared: {str(problem).rstrip('.')}.")
    return drifts, remarks


def startable(client, params: dict) -> int:
    """Where none runs: how many replicas would be started, those that are kept or else those that stopped; 0 where nothing is left of them."""
    stopped = containers(client, params["project"], params["service"], all_states=True)
    kept = _scale_file.kept(Path(params["project_dir"])) if params["project_dir"] else None
    return (kept or len(stopped)) if stopped else 0


def healing(running: list[Container], directory: Path | None) -> str:
    """The number that is wanted: nothing that runs is stopped, and what is kept is started."""
    kept = _scale_file.kept(directory) if directory else None
    return f"scale_app.yml -e replicas={max(len(running), kept or 0)}"


def number(running: list[Container], kept: int | None, heals: str, without: list[str]) -> list[Drift]:
    """`without`: the files that all of them were made from, where the override is not among them."""
    if kept in (None, len(running)):
        return []
    # The first replica is made so, too: it says something only where others are gone.
    why = f", made from {' and '.join(without)} alone, as by docker compose -f" if without and len(running) < kept else ""
    return [
        Drift(
            "replicas",
            f"{kept} kept in {_scale_file.NAME}",
            f"{len(running) or 'none'} running{why}",
            heals,
        )
    ]


def _without_override(replicas: list[Container]) -> list[str]:
    files = {replica.files for replica in replicas}
    return list(next(iter(files))) if len(files) == 1 and not any(_scale_file.NAME in each for each in files) else []


def in_env(directory: Path, files: list[str], heals: str) -> list[Drift]:
    if _scale_file.listed(directory, files):
        return []
    return [
        Drift("COMPOSE_FILE", f"{_scale_file.NAME} listed in .env", "not listed: docker compose up -d would ignore it", heals)
    ]


def limits(kept: dict[str, str], present: dict[str, dict]) -> list[Drift]:
    """`present`: each replica's HostConfig. Healed by the highest: nobody gets less."""
    wanted = {"cpus": _limits.nano_cpus(kept.get("cpus")), "memory": _limits.size(kept.get("memory"))}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    has = {name: {"cpus": _nano_cpus(config), "memory": config.get("Memory") or 0} for name, config in present.items()}
    others = [name for name, value in has.items() if any(value[limit] != wanted[limit] for limit in wanted)]
    if not others:
        return []
    texts = {"cpus": _limits.cpus_text, "memory": _limits.size_text}
    highest = {limit: max(value, *(each[limit] for each in has.values())) for limit, value in wanted.items()}
    arguments = "".join(f" -e {limit}={texts[limit](value)}" for limit, value in highest.items())
    shown = {name: ", ".join(f"{limit} {texts[limit](value[limit])}" for limit in wanted) for name, value in has.items()}
    return [
        Drift(
            "limits",
            ", ".join(f"{limit} {texts[limit](value)}" for limit, value in wanted.items()),
            listed([f"{name} has {shown[name]}" for name in others]),
            f"resize_app.yml{arguments}",
        )
    ]


def routes(diff: dict, heals: str, resolved: Callable[[], bool] = lambda: False) -> list[Drift]:
    """`diff`: of module upstream. `resolved`: whether nginx started after all replicas, so that a name stands for all of them."""
    found = []
    for block in (key for key in diff["after"] if key.startswith("upstream ")):
        before, after = ({line.split()[0]: line for line in diff[when].get(block, [])} for when in ("before", "after"))
        stale = [address for address in before if address not in after]
        missing = [line for address, line in after.items() if address not in before]
        if any(_is_name(address) for address in stale) and resolved():
            continue
        told = [f"{address} is no replica's" for address in stale if not _is_name(address)]
        told += [f"{address} as it was when nginx started" for address in stale if _is_name(address)]
        told += [f"{line} is missing" for line in missing]
        if told:
            found.append(Drift(f"nginx {block}", f"the {len(after)} replicas that run", "; ".join(told), heals))
    if not found and not diff["before"]["loaded by nginx"]:
        found.append(Drift("nginx", "its present file", "runs with an older one", heals))
    return found


def of_nginx(client, params: dict, running: list[Container], diff: dict, heals: str) -> list[Drift]:
    def resolved() -> bool:
        [nginx] = containers(client, params["project"], params["nginx_service"])
        workers = [worker.started for worker in Nginx(client, nginx).workers() if not worker.leaving]
        return bool(workers) and min(workers) >= max(_started(client, replica) for replica in running)

    return routes(diff, heals, resolved)


def listed(others: list[str]) -> str:
    """The first three of them."""
    return "; ".join(others[:3]) + (f"; and {len(others) - 3} more" if others[3:] else "")


def _started(client, replica: Container) -> float:
    return datetime.fromisoformat(client.api.inspect_container(replica.id)["State"]["StartedAt"]).timestamp()


def _configurations(client, running: list[Container]) -> dict[str, dict]:
    return {replica.name: client.api.inspect_container(replica.id)["HostConfig"] for replica in running}


def _nano_cpus(config: dict) -> int:
    quota = max(0, config.get("CpuQuota") or 0)
    return config.get("NanoCpus") or quota * _limits.NANO // (config.get("CpuPeriod") or 100_000)


def _is_name(address: str) -> bool:
    try:
        ipaddress.ip_address(address.rpartition(":")[0].strip("[]"))
    except ValueError:
        return True
    return False
