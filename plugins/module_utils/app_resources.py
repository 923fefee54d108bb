# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module app_resources: CPUs and memory of the running replicas, live, and kept for those to come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.smartsports.scaling.plugins.module_utils import _limits, _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import DockerException, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

CHANGES = "app"
SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "project_dir": {"type": "path", "required": True},
        "files": {"type": "list", "elements": "str", "default": ["docker-compose.prod.yml"]},
        "service": {"type": "str", "default": "app"},
        "cpus": {"type": "raw"},
        "memory": {"type": "raw"},
        "lower": {"type": "bool", "default": False},
        "playbooks": {"type": "str", "default": ""},
    },
    "supports_check_mode": True,
}
MARGIN = 1.2  # memory may be lowered to a fifth more than is in use: below it the kernel kills, and use moves
_LEAST = {"cpus": _limits.NANO // 100, "memory": 6 * 2**20}  # Docker's own
_TEXT = {"cpus": _limits.cpus_text, "memory": _limits.size_text}


@dataclass(frozen=True)
class Limits:
    """What one replica may use, as Docker counts it; 0 is no limit."""

    id: str
    name: str
    cpus: int
    memory: int
    swap: int  # memory and swap together; -1 for all there is
    period: int  # of a CPU quota, 0 where CPUs are counted in billionths: Docker refuses to change one by the other

    def with_asked(self, asked: dict[str, int]) -> Limits:
        wanted = replace(self, **asked)
        # Swap keeps its share: Docker refuses memory above memory and swap together.
        return replace(wanted, swap=self.swap * wanted.memory // self.memory) if self.memory and self.swap > 0 else wanted

    def request(self, asked: dict[str, int]) -> dict:
        body = {}
        if "cpus" in asked:
            body |= {"CpuQuota": self.cpus * self.period // _limits.NANO} if self.period else {"NanoCpus": self.cpus}
        if "memory" in asked:
            body |= {"Memory": self.memory, "MemorySwap": self.swap}
        return body

    def kept(self, asked: dict[str, int]) -> dict[str, str]:
        """As the override keeps it; without `memswap` a container gets Docker's default, twice the memory."""
        kept = {name: _TEXT[name](getattr(self, name)) for name in asked}
        if "memory" in asked and self.swap not in (0, 2 * self.memory):
            kept["memswap"] = "-1" if self.swap < 0 else _limits.size_text(self.swap)
        return kept


def run(params: dict, check_mode: bool, say: Say) -> dict:
    given = {"cpus": _limits.nano_cpus(params["cpus"]), "memory": _limits.size(params["memory"])}
    asked = {name: value for name, value in given.items() if value is not None}
    if not asked:
        raise Refusal("neither cpus nor memory was given; say what each replica may use, for example -e cpus=4.0 -e memory=8G.")
    directory = _scale_file.directory_of(params["project_dir"], params["files"])
    client = connect()
    present = _present(client, params)
    replicas = _scale_file.kept(directory)
    _check(client, asked, present, max(len(present), replicas or 0), params["lower"])

    wanted = [each.with_asked(asked) for each in present]
    changes = [(old, new) for old, new in zip(present, wanted, strict=True) if old != new]
    kept = _scale_file.limits(directory)
    others = {name: value for name, value in kept.items() if name not in asked and not ("memory" in asked and name == "memswap")}
    keep = {**others, **wanted[-1].kept(asked)}
    content = _scale_file.text(params["service"], replicas, _scale_file.static_networks(directory), keep)
    listed = _scale_file.listed(directory, params["files"])
    changed = bool(changes) or not listed or content != _scale_file.stored(directory)
    if changed and not check_mode:
        _update(client, changes, asked, lambda: _scale_file.store(directory, params["files"], content))
    return {
        "changed": changed,
        "diff": {"before": _shown(present, asked, kept, listed), "after": _shown(wanted, asked, keep, True)},
        "report": {"lines": _report(asked, present, changes, params["playbooks"], check_mode)},
    }


def _present(client, params: dict) -> list[Limits]:
    found = []
    for container in containers(client, params["project"], params["service"]):
        host = client.api.inspect_container(container.id)["HostConfig"]
        quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or 100_000
        by_quota = not host.get("NanoCpus") and quota > 0
        found.append(
            Limits(
                id=container.id,
                name=container.name,
                cpus=quota * _limits.NANO // period if by_quota else host.get("NanoCpus") or 0,
                memory=host.get("Memory") or 0,
                swap=host.get("MemorySwap") or 0,
                period=period if by_quota else 0,
            )
        )
    if not found:
        raise Refusal(
            f"no container of {params['project']}/{params['service']} runs on this host; start the platform with docker compose up -d, "
            "or correct smartsports_project."
        )
    return found


def _check(client, asked: dict[str, int], present: list[Limits], replicas: int, lower: bool) -> None:
    host = client.api.info()
    for name, value in asked.items():
        text = f"{name}={_TEXT[name](value)}"
        if value < _LEAST[name]:
            raise Refusal(f"{text} is less than the {_TEXT[name](_LEAST[name])} that Docker asks for; choose more.")
        unlimited = next((each for each in present if not getattr(each, name)), None)
        if unlimited:
            raise Refusal(
                f"{text} would be a limit for {unlimited.name}, which has none, and Docker takes a limit away only with a new container; "
                "leave it, or set the limit in the compose file."
            )
    if asked.get("cpus", 0) > host["NCPU"] * _limits.NANO:
        raise Refusal(
            f"cpus={_limits.cpus_text(asked['cpus'])} is more than the {host['NCPU']} CPUs of this host; choose at most {host['NCPU']}."
        )
    for name, value in asked.items():
        highest = max(present, key=lambda each: getattr(each, name))
        if value < getattr(highest, name) and not lower:
            raise Refusal(
                f"{name}={_TEXT[name](value)} is less than the {_TEXT[name](getattr(highest, name))} of {highest.name}, and lowering was not "
                "asked for; choose more, or add -e lower=true."
            )
    memory = asked.get("memory", 0)
    if any(memory > each.memory for each in present):
        fix = f"choose at most {host['MemTotal'] // replicas // 2**20}M, or fewer replicas"
        _limits.refuse_beyond_host(replicas, memory, host["MemTotal"], fix)
    for each in present:
        if memory and memory < each.memory:
            _refuse_below_use(client, each, memory)


def _refuse_below_use(client, replica: Limits, memory: int) -> None:
    stats = client.api.stats(replica.id, stream=False, one_shot=True).get("memory_stats") or {}
    details = stats.get("stats") or {}
    # Without the file cache that the kernel gives up at once; the name differs by cgroup version.
    used = stats.get("usage", 0) - details.get("inactive_file", details.get("total_inactive_file", 0))
    if memory < used * MARGIN:
        raise Refusal(
            f"memory={_limits.size_text(memory)} is less than the {_limits.rounded(used)} that {replica.name} uses and a fifth more; "
            f"choose at least {int(used * MARGIN) // 2**20 + 1}M."
        )


def _update(client, changes: list[tuple[Limits, Limits]], asked: dict[str, int], store) -> None:
    """All replicas, then the file; where one fails, those before it are put back."""
    tried: list[Limits] = []
    failed = ""
    try:
        for old, new in changes:
            tried.append(old)
            failed = f"the limits of {old.name}"
            _send(client, new, asked)
        failed = "the override"
        store()
    except (DockerException, OSError) as error:
        left = [old.name for old in tried if not _put_back(client, old, asked)]
        state = f"{', '.join(left)} could not be put back" if left else f"{len(tried)} replica(s) have their former limits again"
        raise Refusal(f"{failed} could not be changed ({error}); {state}; mend that and run this again.") from error


def _put_back(client, old: Limits, asked: dict[str, int]) -> bool:
    try:
        _send(client, old, asked)
    except (DockerException, OSError) as error:
        response = getattr(error, "response", None)
        return response is not None and response.status_code == 404  # it is gone: nothing to put back
    return True


def _send(client, limits: Limits, asked: dict[str, int]) -> None:
    # The SDK's update_container has no NanoCpus, which is what Compose sets.
    api = client.api
    api._result(api._post_json(api._url("/containers/{0}/update", limits.id), data=limits.request(asked)), True)


def _shown(replicas: list[Limits], asked: dict[str, int], kept: dict[str, str], listed: bool) -> dict:
    return {
        "containers": {each.name: {name: _TEXT[name](getattr(each, name)) for name in asked} for each in replicas},
        "kept for new replicas": kept,
        "listed in COMPOSE_FILE": listed,
    }


def _report(asked: dict[str, int], present: list[Limits], changes: list, playbooks: str, check_mode: bool) -> list:
    before = {name: sorted({getattr(old, name) for old, _new in changes} - {value}) for name, value in asked.items()}
    moved = {name: values for name, values in before.items() if values}
    if not moved:
        wanted = ", ".join(f"{name} {_TEXT[name](value)}" for name, value in asked.items())
        return [[f"app limits: {wanted} on {len(present)} replica(s), as wanted", "dim" if check_mode else "good"]]
    steps = ", ".join(
        f"{name} {' and '.join(map(_TEXT[name], values))} -> {_TEXT[name](asked[name])}" for name, values in moved.items()
    )
    what = f"{steps} on {len(changes)} replica(s)"
    if check_mode:
        lines = [[f"app limits: would go {what}; nothing was changed (check mode)", "dim"]]
    else:
        lines = [[f"app limits: {what}; nothing was restarted", "good"]]
    # Replicas that differed get the highest back: no replica gets less than it had.
    back = {name: values[-1] for name, values in moved.items()}
    lowers = " -e lower=true" if any(value < asked[name] for name, value in back.items()) else ""
    command = (
        f"{playbooks}/resize_app.yml " + " ".join(f"-e {name}={_TEXT[name](value)}" for name, value in back.items()) + lowers
    )
    return [*lines, [f"{'would be undone by' if check_mode else 'undo'}: {command}", "command"]] if playbooks else lines
