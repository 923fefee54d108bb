"""What happened to every request, written while it happens, and what that amounts to.

A run's directory holds plan.json, samples.jsonl (one line a request), acknowledged.jsonl (one line a purchase that the
site confirmed) and, at the end, result.json and series.json.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.load.plan import TIMEOUT

# ok: what was asked for. declined: the seat is taken, or the payment was declined. limited: 429. queued: 202 and a place in the queue.
# off: the feature was switched off by the operator. failed: 5xx, time-out, reset, broken contract.
OUTCOMES = ("ok", "declined", "limited", "queued", "off", "failed")


@dataclass(frozen=True)
class Sample:
    at: float  # Unix time at which it was meant to be sent
    latency: float  # seconds from then to the last byte of the answer, or to giving up
    kind: str
    outcome: str
    status: int = 0  # 0: no answer
    reason: str = ""  # of a failure
    late: float = 0.0  # how much later than meant it was sent: the generator's own fault


class Recorder:
    """Appends to the run's files; a line that was written survives a kill."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._samples = open(directory / "samples.jsonl", "w", buffering=1)
        self._acknowledged = open(directory / "acknowledged.jsonl", "w", buffering=1)

    def sample(self, sample: Sample) -> None:
        self._samples.write(json.dumps(asdict(sample)) + "\n")

    def acknowledged(self, purchase: dict) -> None:
        self._acknowledged.write(json.dumps(purchase) + "\n")

    def close(self) -> None:
        self._samples.close()
        self._acknowledged.close()


def read_samples(directory: Path) -> list[Sample]:
    return [Sample(**entry) for entry in _lines(directory / "samples.jsonl")]


def read_acknowledged(directory: Path) -> list[dict]:
    return _lines(directory / "acknowledged.jsonl")


def _lines(path: Path) -> list[dict]:
    if not path.exists():
        return []
    whole = path.read_text().split("\n")[:-1]  # what follows the last line end is still being written
    return [json.loads(line) for line in whole]


def summary(samples: list[Sample], seconds: float) -> dict:
    """The figures of one window of `seconds`. Nothing quick may make the site look faster than it is: latency leaves "429" and "you are
    queued" out, and a request that failed counts as one that was never answered, also where the failure came at once."""
    outcomes = Counter(sample.outcome for sample in samples)
    waited = sorted(_waited(sample) for sample in samples if sample.outcome in ("ok", "declined", "failed"))
    purchases = sum(1 for sample in samples if sample.kind == "purchase" and sample.outcome == "ok")
    return {
        "seconds": round(seconds, 1),
        "requests": len(samples),
        **{outcome: outcomes[outcome] for outcome in OUTCOMES},
        "failure_rate": _share(outcomes["failed"], len(samples)),
        "limited_rate": _share(outcomes["limited"], len(samples)),
        "queued_rate": _share(outcomes["queued"], len(samples)),
        "purchases": purchases,
        "purchases_per_second": round(purchases / seconds, 2),
        "p50": percentile(waited, 0.50),
        "p95": percentile(waited, 0.95),
        "p99": percentile(waited, 0.99),
        "failures": dict(Counter(s.reason for s in samples if s.outcome == "failed").most_common()),
        "generator_late_p99": percentile(sorted(sample.late for sample in samples), 0.99),
    }


def _waited(sample: Sample) -> float:
    return max(sample.latency, TIMEOUT) if sample.outcome == "failed" else sample.latency


def window(samples: list[Sample], since: float, until: float) -> dict:
    """The figures of the requests that were meant to be sent in [since, until)."""
    return summary([sample for sample in samples if since <= sample.at < until], until - since)


def series(samples: list[Sample], started: float) -> list[dict]:
    """One row a second of intended arrival."""
    rows: dict[int, list[Sample]] = {}
    for sample in samples:
        rows.setdefault(int(sample.at - started), []).append(sample)
    keys = ("requests", *OUTCOMES, "purchases", "p50", "p95")
    result = []
    for second in sorted(rows):
        figures = summary(rows[second], 1)
        result.append({"second": second, **{key: figures[key] for key in keys}})
    return result


def percentile(ordered: list[float], share: float) -> float | None:
    """The nearest-rank percentile of sorted values; None of nothing."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 4)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
