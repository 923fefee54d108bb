# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The decision: readings and limits in, severities and triggers out. Pure; worse evidence never gives a milder answer."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import LEVELS

TIERS = {  # metric -> the tier that it accuses
    "cpu": "app",
    "memory": "app",
    "connections": "database",
    "waiting_clients": "database",
    "redis_memory": "cache",
    "redis_refused": "cache",
    "redis_hit_rate_drop": "cache",
}


@dataclass(frozen=True)
class Reading:
    """One piece of evidence. No value: none was found, and `note` says why."""

    metric: str
    value: float | None
    unit: str = "%"
    source: str = ""
    window: str = ""
    note: str = ""


@dataclass(frozen=True)
class Latency:
    """A histogram: upper bound in seconds -> requests a second up to it. None: not found; {}: no requests."""

    metric: str
    buckets: dict[float, float] | None
    source: str = ""
    window: str = ""
    note: str = ""


@dataclass(frozen=True)
class Reason:
    """What one piece of evidence means."""

    metric: str
    value: float | str | None
    unit: str
    threshold: float | None  # the limit that was passed, or the mildest that was not
    severity: str  # P0, P1, P2, normal, unknown
    source: str
    window: str
    note: str = ""


def judge(reading: Reading, limits: dict[str, float]) -> Reason:
    """The worst level whose limit the value is above."""
    level, threshold = "unknown", min(limits.values())
    if reading.value is not None:
        level = next((level for level in LEVELS if level in limits and reading.value > limits[level]), "normal")
        threshold = limits.get(level, threshold)
    return Reason(reading.metric, reading.value, reading.unit, threshold, level, reading.source, reading.window, reading.note)


def judge_latency(latency: Latency, limits: dict[str, float], share: float, minimum: float) -> Reason:
    """By the share of requests above each limit: an interpolated quantile lies at the edges of the buckets.

    Where a limit is no bucket's bound, the share lies between those of its neighbours. A level that only the upper one
    reaches is not known.
    """

    def reason(value, threshold, level: str, note: str = "") -> Reason:
        return Reason(
            latency.metric, value, "of requests", threshold, level, latency.source, latency.window, note or latency.note
        )

    mildest = min(limits.values())
    if latency.buckets is None:
        return reason(None, mildest, "unknown")
    total = max(latency.buckets.values(), default=0.0)
    if total < minimum:
        return reason("no traffic" if total == 0 else "too few requests", mildest, "normal")
    possible = ""
    for level in LEVELS:
        if level not in limits:
            continue
        least, most = share_above(latency.buckets, limits[level])
        if least > share:
            return reason(
                f"{_range(least, most)} over {limits[level]:g} s", limits[level], level, possible and f"perhaps {possible}"
            )
        if most > share and not possible:
            possible = level
    least, most = share_above(latency.buckets, mildest)
    text = f"{_range(least, most)} over {mildest:g} s"
    if possible:
        return reason(text, mildest, "unknown", f"no bucket ends at {limits[possible]:g} s")
    return reason(text, mildest, "normal")


def share_above(buckets: dict[float, float], limit: float) -> tuple[float, float]:
    """The percentage of requests above the limit: at least, at most. Equal where the limit is a bucket's bound."""
    total = max(buckets.values())
    above = [count for bound, count in buckets.items() if bound >= limit]
    below = [count for bound, count in buckets.items() if bound <= limit]

    def percent(up_to: float) -> float:
        return 100 * (total - up_to) / total

    return percent(min(above, default=total)), percent(max(below, default=0.0))


def triggered(name: str, limit: float, seconds: float, smallest: float | None, note: str) -> dict:
    """A trigger fires where the smallest value over its window is above the limit; without the whole window it is not known."""
    return {
        "trigger": name,
        "limit": limit,
        "seconds": seconds,
        "sustained": smallest,
        "fired": None if smallest is None else smallest > limit,
        "note": note if smallest is None else "",
    }


def overall(reasons: list[Reason]) -> str:
    """The worst that is known; unknown only where nothing bad is known and something is missing."""
    found = {reason.severity for reason in reasons}
    return next((level for level in (*LEVELS, "unknown") if level in found), "normal")


def bottleneck(reasons: list[Reason], query_share: float | None) -> str:
    """The tier that limits the platform: what is exhausted behind the application, then the application, then its entry."""
    bad = {reason.metric: LEVELS.index(reason.severity) for reason in reasons if reason.severity in LEVELS}
    if not bad:
        return "none"
    accused = sorted((rank, ("database", "cache", "app").index(TIERS[metric])) for metric, rank in bad.items() if metric in TIERS)
    if accused:
        return ("database", "cache", "app")[accused[0][1]]
    if bad.keys() & {"response_time", "app_connections"} and query_share is not None and query_share > 0.5:
        return "database"  # slow, with replicas that are idle: they wait for the database
    inside = bad.keys() & {"response_time", "error_rate", "unavailable_features", "app_connections", "replicas"}
    return "app" if inside else "entry"


def _range(least: float, most: float) -> str:
    return f"{most:.1f}%" if most - least < 0.05 else f"{least:.1f}-{most:.1f}%"
