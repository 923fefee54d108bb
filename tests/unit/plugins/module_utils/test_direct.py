# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _direct, _exposition
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS

METRICS_TEXT = """# HELP smartsports_http_requests_total Requests.
# TYPE smartsports_http_requests_total counter
smartsports_http_requests_total{method="GET",route="/e\\"x",status_code="200"} %(ok)s
smartsports_http_requests_total{method="GET",route="/health",status_code="200"} %(ok)s
# TYPE smartsports_http_request_duration_seconds histogram
smartsports_http_request_duration_seconds_bucket{route="/e",status_code="200",le="2.0"} %(ok)s
smartsports_http_request_duration_seconds_bucket{route="/e",status_code="200",le="+Inf"} %(all)s
smartsports_http_request_duration_seconds_bucket{route="/e",status_code="429",le="+Inf"} 1000
smartsports_http_request_duration_seconds_sum{route="/e",status_code="200"} %(all)s
smartsports_db_query_duration_seconds_sum %(queries)s
smartsports_db_connections_active 3
smartsports_db_connections_max 4
broken line {
smartsports_nonsense abc
"""
POOLS = """database|user|cl_active|cl_waiting|sv_active|sv_idle
shop|app|5|7|100|0
pgbouncer|pgbouncer|1|0|0|0
(2 rows)
name|host|port|database|force_user|pool_size|reserve_pool|max_connections
pgbouncer||6432|pgbouncer|pgbouncer|2|0|0
shop|db|5432|shop||100|20|80
(2 rows)
"""


def scrapes(second=None):
    first = _exposition.parse(METRICS_TEXT % {"ok": 10, "all": 20, "queries": 1}, 0.0)
    return first, second or _exposition.parse(METRICS_TEXT % {"ok": 14, "all": 30, "queries": 6}, 2.0)


def application(pairs):
    seen = Observation("direct", "2 s", 2)
    _direct._application(seen, pairs, METRICS, THRESHOLDS)
    return seen


def test_two_scrapes_are_rates():
    seen = application({"10.0.0.1": scrapes()})
    assert seen.requests == [{('/e"x', "200"): 2.0, ("/health", "200"): 2.0}]
    assert seen.latency == {2.0: 2.0, float("inf"): 5.0}  # without what was held back
    assert seen.query_share == 0.5
    assert seen.app_pool == {"10.0.0.1": 75}
    assert seen.instances == {"10.0.0.1"}


def test_a_counter_that_was_reset_grew_from_zero():
    restarted = _exposition.parse(METRICS_TEXT % {"ok": 2, "all": 3, "queries": 0}, 2.0)
    assert application({"10.0.0.1": scrapes(restarted)}).latency == {2.0: 1.0, float("inf"): 1.5}


def test_a_family_without_a_sample_is_no_traffic_and_one_without_a_name_is_missing():
    empty = _exposition.parse("# TYPE smartsports_http_requests_total counter\n", 0.0)
    seen = application({"10.0.0.1": (empty, empty)})
    assert seen.requests == [{}]
    assert seen.latency is None
    assert "smartsports_http_request_duration_seconds" in seen.missing["latency"]


def test_nobody_answers():
    seen = application({})
    assert (seen.requests, seen.latency, seen.instances) == (None, None, set())


def stats(total, at, memory):
    return {"at": at, "cpu_stats": {"cpu_usage": {"total_usage": total}}, "memory_stats": memory}


def test_cpu_of_a_container_is_in_cores():
    assert _direct.cores(stats(1_000_000_000, 1.0, {}), stats(1_300_000_000, 3.0, {})) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("memory", "used"),
    [
        ({"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 10}}, 70),  # cgroup v1
        ({"usage": 100, "stats": {"inactive_file": 40}}, 60),  # cgroup v2
        ({"usage": 100}, 100),
        ({}, 0),
    ],
)
def test_memory_of_a_container_is_without_page_cache(memory, used):
    assert _direct.used_memory(memory) == used


def test_the_fullest_pool():
    pool = _direct.parse_pools(POOLS)
    assert (pool.size, pool.used, pool.waiting) == (80, 100, 7)


def test_a_pooler_without_clients():
    pool = _direct.parse_pools("\n".join(line for line in POOLS.splitlines() if not line.startswith("shop|app")))
    assert (pool.size, pool.used, pool.waiting) == (80, 0, 0)


class Engine:
    """Runs no command: returns what it was told to."""

    def __init__(self, outputs):
        self.outputs = outputs
        self.asked = {}
        self.api = self

    def exec_create(self, container, command, environment=None):
        self.asked[container] = command, environment
        return {"Id": container}

    def exec_start(self, job, demux):
        return self.outputs[job][0].encode(), b""

    def exec_inspect(self, job):
        return {"ExitCode": self.outputs[job][1]}


def container(name):
    return Container(name, name, 1, "running", "healthy", {"net": "10.0.0.9"}, "image")


PARAMS = {
    "pgbouncer_socket": "/run/pgbouncer",
    "pgbouncer_port": 5433,
    "pgbouncer_admin_user": "operator",
    "pgbouncer_admin_password": None,
    "postgres_user": "",
    "postgres_database": "postgres",
    "redis_port": 6390,
    "redis_password": None,
}


def test_postgresql_is_asked_where_the_pooler_cannot_be():
    engine = Engine({"bouncer": ("psql: not found", 127), "primary": ("97,42\n", 0)})
    pool = _direct.pool(engine, {"pgbouncer": [container("bouncer")], "postgres": [container("primary")]}, PARAMS)
    assert (pool.size, pool.used) == (97, 42)


@pytest.mark.parametrize(
    ("password", "host", "user", "environment"),
    [(None, "/run/pgbouncer", "pgbouncer", None), ("sesame", "127.0.0.1", "operator", {"PGPASSWORD": "sesame"})],
)
def test_who_asks_the_console(password, host, user, environment):
    engine = Engine({"bouncer": (POOLS, 0)})
    _direct.pool(engine, {"pgbouncer": [container("bouncer")]}, {**PARAMS, "pgbouncer_admin_password": password})
    command, given = engine.asked["bouncer"]
    assert command[command.index("-h") :][:6] == ["-h", host, "-p", "5433", "-U", user]
    assert given == environment
    assert "sesame" not in " ".join(command)


@pytest.mark.parametrize(("user", "database"), [("", "postgres"), ("owner", "shop")])
def test_who_asks_postgresql(user, database):
    engine = Engine({"primary": ("97,42\n", 0)})
    _direct.pool(
        engine,
        {"pgbouncer": [], "postgres": [container("primary")]},
        {**PARAMS, "postgres_user": user, "postgres_database": database},
    )
    command, _environment = engine.asked["primary"]
    assert command[3] == user  # $0 of the shell: empty is the container's own POSTGRES_USER
    assert command[command.index("-d") + 1] == database


def test_neither_tells():
    engine = Engine({"bouncer": ("psql: not found", 127)})
    with pytest.raises(RuntimeError, match=r"PgBouncer did not tell.*127.*nor PostgreSQL.*no container"):
        _direct.pool(engine, {"pgbouncer": [container("bouncer")], "postgres": []}, PARAMS)


INFO = "# Memory\r\nused_memory:{used}\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\nevicted_keys:{evicted}\r\nkeyspace_hits:{hits}\r\n"
INFO += "keyspace_misses:{misses}\r\nerrorstat_OOM:count={oom}\r\n"


def test_redis_between_two_looks():
    first = _direct.parse_info(INFO.format(used=90, evicted=5, hits=900, misses=100, oom=1))
    second = _direct.parse_info(INFO.format(used=95, evicted=15, hits=910, misses=120, oom=3))
    first["at"], second["at"] = 0.0, 2.0
    redis = _direct.redis(first, second)
    assert (redis.used, redis.maximum, redis.policy, redis.evicted, redis.refused) == (95, 100, "allkeys-lru", 5, 1)
    assert redis.hit_rate == pytest.approx(33.3, abs=0.1)
    assert redis.usual_hit_rate == pytest.approx(88.3, abs=0.1)


@pytest.mark.parametrize(("password", "environment"), [(None, None), ("sesame", {"REDISCLI_AUTH": "sesame"})])
def test_the_password_of_redis_goes_through_the_environment(password, environment):
    engine = Engine({"cache": (INFO.format(used=90, evicted=5, hits=900, misses=100, oom=1), 0)})
    assert _direct.redis_now(engine, {"redis": [container("cache")]}, {**PARAMS, "redis_password": password}).used == 90
    assert engine.asked["cache"] == (["redis-cli", "-p", "6390", "INFO", "everything"], environment)


def test_redis_that_wants_a_password():
    with pytest.raises(RuntimeError, match="NOAUTH"):
        _direct.parse_info("NOAUTH Authentication required.")
