# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key metrics just before and just after a step, asked of Prometheus beside it: no step waits for them while it works, or fails for them.

A source is {url, metrics, thresholds}, the last two an inventory's corrections (_thresholds.py); without a url there are no metrics. What the values
mean is told in _journal.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ansible_collections.smartsports.scaling.plugins.module_utils import _evidence, _prometheus
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import Started, gather
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS, merged

NAMES = ("requests", "errors", "p95", "cpu", "waiting")
END_SECONDS = 0.2  # that a step's end waits for an answer
PATIENCE = 2.0  # seconds that the question before it may take while it works
_PARTS = (
    "instances", "cpu", "requests", "responses", "latency", "entry_latency", "pool_used", "pool_waiting", "pool_size",
)  # fmt: skip
_UNSEEN = dict.fromkeys(NAMES)


def source(url: str, metrics: dict, thresholds: dict) -> dict:
    """What a claim carries to its steps; a URL with a password in it is none."""
    return {"url": url if url == _prometheus.named(url) else "", "metrics": metrics, "thresholds": thresholds}


class Around:
    """A step's metrics. Those of before are told as soon as they are known: they outlive a step that is killed."""

    def __init__(self, asked: dict, tell: Callable[[dict], object]) -> None:
        self._source, self._tell, self._ended = asked, tell, False
        at = time.time()
        self._before = Started({"before": lambda: self._first(at)}) if asked["url"] else None

    def end(self) -> dict:
        """{before, after}, null for what was not seen; {} without a Prometheus."""
        if self._before is None:
            return {}
        answers = self._before.collect(0)
        if not isinstance(answers["before"], Exception) or isinstance(answers["before"], TimeoutError):
            at = time.time()
            waits = {
                "before": lambda: self._before.collect(PATIENCE)["before"],
                "after": lambda: look(self._source, at, END_SECONDS),
            }
            answers = gather(waits, END_SECONDS)
        self._ended = True
        return {when: answers[when] if isinstance(answers.get(when), dict) else _UNSEEN for when in ("before", "after")}

    def _first(self, at: float) -> dict:
        found = look(self._source, at, PATIENCE)
        if not self._ended:
            self._tell(found)
        return found


def look(asked: dict, at: float, timeout: float) -> dict:
    """The metrics at a time; null for what was not seen. Whatever it raises, there are none."""
    thresholds = merged(THRESHOLDS, asked["thresholds"], "load_assessment_thresholds")
    metrics = merged(METRICS, asked["metrics"], "load_assessment_metrics")
    return values(_prometheus.glance(asked["url"], metrics, thresholds, _PARTS, at, timeout), thresholds)


def values(seen: Observation, thresholds: dict) -> dict:
    """What was observed, in five figures."""
    slowest = [
        found for found in (_p95(buckets or {}, thresholds, seen) for buckets in (seen.latency, seen.entry_latency)) if found
    ]
    found = {
        "requests": _requests(seen, thresholds),
        "errors": (_evidence.error_rates(seen, thresholds) or [None])[-1],
        "p95": max(slowest, default=None),
        "cpu": _evidence.mean(seen.cpu[-1].values()) if seen.cpu else None,
        "waiting": seen.pool.waiting if seen.pool else None,
    }
    return {name: None if value is None else round(value, 3) for name, value in found.items()}


def _requests(seen: Observation, thresholds: dict) -> float | None:
    """All buyers come through nginx: the busier of the two counters is the whole."""
    ignored = re.compile(thresholds["ignored_routes"])
    counted = [sum(seen.responses[-1].values())] if seen.responses else []
    if seen.requests:
        counted.append(sum(rate for (route, _status), rate in seen.requests[-1].items() if not ignored.fullmatch(route)))
    return max(counted, default=None)


def _p95(buckets: dict[float, float], thresholds: dict, seen: Observation) -> float | None:
    """As Prometheus' histogram_quantile has it; of too few requests there is none."""
    total = max(buckets.values(), default=0.0)
    if total * seen.seconds < thresholds["minimum_requests"] or not total:
        return None
    lower, below, rank = 0.0, 0.0, 0.95 * total
    for bound in sorted(buckets):
        if buckets[bound] >= rank:
            return lower + (bound - lower) * (rank - below) / (buckets[bound] - below) if bound < float("inf") else lower
        lower, below = bound, buckets[bound]
    return lower
