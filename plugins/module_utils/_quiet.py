# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Was the load low, all the time, and is it still? Judged from what Prometheus saw; what it did not see is no evidence of calm."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from itertools import zip_longest

from ansible_collections.smartsports.scaling.plugins.module_utils import _evidence
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import RATE_WINDOW, STEP, Observation
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import Reason, judge, judge_latency, share_above
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import LEVELS


@dataclass(frozen=True)
class Condition:
    """The worst value over the time that has to be quiet. None: not known, and `note` says why. `left`: seconds until it can be met."""

    name: str
    value: float | None
    limit: float
    left: float = 0.0
    note: str = ""

    @property
    def high(self) -> bool:
        return self.value is not None and self.value > self.limit


def spanning(thresholds: dict, seconds: float) -> dict:
    """The thresholds with every trigger's window as long as it has to be quiet."""
    found = deepcopy(thresholds)
    for trigger in found["triggers"].values():
        trigger["seconds"] = seconds
    return found


def conditions(
    seen: Observation, limits: dict[str, _evidence.Limits], thresholds: dict, seconds: float, replicas: int
) -> list[Condition]:
    """Below every trigger of the runbook for `seconds`; with `replicas`, also the CPU that so few would have used. 0: as many as now."""
    triggers = {name: trigger["limit"] for name, trigger in thresholds["triggers"].items()}
    pool = seen.pool
    used = [100 * value / pool.size for value in pool.used_series] if pool and pool.size else None
    cpu = _evidence.percentages(seen.cpu, limits, "cores", _evidence.mean)
    memory = _evidence.percentages(seen.memory, limits, "memory", max)
    slow = [[_slow(point, triggers["response_time"], thresholds, seen) for point in points] for points in seen.latencies]
    slow = [max(shares) for shares in zip_longest(*map(reversed, slow), fillvalue=0.0)][::-1] or [0.0]
    errors = _evidence.error_rates(seen, thresholds)
    never_used = used == [0.0]  # the pooler has no pool before its first client
    return [
        _worst("cpu", cpu, triggers["cpu"], seconds, _why(seen, "cpu")),
        *(
            [_worst("projected cpu", projected(seen, limits, replicas), triggers["cpu"], seconds, _why(seen, "cpu"))]
            if replicas
            else []
        ),
        _worst("memory", memory, triggers["memory"], seconds, _why(seen, "memory")),
        # Counters that counted nothing yet have no series: whether all the time is seen is told by the others.
        _worst("slow", None if seen.latency is None else slow, thresholds["share"], seconds, _why(seen, "latency"), False),
        _worst("errors", errors, triggers["error_rate"], seconds, _why(seen, "requests"), False),
        _worst("connections", used, triggers["connections"], seconds, _why(seen, "pool_used"), not never_used),
    ]


def projected(seen: Observation, limits: dict[str, _evidence.Limits], replicas: int) -> list[float] | None:
    """The CPU at each time, had `replicas` done it all: percent of their limit."""
    if not seen.cpu or not limits:
        return None
    cores = replicas * min(limit.cores for limit in limits.values())
    return [100 * sum(point.values()) / cores for point in seen.cpu if point]


def reasons(seen: Observation, limits: dict, disabled: dict, thresholds: dict, running: int, found: int) -> list[Reason]:
    """What the last minute means, as an assessment judges it. `found`: of the `running` replicas, how many Prometheus sees."""
    by, minimum = thresholds["severity"], thresholds["minimum_requests"] / max(seen.seconds, 0.1)
    judged = [judge_latency(each, by["response_time"], thresholds["share"], minimum) for each in _evidence.latencies(seen)]
    judged += [judge(reading, by[reading.metric]) for reading in _evidence.readings(seen, limits, disabled, thresholds)]
    if found < running:
        note = f"{found} of {running} seen"
        judged.append(Reason("replicas", None, "", None, "unknown", seen.source, seen.window, note))
    return judged


def verdict(met: list[Condition], judged: list[Reason], left: float, watch: bool, overridden: bool) -> tuple[str, str, float]:
    """(pass, hold or worse; why; seconds that it takes yet at least). `left`: of the time between steps; `watch`: a step was just taken."""
    bad = [f"{each.metric} is {each.severity} ({_value(each.value)} {each.unit})" for each in judged if each.severity in LEVELS]
    if bad:
        return ("worse" if watch else "hold"), ", ".join(bad), 0.0
    high = [each for each in met if each.high]
    if high:
        return (
            "hold",
            ", ".join(f"{each.name} was {each.value:.0f}%, above {each.limit:g}%" for each in high),
            max(each.left for each in high),
        )
    lack = missing(met, judged)
    if lack and not overridden:
        return "hold", f"missing: {', '.join(lack)}", max((each.left for each in met), default=0.0)
    if left > 0:
        return "hold", "time since the last change", left
    return "pass", f"went on without {', '.join(lack)}" if lack else "low load", 0.0


def missing(met: list[Condition], judged: list[Reason]) -> list[str]:
    """What there is no evidence of, with why; told once where it is the same."""
    notes = {each.name: each.note for each in met if each.value is None}
    names = {"slow": "response_time", "errors": "error_rate", "projected cpu": "cpu"}
    known = {names.get(name, name) for name in notes}
    notes |= {each.metric: each.note for each in judged if each.severity == "unknown" and each.metric not in known}
    notes.pop("projected cpu", None)  # the same as of cpu
    names_by_note: dict[str, list[str]] = {}
    for name, note in notes.items():
        names_by_note.setdefault(note, []).append(name)
    return [f"{', '.join(names)} ({note})" if note else ", ".join(names) for note, names in names_by_note.items()]


def _worst(name: str, values: list[float] | None, limit: float, seconds: float, why: str, whole: bool = True) -> Condition:
    """`whole`: whether all of the time has to be seen."""
    if not values:
        return Condition(name, None, limit, 0.0, why)
    since = next((index * STEP for index, value in enumerate(reversed(values)) if value > limit), None)
    if since is not None:
        return Condition(name, max(values), limit, max(0.0, seconds - since))
    covered = (len(values) - 1) * STEP + RATE_WINDOW
    if whole and covered + STEP <= seconds:
        return Condition(name, None, limit, seconds - covered, f"only {covered:g} of {seconds:g} s seen")
    return Condition(name, max(values), limit)


def _slow(buckets: dict[float, float], limit: float, thresholds: dict, seen: Observation) -> float:
    """The percentage of requests that may have taken longer than the limit; too few requests have none."""
    if max(buckets.values(), default=0.0) < thresholds["minimum_requests"] / max(seen.seconds, 0.1):
        return 0.0
    return share_above(buckets, limit)[1]


def _why(seen: Observation, part: str) -> str:
    return seen.missing.get(part, "not found")


def _value(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)
