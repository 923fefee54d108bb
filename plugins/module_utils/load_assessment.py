# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How bad it is, where, and what to do: asks Prometheus (or the platform itself), probes through nginx, decides. Reads only."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _agreement,
    _assessed,
    _direct,
    _drift,
    _evidence,
    _probe,
    _profile,
    _prometheus,
    _standing,
    platform_info,
    upstream,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import RESOURCES, Client, Readings
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import CONNECTION
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException, connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation, Pool, Redis
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import Started, gather
from ansible_collections.smartsports.scaling.plugins.module_utils._psql import POSTGRES
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import (
    Reason,
    bottleneck,
    judge,
    judge_latency,
    overall,
    share_above,
    triggered,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS, merged
from ansible_collections.smartsports.scaling.plugins.module_utils._web import ENTRY, entry_session, require_ca, require_requests

FEATURES = {
    "analytics_tracking": "/api/v1/analytics/.*",
    "recommendation_engine": "/api/v1/recommendations.*",
    "social_features": "/api/v1/social/.*",
}
SPEC = {
    "argument_spec": {
        **CONNECTION,
        "project_dir": {"type": "path"},
        "files": {"type": "list", "elements": "str", "default": ["docker-compose.prod.yml"]},
        "upstreams": {"type": "list", "elements": "str", "default": ["app"]},
        "nginx_service": {"type": "str", "default": "nginx"},
        "pgbouncer_service": {"type": "str", "default": "pgbouncer"},
        "postgres_service": {"type": "str", "default": "postgres-primary"},
        **POSTGRES,
        "redis_service": {"type": "str", "default": "redis-primary"},
        "redis_port": {"type": "int", "default": 6379},
        "redis_password": {"type": "str", "no_log": True},
        "metrics_path": {"type": "str", "default": "/internal/metrics"},
        **ENTRY,
        "probe_path": {"type": "str", "default": "/api/v1/events"},
        "probe_count": {"type": "int", "default": 3},
        "prometheus_url": {"type": "str", "default": "http://127.0.0.1:9090"},
        "pgbouncer_socket": {"type": "str", "default": "/tmp"},
        "pgbouncer_port": {"type": "int", "default": 6432},
        "pgbouncer_admin_user": {"type": "str", "default": "admin"},
        "pgbouncer_admin_password": {"type": "str", "no_log": True},
        "features": {"type": "dict", "default": FEATURES},
        "schema": {"type": "dict", "default": {}},
        "thresholds": {"type": "dict", "default": {}},
        "metrics": {"type": "dict", "default": {}},
        "state_directory": {"type": "path"},
        "observe": {"type": "dict"},
        "command_options": {"type": "str", "default": ""},
        "output": {"type": "str", "choices": ["table", "json"], "default": "table"},
    },
    "supports_check_mode": True,
}
PROMETHEUS_TIMEOUT = 0.9  # seconds; the whole answer is due in 3
PROBE_TIMEOUT = 2.1  # more than the 2 s that make it P2
ADMIN_TIMEOUT = 0.8
PLAN_TIMEOUT = 1.8
DEADLINE = 2.3
SERVICES = ("pgbouncer", "postgres", "redis")


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Assess. Whatever cannot be asked makes its evidence unknown; only a wrong option is refused."""
    thresholds = merged(THRESHOLDS, params["thresholds"], "load_assessment_thresholds")
    metrics = merged(METRICS, params["metrics"], "load_assessment_metrics")
    if not 1 <= params["probe_count"] <= 10:
        raise Refusal(f"probe_count is {params['probe_count']}, but must be from 1 to 10; correct load_assessment_probe_count.")
    require_requests()
    require_ca(params)
    url = params["entry_url"].rstrip("/") + params["probe_path"]
    beside = Started(
        {
            "probes": lambda: _probe.probe(url, params["probe_count"], PROBE_TIMEOUT, lambda: entry_session(params)),
            "settings": lambda: _settings(params),
            "drift": lambda: _drifts(params),
            "standing": lambda: _standing.find(params["state_directory"] or "", params["command_options"]),
        }
    )
    platform = _platform(params, metrics, thresholds)
    answers = beside.collect(DEADLINE)
    probes, settings = answers["probes"], answers["settings"]
    if isinstance(probes, TimeoutError):
        probes = _probe.Probes(params["probe_count"], (), PROBE_TIMEOUT, params["probe_count"])
    unread = [] if isinstance(settings, dict) else [f"the application's settings could not be read: {str(settings).rstrip('.')}."]
    settings = {} if unread else settings
    late = ([], [f"drift is not known ({answers['drift']})."], None)
    drifts, unseen, stale = answers["drift"] if isinstance(answers["drift"], tuple) else late
    drifts = [*drifts, *_agreement.drifts(settings, _profile.Schema(params["schema"]))]
    standing = answers["standing"] if isinstance(answers["standing"], list) else []
    remarks = [*platform.remarks, *unread, *unseen]
    result = _result(params, thresholds, platform, probes, url, _disabled(params, settings), drifts, standing, remarks)
    result["replicas"]["start"] = _startable(params) if platform.replicas == [] else 0
    observed = platform_info.compose(params["observe"], settings, platform.replicas, stale) if params["observe"] else None
    # Who needs what could not be read looks again, and is told why.
    return result | ({"platform": observed} if observed else {})


@dataclass(frozen=True)
class _Platform:
    """What was found out about the containers, and what was observed of them."""

    replicas: list[Container] | None  # None: the engine could not list them
    nginx: list[Container]  # also stopped ones
    seen: Observation
    limits: dict[str, _evidence.Limits]
    remarks: list[str]


def _platform(params: dict, metrics: dict, thresholds: dict) -> _Platform:
    """Time-boxed step by step, so that a late answer costs only what it would have told."""
    remarks: list[str] = []
    try:
        client = connect(timeout=1)
        found = gather(
            {
                "app": lambda: running_replicas(client, params),
                "nginx": lambda: containers(client, params["project"], params["nginx_service"], all_states=True),
                **{name: lambda name=name: containers(client, params["project"], params[f"{name}_service"]) for name in SERVICES},
                "prometheus": lambda: _ask_prometheus(params, metrics, thresholds),
            },
            PROMETHEUS_TIMEOUT + 0.1,
        )
    except Refusal as refusal:
        client = None
        remarks.append(str(refusal))
        found = {"prometheus": _ask_prometheus(params, metrics, thresholds)}
    replicas, limits = found["app"] if isinstance(found.get("app"), tuple) else (None, {})
    if client and replicas is None:
        remarks.append(f"the Docker engine did not list the replicas ({found['app']}).")
    listed = {name: found[name] if isinstance(found.get(name), list) else [] for name in ("nginx", *SERVICES)}
    seen = found["prometheus"]
    if isinstance(seen, Exception) and not isinstance(seen, TimeoutError):
        raise seen
    if not isinstance(seen, Observation):
        why = seen if isinstance(seen, str) else "does not answer in time"
        named = f"Prometheus at {_prometheus.named(params['prometheus_url'])}" if params["prometheus_url"] else "Prometheus"
        remarks.append(f"{named} {why}: the platform was asked directly.")
        if client is None:
            seen = Observation("direct", "", 0)
        else:
            seen = _direct.observe(client, replicas or [], listed, params, metrics, thresholds)
    elif client:
        _complete(seen, client, listed, params)
    return _Platform(replicas, listed["nginx"], seen, limits, remarks)


def _ask_prometheus(params: dict, metrics: dict, thresholds: dict) -> Observation | str:
    if not params["prometheus_url"]:
        return "is not part of this platform (smartsports_prometheus_url is empty)"
    try:
        return _prometheus.observe(params["prometheus_url"], metrics, thresholds, PROMETHEUS_TIMEOUT)
    except _prometheus.Unavailable as unavailable:
        return str(unavailable)


def _complete(seen: Observation, client, listed: dict, params: dict) -> None:
    """What Prometheus has no samples of is asked of the databases themselves: one look instead of a minute."""
    jobs = {}
    if seen.pool is None:
        jobs["pool"] = lambda: _direct.pool(client, listed, params)
    if seen.redis is None:
        jobs["redis"] = lambda: _direct.redis_now(client, listed, params)
    for name, answer in gather(jobs, 0.9).items():
        if isinstance(answer, (Pool, Redis)):
            setattr(seen, name, answer)
            seen.sources[name] = f"{name}, asked directly"


def running_replicas(client, params: dict) -> tuple[list[Container], dict[str, _evidence.Limits]]:
    """The running replicas, and their limits by address and by name; of one without a limit, what the host has."""
    replicas = containers(client, params["project"], params["service"])
    inspected = gather({each.id: lambda each=each: client.api.inspect_container(each.id) for each in replicas}, 0.7)
    host: dict = {}
    limits = {}
    for replica in replicas:
        answer = inspected[replica.id]
        if isinstance(answer, Exception):
            continue
        config = answer["HostConfig"]
        cores, memory = allowed_cores(config), config.get("Memory") or 0
        if not (cores and memory) and not host:
            try:
                host = client.api.info()
            except DockerException:
                continue
        limit = _evidence.Limits(cores or host["NCPU"], memory or host["MemTotal"])
        limits |= dict.fromkeys([*replica.addresses.values(), replica.name], limit)
    return replicas, limits


def allowed_cores(config: dict) -> float:
    """The CPU limit in cores, however it was given; 0 for none."""
    if config.get("NanoCpus"):
        return config["NanoCpus"] / 1e9
    quota = config.get("CpuQuota") or 0
    return quota / (config.get("CpuPeriod") or 100_000) if quota > 0 else 0.0


def switched_off(params: dict) -> dict[str, str]:
    """Route pattern -> feature that we switched off; nothing where nobody can tell."""
    try:
        client = Client({**params, "timeout": ADMIN_TIMEOUT, "deadline": ADMIN_TIMEOUT})
        return _disabled(params, client.read_once(["feature-flags"]))
    except Refusal:
        return {}


def _disabled(params: dict, settings: dict[str, Readings]) -> dict[str, str]:
    found = settings.get("feature-flags")
    flags = found.newest.settings if found and found.told else {}
    return {pattern: name for name, pattern in params["features"].items() if flags.get(name) is False}


def _settings(params: dict) -> dict[str, Readings]:
    """All that is needed of them is asked once: the flags, where instances disagree, and what a plan compares."""
    observe = params["observe"] or {"tiers": []}
    needed = {
        "feature-flags",
        *_profile.Schema(params["schema"]).resources,
        *(observe["resources"] if "api" in observe["tiers"] else ()),
    }
    # Who only assesses waits less for an instance that hangs; a plan needs it.
    seconds = min(params["timeout"], PLAN_TIMEOUT) if "api" in observe["tiers"] else ADMIN_TIMEOUT
    client = Client({**params, "timeout": seconds, "deadline": seconds})
    return client.read_within([each for each in RESOURCES if each in needed], seconds)


def _drifts(params: dict) -> tuple[list[_drift.Drift], list[str], bool | None]:
    """What was changed by hand, remarks where nobody could tell, for an assessment never fails for it, and whether nginx would be
    reloaded; None where it was not asked."""
    known = {option: params[option] for option in ("project", "service", "port", "network", "nginx_service")}
    stale = []

    def look() -> dict:
        stale.append(bool(params["upstreams"]))  # where it cannot be told, the step itself will say what is wrong
        found = upstream.preview(**known, name=params["upstreams"])
        stale.append(found["reload"])
        return found

    try:
        drifts, remarks = _drift.find(connect(timeout=1), params, look)
    except (Refusal, DockerException, OSError) as problem:
        return [], [f"drift is not known: {str(problem).rstrip('.')}."], None
    return drifts, remarks, stale[-1] if stale else None


def _startable(params: dict) -> int:
    try:
        return _drift.startable(connect(timeout=1), params)
    except (Refusal, DockerException, OSError):
        return 0


def _result(
    params: dict,
    thresholds: dict,
    platform: _Platform,
    probes,
    url: str,
    disabled: dict,
    drifts: list[_drift.Drift],
    standing: list[str],
    remarks: list[str],
) -> dict:
    seen, limits = platform.seen, thresholds["severity"]
    replicas = platform.replicas or []
    running, seen_now = len(replicas), _seen(seen, replicas)
    judged = [*_evidence.probed(probes, _prometheus.named(url)), *_evidence.readings(seen, platform.limits, disabled, thresholds)]
    reasons = [
        judge_latency(each, limits["response_time"], thresholds["share"], thresholds["minimum_requests"] / max(seen.seconds, 0.1))
        for each in _evidence.latencies(seen)
    ]
    reasons += [judge(reading, limits[reading.metric]) for reading in judged]
    if platform.replicas is None:
        reasons.append(Reason("replicas", None, "", None, "unknown", "docker", "now", "the engine did not list them"))
    elif not running:
        reasons.append(Reason("replicas", "none runs", "", None, "P0", "docker", "now"))
    elif seen_now < running:
        reasons.append(Reason("replicas", f"{seen_now} of {running} seen", "", None, "unknown", seen.source, seen.window))
    severity = overall(reasons)
    where = bottleneck(reasons, seen.query_share)
    stopped = platform.nginx[0].name if platform.nginx and all(each.state != "running" for each in platform.nginx) else ""
    result = {
        "changed": False,
        "standing": standing,
        "severity": severity,
        "reasons": [_plain(reason) for reason in reasons],
        "bottleneck": where,
        "triggers": [_trigger(name, each, seen, platform.limits, thresholds) for name, each in thresholds["triggers"].items()],
        "replicas": {"running": running, "seen": seen_now},
        "drift": [asdict(drift) for drift in drifts],
        "command": _assessed.command(
            severity, params["command_options"], stopped, drifts[0].heals if drifts else "", outage=platform.replicas == []
        ),
        "source": seen.source,
        "remarks": remarks,
    }
    report = _assessed.report(result, reasons, remarks)
    if params["output"] == "json":
        report = {"raw": json.dumps({key: value for key, value in result.items() if key != "changed"}, indent=2)}
    return {**result, "report": report}


def _seen(seen: Observation, replicas: list[Container]) -> int:
    """How many of the running replicas the source has fresh samples of; its labels may be addresses or names."""
    return sum(1 for replica in replicas if seen.instances & {*replica.addresses.values(), replica.name})


def _trigger(name: str, trigger: dict, seen: Observation, limits: dict, thresholds: dict) -> dict:
    smallest, note = _evidence.sustained(name, seen, limits, thresholds)
    if name != "response_time":
        return triggered(name, trigger["limit"], trigger["seconds"], smallest, note)
    minimum = thresholds["minimum_requests"] / max(seen.seconds, 0.1)
    shares = [
        share_above(each.buckets, trigger["limit"])
        for each in _evidence.latencies(seen)
        if each.buckets and max(each.buckets.values()) >= minimum
    ]
    least, most = max((each[0] for each in shares), default=0.0), max((each[1] for each in shares), default=0.0)
    share = thresholds["share"]
    fired = None if seen.latency is None or least <= share < most else least > share
    result = triggered(name, trigger["limit"], trigger["seconds"], None, "" if fired is not None else "no evidence of it")
    return {**result, "sustained": None if fired is None else least, "fired": fired}


def _plain(reason: Reason) -> dict:
    """As JSON has it: no infinities, and figures that a person can read."""
    value = reason.value
    if isinstance(value, float):
        value = round(value, 3) if math.isfinite(value) else None
    return asdict(replace(reason, value=value))
