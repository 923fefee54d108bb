# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus saw: all queries side by side, each with a time-out, none with an answer older than it may be."""

from __future__ import annotations

import json
import math
import time
from urllib.parse import urlsplit

from ansible_collections.smartsports.scaling.plugins.module_utils._observation import RATE_WINDOW, STEP, Observation, Pool, Redis
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather

try:
    import requests
    from requests.adapters import HTTPAdapter
except ImportError:  # docker needs it too: connect() says so
    requests = HTTPAdapter = None


class Unavailable(Exception):
    """Prometheus gives no answers; the message is a clause that says why."""


def observe(url: str, metrics: dict, thresholds: dict, timeout: float, get=None) -> Observation:
    """Everything there is to know; what a query could not tell is None with a reason in `missing`. Raises Unavailable."""
    get = get or _Client(url, timeout).get
    now = time.time()  # one time for all queries, so that they agree
    wanted = queries(metrics, thresholds)
    answers = gather({name: lambda name=name: get(*_request(wanted[name], now)) for name in wanted}, timeout)
    failures = [answer for answer in answers.values() if isinstance(answer, Exception)]
    if len(failures) == len(answers):
        raise next((failure for failure in failures if isinstance(failure, Unavailable)), Unavailable("does not answer in time"))
    return _observation(answers, metrics, thresholds)


def glance(url: str, metrics: dict, thresholds: dict, parts: tuple, at: float, timeout: float, get=None) -> Observation:
    """What some of the queries tell of the minute before `at`, in one question: a step has no time for more. Raises Unavailable."""
    get = get or _Client(url, timeout).get
    wanted = queries(metrics, thresholds)
    marked = [f'label_replace({wanted[name][0]}, "part", "{name}", "", "")' for name in parts]
    found = get("query", {"query": " or ".join(marked), "time": f"{at:.3f}"})["result"]
    answers = {name: {"result": [entry for entry in found if entry["metric"].get("part") == name]} for name in parts}
    return _observation(dict.fromkeys(wanted, Unavailable("was not asked")) | answers, metrics, thresholds)


def known(url: str, timeout: float, get=None) -> set[str]:
    """The names of all metrics that it has samples or metadata of. Raises Unavailable."""
    get = get or _Client(url, timeout).get
    return {*get("label/__name__/values", {}), *get("metadata", {})}


def queries(metrics: dict, thresholds: dict) -> dict[str, tuple[str, float]]:
    """name -> (PromQL, seconds of history). `present_over_time` drops what has no sample as young as it must be."""
    m, age = metrics, f"{thresholds['max_age']:g}s"
    buyers = f"route!~{json.dumps(thresholds['ignored_routes'])},status_code!~{json.dumps(thresholds['held_back'])}"
    windows = {name: max(0, trigger["seconds"] - RATE_WINDOW) for name, trigger in thresholds["triggers"].items()}

    def rate(metric: str) -> str:
        return f"rate({metric}[{RATE_WINDOW}s]) and present_over_time({metric}[{age}])"

    def mean(metric: str) -> str:
        return f"avg_over_time({metric}[{RATE_WINDOW}s]) and present_over_time({metric}[{age}])"

    def hit_rate(window: str) -> str:
        hits, misses = f"sum(rate({m['redis_hits']}{window}))", f"sum(rate({m['redis_misses']}{window}))"
        return f"100 * {hits} / ({hits} + {misses})"

    return {
        "instances": (f"present_over_time({m['cpu']}[{age}])", 0),
        "cpu": (rate(m["cpu"]), windows["cpu"]),
        "memory": (mean(m["memory"]), windows["memory"]),
        "requests": (f"sum by (route, status_code) (rate({m['requests']}[{RATE_WINDOW}s]))", windows["error_rate"]),
        "latency": (f"sum by (le) (rate({m['latency']}_bucket{{{buyers}}}[{RATE_WINDOW}s]))", windows["response_time"]),
        "responses": (f"sum by (status) ({rate(m['entry_responses'])})", windows["error_rate"]),
        "entry_latency": (f"sum by (le) (rate({m['entry_latency']}_bucket[{RATE_WINDOW}s]))", windows["response_time"]),
        "app_pool": (f"100 * avg_over_time({m['app_pool_used']}[{RATE_WINDOW}s]) / ({m['app_pool_size']} > 0)", 0),
        "pool_used": (mean(m["pool_used"]), windows["connections"]),
        "pool_waiting": (mean(m["pool_waiting"]), 0),
        "pool_size": (mean(m["pool_size"]), 0),
        "redis_used": (mean(m["redis_used"]), 0),
        "redis_maximum": (mean(m["redis_maximum"]), 0),
        "redis_info": (f"present_over_time({m['redis_info']}[{age}])", 0),
        "redis_evicted": (rate(m["redis_evicted"]), 0),
        "redis_refused": (f'sum(rate({m["redis_errors"]}{{err="OOM"}}[{RATE_WINDOW}s]))', 0),
        "redis_hit_rate": (hit_rate(f"[{RATE_WINDOW}s]"), 0),
        "redis_usual_hit_rate": (hit_rate("[10m] offset 5m"), 0),
        "query_share": (f"sum(rate({m['queries']}_sum[{RATE_WINDOW}s])) / sum(rate({m['latency']}_sum[{RATE_WINDOW}s]))", 0),
        # A counter with labels has no series before its first event; its family is known all the same.
        "family:requests": (m["requests"], -1),
        "family:latency": (m["latency"], -1),
    }


def _request(query: tuple[str, float], now: float) -> tuple[str, dict]:
    expression, history = query
    if history < 0:
        return "metadata", {"metric": expression}
    if history == 0:
        return "query", {"query": expression, "time": f"{now:.3f}"}
    return "query_range", {"query": expression, "start": f"{now - history // STEP * STEP:.3f}", "end": f"{now:.3f}", "step": STEP}


class _Client:
    def __init__(self, url: str, timeout: float) -> None:
        self._base = url.rstrip("/") + "/api/v1/"
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and the platform
        self._session.mount(self._base, HTTPAdapter(pool_maxsize=32))

    def get(self, path: str, parameters: dict):
        """The `data` of an answer. Raises Unavailable."""
        try:
            answer = self._session.get(self._base + path, params=parameters, timeout=self._timeout, allow_redirects=False)
        except requests.exceptions.Timeout as error:
            raise Unavailable(f"does not answer within {self._timeout:g} s") from error
        except requests.exceptions.ConnectionError as error:
            raise Unavailable("refuses connections, or its name is unknown") from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise Unavailable("has a URL that cannot be used; correct smartsports_prometheus_url") from error
        if answer.status_code in (401, 403):
            raise Unavailable(f"refuses us ({answer.status_code}); put user:password@ into smartsports_prometheus_url")
        try:
            content = answer.json()
            if content["status"] == "success":
                return content["data"]
            said = f": {content['error']}"
        except (ValueError, KeyError, TypeError):
            said = ", and not as Prometheus does; correct smartsports_prometheus_url"
        raise Unavailable(f"answered {answer.status_code}{said}")


def named(url: str) -> str:
    """A URL as it may be shown: without the password in it."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return "the URL given"


def _observation(answers: dict, metrics: dict, thresholds: dict) -> Observation:
    seen = Observation(source="prometheus", window="1 min", seconds=RATE_WINDOW)
    for name, answer in answers.items():
        if isinstance(answer, Exception):
            seen.missing[name] = f"Prometheus {answer if isinstance(answer, Unavailable) else 'does not answer in time'}"

    def series(name: str, *labels: str) -> list[dict] | None:
        answer = answers[name]
        if isinstance(answer, Exception):
            return None
        try:
            points = _points(answer, labels)
        except (KeyError, TypeError, ValueError):
            seen.missing[name] = "Prometheus gave an answer that cannot be read"
            return None
        if not points:
            seen.missing[name] = f"Prometheus has no sample of it in the last {thresholds['max_age']:g} s"
        return points or None

    def last(name: str, *labels: str) -> dict:
        return (series(name, *labels) or [{}])[-1]

    def counted(name: str, *labels: str) -> list[dict] | None:
        """Like series; [] where the family is known and nothing was counted yet."""
        points = series(name, *labels)
        family = answers[f"family:{name}"]
        known = not isinstance(family, Exception) and bool(family)
        return [] if points is None and known and not isinstance(answers[name], Exception) else points

    seen.instances = {host(key[0]) for key in last("instances", "instance")}
    seen.cpu = _by_host(series("cpu", "instance"))
    seen.memory = _by_host(series("memory", "instance"))
    seen.requests = counted("requests", "route", "status_code")
    seen.responses = _first_label(series("responses", "status"))
    latency, entry_latency = counted("latency", "le"), series("entry_latency", "le")
    seen.latency, seen.entry_latency = _buckets(latency), _buckets(entry_latency)
    seen.latencies = [[_buckets([point]) for point in points] for points in (latency, entry_latency) if points]
    seen.app_pool = (_by_host(series("app_pool", "instance")) or [None])[-1]
    sizes = last("pool_size", "name") if any(key[0] for key in last("pool_size", "name")) else last("pool_size", "database")
    seen.pool = _pool(sizes, series("pool_used", "database", "user"), last("pool_waiting", "database", "user"))
    seen.redis = _redis(last, answers)
    seen.query_share = next(iter(last("query_share").values()), None)
    # Rates over the last minute outlive the exporter they came from.
    if not seen.instances:
        seen.requests = seen.latency = None
        seen.missing["requests"] = seen.missing["latency"] = seen.missing.get("instances", "no replica is seen")
    if seen.responses is None:
        seen.entry_latency = None
    return seen


def _points(data: dict, labels: tuple[str, ...]) -> list[dict]:
    """A vector or matrix as points in time, oldest first: label values -> value. NaN (0/0: no traffic) is no value."""
    times: dict[float, dict] = {}
    for entry in data["result"]:
        key = tuple(entry["metric"].get(label, "") for label in labels)
        for at, text in entry["values"] if "values" in entry else [entry["value"]]:
            value = float(text)
            if not math.isfinite(value):
                continue
            point = times.setdefault(float(at), {})
            point[key] = point.get(key, 0.0) + value
    return [times[at] for at in sorted(times)]


def host(instance: str) -> str:
    """The host of an instance label, "10.0.0.1:3000" or "[::1]:3000"."""
    return instance.rpartition(":")[0].strip("[]") or instance


def _by_host(points: list[dict] | None) -> list[dict] | None:
    return points and [{host(key[0]): value for key, value in point.items()} for point in points]


def _first_label(points: list[dict] | None) -> list[dict] | None:
    return points and [{key[0]: value for key, value in point.items()} for point in points]


def _buckets(points: list[dict] | None) -> dict[float, float] | None:
    return points if points is None else {float(key[0]): value for key, value in (points or [{}])[-1].items()}


def _pool(sizes: dict, used: list[dict] | None, waiting: dict) -> Pool | None:
    """The fullest pool of the pooler; its console, which is a database too, has no pool that could fill. Idle: no pool yet."""
    sizes = {key[0]: size for key, size in sizes.items() if size > 0 and key[0] != "pgbouncer"}
    if not sizes or not used:
        return None
    pools = [
        Pool(sizes[key[0]], use, waiting.get(key, 0.0), [point[key] for point in used if key in point])
        for key, use in used[-1].items()
        if key[0] in sizes
    ]
    return max(pools, key=lambda pool: (pool.waiting, pool.used / pool.size), default=Pool(min(sizes.values()), 0.0, 0.0, [0.0]))


def _redis(last, answers: dict) -> Redis | None:
    used, maximum, policy = last("redis_used"), last("redis_maximum"), last("redis_info", "maxmemory_policy")
    if not used or not maximum:
        return None

    def value(name: str) -> float | None:
        return next(iter(last(name).values()), None)

    return Redis(
        used=max(used.values()),
        maximum=max(maximum.values()),
        policy=next(iter(policy), ("",))[0],
        evicted=value("redis_evicted") or 0.0,
        refused=value("redis_refused") or 0.0,
        hit_rate=value("redis_hit_rate"),
        usual_hit_rate=value("redis_usual_hit_rate"),
    )
