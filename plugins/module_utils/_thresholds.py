# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runbook's triggers and its severity table, and the names of the metrics they are read from. Data only, and how to correct it.

Every limit means "more than". An inventory gives what differs (load_assessment_thresholds, load_assessment_metrics); nobody copies this.
"""

from __future__ import annotations

from copy import deepcopy

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

LEVELS = ("P0", "P1", "P2")  # worst first

THRESHOLDS = {
    # Over the last minute.
    "severity": {
        "response_time": {"P0": 10, "P1": 5, "P2": 2},  # seconds that more than `share` of the requests take
        "error_rate": {"P0": 10, "P1": 5, "P2": 2},  # percent
        "cpu": {"P1": 90, "P2": 70},  # percent of the containers' limits, mean
        "memory": {"P1": 90, "P2": 70},  # percent of the container's limit, worst replica
        "connections": {"P0": 99, "P1": 90, "P2": 70},  # percent of the pool; 99 on average is exhausted
        "app_connections": {
            "P0": 99,
            "P1": 90,
            "P2": 70,
        },  # percent of a replica's own pool, worst replica, where it tells its size
        "waiting_clients": {"P0": 1},  # on average, for a connection of the pool: it is exhausted whatever its use looks like
        "redis_memory": {"P0": 99, "P1": 90, "P2": 70},  # percent of maxmemory, where Redis may not evict any key it likes
        "redis_refused": {"P0": 0},  # writes refused for want of memory, a minute
        "redis_hit_rate_drop": {"P0": 10},  # percentage points, while keys are evicted
        "unavailable_features": {"P1": 0},  # routes that only fail and that nobody switched off
        "probe_failures": {"P0": 50, "P2": 0},  # percent of the probes through nginx
        "probe_time": {"P0": 10, "P1": 5, "P2": 2},  # seconds, median
    },
    # The smallest value over the window has to be more than the limit.
    "triggers": {
        "cpu": {"limit": 70, "seconds": 300},
        "memory": {"limit": 80, "seconds": 180},
        "response_time": {"limit": 2, "seconds": 60},
        "error_rate": {"limit": 2, "seconds": 120},
        "connections": {"limit": 80, "seconds": 60},
    },
    "share": 5,  # percent: p95 > 2 s means that more than 5% of the requests take more than 2 s
    "minimum_requests": 5,  # in the last minute; of fewer, no share is formed
    "unavailable_share": 50,  # percent of a route's requests that fail before it counts as unavailable
    "ignored_routes": "/health|/metrics|/internal/.*|/admin/.*",  # of operators and machines, not of buyers
    "held_back": "429|202",  # refused or queued on purpose: neither failed nor slow
    "max_age": 15,  # seconds after which a sample proves nothing
}

METRICS = {
    "latency": "smartsports_http_request_duration_seconds",
    "requests": "smartsports_http_requests_total",
    "cpu": "smartsports_process_cpu_seconds_total",
    "memory": "smartsports_process_resident_memory_bytes",
    "queries": "smartsports_db_query_duration_seconds",
    "entry_latency": "nginx_http_request_duration_seconds",
    "entry_responses": "nginx_http_responses_total",
    "app_pool_used": "smartsports_db_connections_active",
    "app_pool_size": "smartsports_db_connections_max",
    "pool_used": "pgbouncer_pools_server_active_connections",
    "pool_waiting": "pgbouncer_pools_client_waiting_connections",
    "pool_size": "pgbouncer_databases_pool_size",
    "redis_used": "redis_memory_used_bytes",
    "redis_maximum": "redis_memory_max_bytes",
    "redis_info": "redis_instance_info",
    "redis_evicted": "redis_evicted_keys_total",
    "redis_errors": "redis_errors_total",
    "redis_hits": "redis_keyspace_hits_total",
    "redis_misses": "redis_keyspace_misses_total",
}


def merged(defaults: dict, corrections: dict, name: str) -> dict:
    """The defaults with an inventory's corrections. Refuses an unknown key, and a value that is no number where one belongs."""
    result = deepcopy(defaults)
    for key, value in (corrections or {}).items():
        path = f"{name}.{key}"
        if key not in defaults and not (key in LEVELS and all(level in LEVELS for level in defaults)):
            raise Refusal(f"{path} is no setting of the assessment; use one of {', '.join(defaults)}.")
        default = defaults.get(key, 0)
        if isinstance(default, dict):
            if not isinstance(value, dict):
                raise Refusal(f"{path} is {value!r}, but must be a dictionary such as {default}.")
            result[key] = merged(default, value, path)
        elif isinstance(default, str):
            result[key] = str(value)
        else:
            result[key] = _number(path, value)
    return result


def _number(path: str, value) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < float("inf"):
        raise Refusal(f"{path} is {value!r}, but must be a number from 0; correct it in the inventory.")
    return number
