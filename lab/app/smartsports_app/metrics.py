"""What Prometheus is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

REGISTRY = CollectorRegistry()
ProcessCollector(namespace="smartsports", registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_HTTP = ("method", "route", "status_code")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _counter(name: str, text: str, labels: tuple = ()) -> Counter:
    return Counter(f"smartsports_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, labels: tuple = ()) -> Gauge:
    return Gauge(f"smartsports_{name}", text, labels, registry=REGISTRY)


REQUEST_SECONDS = Histogram(
    "smartsports_http_request_duration_seconds",
    "From a request's arrival to the end of its answer.",
    _HTTP,
    buckets=(0.1, 0.3, 0.5, 0.7, 1, 2, 3, 5, 7, 10),
    registry=REGISTRY,
)
REQUESTS = _counter("http_requests_total", "Requests answered; 499: the client left before.", _HTTP)
IN_FLIGHT = _gauge("http_requests_in_flight", "Requests being worked on.")
BACKLOG = _gauge("http_requests_waiting", "Requests waiting to be worked on.")
QUERY_SECONDS = Histogram(
    "smartsports_db_query_duration_seconds", "A statement, without the wait for a connection.", registry=REGISTRY
)
DB_ACTIVE = _gauge("db_connections_active", "Database connections in use, all pools of this instance.")
DB_MAX = _gauge("db_connections_max", "Database connections that may be in use, all pools of this instance.")
REDIS_ACTIVE = _gauge("redis_connections_active", "Redis connections in use.")
CACHE_HITS = _counter("redis_cache_hits_total", "Answers taken from the cache.")
CACHE_MISSES = _counter("redis_cache_misses_total", "Answers that had to be built.")
TICKETS = _counter("tickets_sold_total", "Tickets sold.")
PAYMENTS = _counter("payments_processed_total", "Payments by outcome.", ("outcome",))
RESERVATIONS = _gauge("reservations_active", "Seats that this instance is selling at the moment.")
ERRORS = _counter("errors_total", "Errors.", ("type", "severity"))
USERS = _gauge("active_users", "Clients seen by this instance in the last minute.")
HELD_BACK = _counter("held_back_total", "Requests held back on purpose: rate_limited, shed, queued.", ("reason",))
SETTING = _gauge("settings_version", "Version of the settings this instance runs with.", ("resource",))
for _outcome in ("paid", "declined", "failed"):
    PAYMENTS.labels(_outcome)
for _type in ("database", "cache", "payment", "overload", "internal"):
    ERRORS.labels(_type, "critical")  # a counter that starts at its first error has no rate


def observe(method: str, route: str, status: int, seconds: float) -> None:
    labels = (method if method in _METHODS else "OTHER", route, str(status))
    REQUEST_SECONDS.labels(*labels).observe(seconds)
    REQUESTS.labels(*labels).inc()


class Users:
    """Who was here in the last minute; bounded."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        USERS.set_function(self._count)

    def saw(self, client: str) -> None:
        if len(self._seen) >= 50_000:
            self._count()
        if len(self._seen) < 50_000:
            self._seen[client] = time.monotonic()

    def _count(self) -> int:
        horizon = time.monotonic() - 60
        self._seen = {client: at for client, at in self._seen.items() if at > horizon}
        return len(self._seen)


class _Cgroup:
    """The container's own limits and throttling, cgroup v2 or v1."""

    ROOT = Path("/sys/fs/cgroup")

    def collect(self):
        limit, stat = self._cpu()
        if limit:
            yield GaugeMetricFamily("smartsports_container_cpu_limit_cores", "CPU limit of the container.", limit)
        yield CounterMetricFamily("smartsports_container_cpu_periods", "Scheduler periods.", stat.get("nr_periods", 0))
        yield CounterMetricFamily(
            "smartsports_container_cpu_throttled_periods", "Periods in which the limit was reached.", stat.get("nr_throttled", 0)
        )
        memory = self._first("memory.max", "memory/memory.limit_in_bytes")
        if memory.isdigit() and int(memory) < 1 << 60:
            yield GaugeMetricFamily("smartsports_container_memory_limit_bytes", "Memory limit of the container.", int(memory))

    def _cpu(self) -> tuple[float, dict]:
        stat = dict(line.split() for line in self._first("cpu.stat", "cpu/cpu.stat").splitlines())
        stat = {name: int(value) for name, value in stat.items() if value.isdigit()}
        quota = (
            self._first("cpu.max") or f"{self._first('cpu/cpu.cfs_quota_us')} {self._first('cpu/cpu.cfs_period_us')}"
        ).split()
        limited = len(quota) == 2 and quota[0].isdigit()
        return (int(quota[0]) / int(quota[1]) if limited else 0.0), stat

    def _first(self, *names: str) -> str:
        for name in names:
            path = self.ROOT / name
            if path.exists():
                return path.read_text(encoding="ascii").strip()
        return ""


REGISTRY.register(_Cgroup())


def watch(gauge: Gauge, read: Callable[[], float]) -> None:
    """Let a gauge be read when it is asked for."""
    gauge.set_function(read)


def page() -> bytes:
    return generate_latest(REGISTRY)
