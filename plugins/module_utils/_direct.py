# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where Prometheus is down: the replicas, the engine, PgBouncer or PostgreSQL, and Redis, asked twice, a moment apart."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from ansible_collections.smartsports.scaling.plugins.module_utils import _exposition
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, ask
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation, Pool, Redis
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather
from ansible_collections.smartsports.scaling.plugins.module_utils._psql import psql
from ansible_collections.smartsports.scaling.plugins.module_utils._web import session

GAP = 0.6  # seconds from the first look to the second
BUDGET = 1.4  # seconds for both
_SHOW = ["-c", "SHOW POOLS", "-c", "SHOW DATABASES"]
POSTGRES = (
    "SELECT (SELECT setting::int FROM pg_settings WHERE name = 'max_connections')"
    " - (SELECT sum(setting::int) FROM pg_settings WHERE name LIKE '%reserved_connections'),"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
)

T = TypeVar("T")


def observe(
    client, replicas: list[Container], services: dict[str, list[Container]], params: dict, metrics: dict, thresholds: dict
) -> Observation:
    """`services`: pgbouncer, postgres and redis, each with its running containers."""
    jobs = {("metrics", each.address): _twice(lambda each=each: scrape(each, params)) for each in replicas}
    jobs |= {("stats", each.address): _twice(lambda each=each: _stats(client, each)) for each in replicas}
    jobs["redis"] = _twice(lambda: _redis_info(client, services, params))
    jobs["pool"] = lambda: pool(client, services, params)
    answers = gather(jobs, BUDGET)

    seen = Observation(source="direct", window=f"{GAP:g} s", seconds=GAP)
    _application(seen, _answered(answers, "metrics"), metrics, thresholds)
    _containers(seen, _answered(answers, "stats"))
    if isinstance(answers["pool"], Pool):
        seen.pool = answers["pool"]
    else:
        seen.missing["pool_used"] = str(answers["pool"])
    if isinstance(answers["redis"], tuple):
        seen.redis = redis(*answers["redis"])
    else:
        seen.missing["redis_used"] = f"Redis did not tell ({answers['redis']})"
    return seen


def _twice(look: Callable[[], T]) -> Callable[[], tuple[T, T]]:
    """The same look, and again a moment later."""

    def job() -> tuple[T, T]:
        began, first = time.monotonic(), look()
        time.sleep(max(0.0, began + GAP - time.monotonic()))
        return first, look()

    return job


def _answered(answers: dict, kind: str) -> dict[str, tuple]:
    """target -> both answers, of the targets that gave them in time."""
    return {key[1]: answer for key, answer in answers.items() if key[0] == kind and isinstance(answer, tuple)}


def scrape(replica: Container, params: dict) -> _exposition.Scrape:
    with session(params["validate_certs"], params["ca_path"], params["server_name"]) as asking:
        url = f"{params['scheme']}://{replica.address_on(params['network'])}:{params['port']}{params['metrics_path']}"
        answer = asking.get(url, timeout=BUDGET, allow_redirects=False)
    answer.raise_for_status()
    return _exposition.parse(answer.text, time.monotonic())


def _stats(client, replica: Container) -> dict:
    return {"at": time.monotonic(), **client.api.stats(replica.id, stream=False, one_shot=True)}


def _ask(client, found: list[Container], command: list[str], environment: dict | None = None) -> str:
    """The output of a command in the first container of a service; passwords go through `environment`."""
    if not found:
        raise RuntimeError("no container of it runs")
    try:
        code, output, complaint = ask(client, found[0], command, environment)
    except Refusal as error:
        raise RuntimeError(f"the engine could not ask {found[0].name}") from error
    if code != 0:
        raise RuntimeError(f"{command[0]} in {found[0].name} ended with {code}: {' '.join((complaint or output).split())[:160]}")
    return output


def _redis_info(client, services: dict[str, list[Container]], params: dict) -> dict:
    command = ["redis-cli", "-p", str(params["redis_port"]), "INFO", "everything"]
    password = params["redis_password"]
    return parse_info(_ask(client, services["redis"], command, {"REDISCLI_AUTH": password} if password else None))


def _pgbouncer(client, services: dict[str, list[Container]], params: dict) -> str:
    """As an administrator where a password is given, else over the socket, where PgBouncer's own system user needs none."""
    password = params["pgbouncer_admin_password"]
    user, host = (params["pgbouncer_admin_user"], "127.0.0.1") if password else ("pgbouncer", params["pgbouncer_socket"])
    command = [
        "psql",
        "-X",
        "-A",
        "-F",
        "|",
        "-h",
        host,
        "-p",
        str(params["pgbouncer_port"]),
        "-U",
        user,
        "-d",
        "pgbouncer",
        *_SHOW,
    ]
    return _ask(client, services["pgbouncer"], command, {"PGPASSWORD": password} if password else None)


def _application(seen: Observation, pairs: dict, metrics: dict, thresholds: dict) -> None:
    seen.instances = set(pairs)
    if not pairs:
        seen.missing["requests"] = seen.missing["latency"] = "no replica answered for its metrics in time"
        return
    ignored, held_back = re.compile(thresholds["ignored_routes"]), re.compile(thresholds["held_back"])

    def buyers(labels: dict) -> bool:
        return not ignored.fullmatch(labels.get("route", "")) and not held_back.fullmatch(labels.get("status_code", ""))

    def rates(metric: str, label: Callable[[dict], object], chosen: Callable[[dict], bool] = lambda labels: True) -> dict:
        total: dict = {}
        for first, second in pairs.values():
            for labels, grown in _exposition.increase(first, second, metric):
                if chosen(labels):
                    key = label(labels)
                    total[key] = total.get(key, 0.0) + grown / max(second.at - first.at, 0.01)
        return total

    known = set.intersection(*(second.families | set(second.samples) for _first, second in pairs.values()))
    if metrics["requests"] in known:
        seen.requests = [rates(metrics["requests"], lambda labels: (labels.get("route", ""), labels.get("status_code", "")))]
    else:
        seen.missing["requests"] = f"the replicas serve no {metrics['requests']}"
    if metrics["latency"] in known or f"{metrics['latency']}_bucket" in known:
        seen.latency = rates(f"{metrics['latency']}_bucket", lambda labels: float(labels["le"]), buyers)
    else:
        seen.missing["latency"] = f"the replicas serve no {metrics['latency']}"
    pools = {
        address: (second.total(metrics["app_pool_used"]), second.total(metrics["app_pool_size"]))
        for address, (_first, second) in pairs.items()
    }
    seen.app_pool = {address: 100 * used / size for address, (used, size) in pools.items() if used is not None and size} or None
    spent, asked = (sum(rates(f"{metrics[name]}_sum", lambda labels: 0).values()) for name in ("latency", "queries"))
    seen.query_share = asked / spent if spent else None


def _containers(seen: Observation, pairs: dict) -> None:
    """CPU and memory of the containers, as the engine counts them for cgroup v1 and v2 alike."""
    if not pairs:
        seen.missing["cpu"] = seen.missing["memory"] = "the engine gave no figures of the replicas in time"
        return
    seen.cpu = [{address: cores(first, second) for address, (first, second) in pairs.items()}]
    seen.memory = [{address: used_memory(second["memory_stats"]) for address, (_first, second) in pairs.items()}]


def cores(first: dict, second: dict) -> float:
    used = second["cpu_stats"]["cpu_usage"]["total_usage"] - first["cpu_stats"]["cpu_usage"]["total_usage"]
    return max(0.0, used / 1e9 / max(second["at"] - first["at"], 0.01))


def used_memory(stats: dict) -> float:
    """Without the page cache that the kernel would give back: total_inactive_file is cgroup v1, inactive_file v2."""
    details = stats.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return float(max(0, stats.get("usage", 0) - cache))


def pool(client, services: dict[str, list[Container]], params: dict) -> Pool:
    """PgBouncer's pools; where its console cannot be asked, PostgreSQL's connections. Raises RuntimeError."""
    try:
        return parse_pools(_pgbouncer(client, services, params))
    except RuntimeError as unasked:
        try:
            size, used = (
                float(part) for part in _ask(client, services["postgres"], psql(params, POSTGRES, "-t")).strip().split(",")
            )
        except (RuntimeError, ValueError) as error:
            raise RuntimeError(f"PgBouncer did not tell ({unasked}), nor PostgreSQL ({error})") from error
        return Pool(size, used, 0.0)


def parse_pools(output: str) -> Pool:
    """The fullest pool of SHOW POOLS, with its size from SHOW DATABASES. An idle pooler has pools of size without users."""
    rows = list(_tables(output.splitlines()))
    sizes = {}
    for row in rows:
        if "pool_size" in row and row["name"] != "pgbouncer":
            most = float(row.get("max_connections") or 0)
            sizes[row["name"]] = min(float(row["pool_size"]), most) if most else float(row["pool_size"])
    if not sizes:
        raise RuntimeError("its console names no database")
    pools = [
        Pool(sizes[row["database"]], float(row["sv_active"]), float(row["cl_waiting"]))
        for row in rows
        if "cl_waiting" in row and row["database"] in sizes
    ]
    return max(pools, key=lambda each: (each.waiting, each.used / max(each.size, 1)), default=Pool(min(sizes.values()), 0.0, 0.0))


def _tables(lines: Iterable[str]):
    """The rows of psql's unaligned tables, each a dictionary."""
    header: list[str] = []
    for line in lines:
        cells = line.split("|")
        if line.startswith("(") or len(cells) < 2:
            header = []
        elif not header:
            header = cells
        else:
            yield dict(zip(header, cells, strict=False))


def parse_info(output: str) -> dict:
    """Redis's INFO."""
    info = dict(line.strip().split(":", 1) for line in output.splitlines() if ":" in line and not line.startswith("#"))
    if "used_memory" not in info:
        raise RuntimeError(f"redis-cli said: {' '.join(output.split())[:120]}")
    return {"at": time.monotonic(), **info}


def redis(first: dict, second: dict) -> Redis:
    """Without a history, what is usual is the hit rate since Redis was started."""
    seconds = max(second["at"] - first["at"], 0.01)

    def grown(name: str) -> float:
        return max(0.0, float(second.get(name, 0)) - float(first.get(name, 0)))

    def refused(info: dict) -> float:
        return float(info.get("errorstat_OOM", "count=0").removeprefix("count="))

    def rate(hits: float, misses: float) -> float | None:
        return 100 * hits / (hits + misses) if hits + misses else None

    return Redis(
        used=float(second["used_memory"]),
        maximum=float(second.get("maxmemory", 0)),
        policy=second.get("maxmemory_policy", ""),
        evicted=grown("evicted_keys") / seconds,
        refused=max(0.0, refused(second) - refused(first)) / seconds,
        hit_rate=rate(grown("keyspace_hits"), grown("keyspace_misses")),
        usual_hit_rate=rate(float(second.get("keyspace_hits", 0)), float(second.get("keyspace_misses", 0))),
    )


def redis_now(client, services: dict[str, list[Container]], params: dict) -> Redis:
    """One look: what Redis counts has no recent past in it. Raises RuntimeError."""
    info = _redis_info(client, services, params)
    return redis(info, info)
