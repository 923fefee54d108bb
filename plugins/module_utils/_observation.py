# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a source of metrics saw, in one form whichever source it was. None: not seen, and `missing` says why."""

from __future__ import annotations

from dataclasses import dataclass, field

RATE_WINDOW = 60  # seconds: severity uses the last minute
STEP = 15  # seconds between the points of a trigger's window

Point = dict  # what was seen at one time: instance -> value, or (route, status) -> requests a second


@dataclass
class Pool:
    """The database connections that the pooler hands out."""

    size: float
    used: float
    waiting: float
    used_series: list[float] = field(default_factory=list)


@dataclass
class Redis:
    used: float
    maximum: float  # 0: no limit
    policy: str  # '' where it is not known
    evicted: float  # keys a second
    refused: float  # writes a second
    hit_rate: float | None  # percent, recently; None without reads
    usual_hit_rate: float | None  # percent, before


@dataclass
class Observation:
    """Series are lists of points, oldest first; the last point is the last minute (or less: `window`)."""

    source: str
    window: str
    seconds: float  # how long the last point looks back
    instances: set[str] = field(default_factory=set)  # hosts of the replicas with fresh samples
    cpu: list[Point] | None = None  # cores
    memory: list[Point] | None = None  # bytes
    requests: list[Point] | None = None  # (route, status) -> a second; [] is a counter that counted nothing yet
    responses: list[Point] | None = None  # nginx: status -> a second
    latency: dict[float, float] | None = None  # upper bound -> buyers' requests a second up to it; {} without requests
    entry_latency: dict[float, float] | None = None
    latencies: list[list[dict[float, float]]] = field(default_factory=list)  # each of them, at every time of the trigger's window
    app_pool: Point | None = None  # percent of each replica's own pool of database connections; None where it tells no size
    pool: Pool | None = None
    redis: Redis | None = None
    query_share: float | None = None  # of the time of requests that is spent in database queries
    sources: dict[str, str] = field(default_factory=dict)  # where a part comes from elsewhere than `source`
    missing: dict[str, str] = field(default_factory=dict)
