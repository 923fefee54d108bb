# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what was observed to readings that can be judged. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.smartsports.scaling.plugins.module_utils._observation import RATE_WINDOW, STEP, Observation, Point
from ansible_collections.smartsports.scaling.plugins.module_utils._probe import Probes
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import Latency, Reading

GATEWAY = "502|504"  # nginx's own answers: the application did not answer it


@dataclass(frozen=True)
class Limits:
    """What a container may use."""

    cores: float
    memory: float  # bytes


def readings(seen: Observation, limits: dict[str, Limits], disabled: dict[str, str], thresholds: dict) -> list[Reading]:
    """`limits`: by the hosts of the replicas; `disabled`: route pattern -> the feature that we switched off."""
    return [
        _reading(seen, "error_rate", _last(error_rates(seen, thresholds)), "requests", note=_held_back(seen, thresholds)),
        _reading(seen, "cpu", _last(percentages(seen.cpu, limits, "cores", mean)), "cpu"),
        _reading(seen, "memory", _last(percentages(seen.memory, limits, "memory", max)), "memory"),
        *_pool(seen),
        *_app_pool(seen),
        *_redis(seen),
        unavailable(seen, disabled, thresholds),
    ]


def latencies(seen: Observation) -> list[Latency]:
    """As the application sees it, and as nginx does where nginx tells."""
    found = [
        Latency(
            "response_time",
            seen.latency,
            _source(seen, "latency"),
            seen.window,
            seen.missing.get("latency", "") if seen.latency is None else "",
        )
    ]
    if seen.entry_latency:
        found.append(Latency("response_time", seen.entry_latency, f"{_source(seen, 'entry_latency')}, at nginx", seen.window))
    return found


def sustained(name: str, seen: Observation, limits: dict[str, Limits], thresholds: dict) -> tuple[float | None, str]:
    """The smallest value over the trigger's window; None and why where the window is not seen as a whole."""
    seconds = thresholds["triggers"][name]["seconds"]
    if name == "response_time":
        return None, ""  # judged by its own histogram
    if name == "connections":
        pool = seen.pool
        values = [100 * used / pool.size for used in pool.used_series] if pool and pool.size else None
    elif name == "error_rate":
        values = error_rates(seen, thresholds)
    else:
        chosen = (seen.cpu, "cores", mean) if name == "cpu" else (seen.memory, "memory", max)
        values = percentages(chosen[0], limits, chosen[1], chosen[2])
    if not values:
        return None, "no evidence"
    if seen.source != "prometheus":
        return None, f"only {seen.window} of {seconds:g} s seen"
    needed = int(max(0, seconds - RATE_WINDOW) // STEP) + 1
    if len(values) < needed:
        return None, f"only {(len(values) - 1) * STEP + RATE_WINDOW:g} of {seconds:g} s seen"
    return min(values), ""


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def percentages(points: list[Point] | None, limits: dict[str, Limits], kind: str, combine) -> list[float] | None:
    """The use of the containers' limits at each time. A replica that is gone counts with the limit of those that run."""
    if not points or not limits:
        return None
    usual = min(getattr(limit, kind) for limit in limits.values())
    return [
        combine(100 * used / (getattr(limits[host], kind) if host in limits else usual) for host, used in point.items())
        for point in points
        if point
    ]


def error_rates(seen: Observation, thresholds: dict) -> list[float] | None:
    """5xx of the application, plus 502 and 504 of nginx, in percent of what was served to buyers. 429 and queued stand apart.

    What nginx answered for a silent application is counted at nginx only, and all buyers come through nginx: there, the
    busier of the two counters is the whole.
    """
    if seen.requests is None:
        return None
    held_back, ignored = re.compile(thresholds["held_back"]), re.compile(thresholds["ignored_routes"])
    count = max(len(seen.requests), len(seen.responses or []), 1)
    at_app, at_nginx = _aligned(seen.requests, count), _aligned(seen.responses or [], count)
    rates = []
    for app, entry in zip(at_app, at_nginx, strict=True):
        served = [
            (status, rate)
            for (route, status), rate in app.items()
            if not ignored.fullmatch(route) and not held_back.fullmatch(status) and not (entry and re.fullmatch(GATEWAY, status))
        ]
        gateway = sum(rate for status, rate in entry.items() if re.fullmatch(GATEWAY, status))
        answered = sum(rate for status, rate in entry.items() if not held_back.fullmatch(status))
        failed = gateway + sum(rate for status, rate in served if status.startswith("5"))
        total = max(answered, gateway + sum(rate for _status, rate in served))
        enough = total * seen.seconds >= thresholds["minimum_requests"]
        rates.append(min(100.0, 100 * failed / total) if enough else 0.0)
    return rates


def unavailable(seen: Observation, disabled: dict[str, str], thresholds: dict) -> Reading:
    """Routes that mostly fail. One that serves a feature which we switched off is not unavailable: it is shed."""
    if seen.requests is None:
        return Reading("unavailable_features", None, "routes", note=seen.missing.get("requests", "not found"))
    total: dict[str, float] = {}
    failed: dict[str, float] = {}
    for (route, status), rate in (seen.requests[-1] if seen.requests else {}).items():
        total[route] = total.get(route, 0.0) + rate
        failed[route] = failed.get(route, 0.0) + (rate if status.startswith("5") else 0.0)
    broken = [
        route
        for route, rate in sorted(total.items())
        if rate * seen.seconds >= thresholds["minimum_requests"]
        and 100 * failed[route] / rate > thresholds["unavailable_share"]
        and not re.fullmatch(thresholds["ignored_routes"], route)
        and not any(re.fullmatch(pattern, route) for pattern in disabled)
    ]
    off = ", ".join(sorted(set(disabled.values())))
    note = ", ".join(broken) or (f"switched off by us: {off}" if off else "")
    return Reading("unavailable_features", float(len(broken)), "routes", _source(seen, "requests"), seen.window, note)


def probed(probes: Probes, url: str) -> list[Reading]:
    """A probe always counts. One that was given up proves no more than the time it waited."""
    source = "probe"
    if probes.redirected:
        note = f"{url} redirects to {probes.redirected}; correct smartsports_entry_url"
        return [Reading("probe_failures", None, "%", source, "now", note)]
    failures = "; ".join(sorted(set(probes.failures)))
    found = [Reading("probe_failures", probes.failed_percent, "%", source, "now", f"{url} {failures}" if failures else "")]
    if probes.seconds is not None:
        note = f"{probes.given_up} of {probes.count} still waiting" if probes.given_up else ""
        found.append(Reading("probe_time", probes.seconds, "s", source, "now", note))
    return found


def _pool(seen: Observation) -> list[Reading]:
    pool = seen.pool
    if pool is None or pool.size <= 0:
        return [Reading("connections", None, note=seen.missing.get("pool_used") or seen.missing.get("pool_size", "not found"))]
    source, note = _source(seen, "pool"), f"{pool.used:.0f} of {pool.size:.0f}"
    return [
        Reading("connections", 100 * pool.used / pool.size, "%", source, _window(seen, "pool"), note),
        Reading("waiting_clients", pool.waiting, "clients", source, _window(seen, "pool")),
    ]


def _app_pool(seen: Observation) -> list[Reading]:
    if not seen.app_pool:
        return []
    worst = max(seen.app_pool, key=lambda host: seen.app_pool[host])
    return [Reading("app_connections", seen.app_pool[worst], "%", _source(seen, "app_pool"), seen.window, f"at {worst}")]


def _redis(seen: Observation) -> list[Reading]:
    """A full cache that may evict any key is healthy; what counts is that it no longer serves, or refuses writes."""
    redis, source, window = seen.redis, _source(seen, "redis"), _window(seen, "redis")
    if redis is None:
        return [Reading("redis_memory", None, note=seen.missing.get("redis_used", "not found"))]
    full = 100 * redis.used / redis.maximum if redis.maximum else 0.0
    if redis.maximum and not redis.policy:
        memory = Reading("redis_memory", None, "%", source, window, f"{full:.0f}% full, and its eviction policy is not known")
    elif redis.policy.startswith("allkeys"):
        memory = Reading("redis_memory", 0.0, "%", source, window, f"{full:.0f}% full, healthy under {redis.policy}")
    else:
        memory = Reading("redis_memory", full, "%", source, window, redis.policy)
    drop = 0.0
    if redis.evicted > 0 and redis.hit_rate is not None and redis.usual_hit_rate is not None:
        drop = max(0.0, redis.usual_hit_rate - redis.hit_rate)
    return [
        memory,
        Reading("redis_refused", redis.refused * 60, "a minute", source, window),
        Reading("redis_hit_rate_drop", drop, "points", source, window, f"{redis.evicted:.1f} keys evicted a second"),
    ]


def _held_back(seen: Observation, thresholds: dict) -> str:
    """What was refused or queued on purpose, apart from the errors."""
    rate = sum(
        rate for (_route, status), rate in ((seen.requests or [{}])[-1]).items() if re.fullmatch(thresholds["held_back"], status)
    )
    return f"held back on purpose: {rate:.1f} a second" if rate > 0.05 else ""


def _reading(seen: Observation, metric: str, value: float | None, part: str, note: str = "") -> Reading:
    missing = seen.missing.get(part, "the containers' limits are not known" if getattr(seen, part) else "not found")
    return Reading(metric, value, "%", _source(seen, part), seen.window, missing if value is None else note)


def _source(seen: Observation, part: str) -> str:
    return seen.sources.get(part, seen.source)


def _window(seen: Observation, part: str) -> str:
    return "now" if part in seen.sources else seen.window


def _last(values: list[float] | None) -> float | None:
    return values[-1] if values else None


def _aligned(points: list[dict], count: int) -> list[dict]:
    """As many points, the newest last: a counter that appeared later counted nothing before."""
    return [{}] * (count - len(points)) + points
