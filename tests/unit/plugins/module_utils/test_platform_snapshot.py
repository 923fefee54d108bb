# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at all three tiers; the admin API over real HTTP, the engine and PgBouncer's console played."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import platform_snapshot
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import NORMAL

HALF = {"NanoCpus": 500_000_000, "Memory": 512 * 2**20}


class Engine:
    def __init__(self) -> None:
        self.api = self
        self.limits = [HALF, HALF]
        self.state = "running"
        self.broken: Exception | None = None

    def inspect_container(self, name):
        if self.broken:
            raise self.broken  # pylint: disable=raising-bad-type
        return {"HostConfig": self.limits[int(name)]}

    def containers(self, client, project, service, all_states):
        assert (project, service, all_states) == ("smartsports", "app", True)
        return [Container(str(number), f"app-{number}", number, self.state, "", {}, "app") for number in range(len(self.limits))]


@pytest.fixture
def engine(monkeypatch):
    played = Engine()
    monkeypatch.setattr(platform_snapshot, "connect", lambda: played)
    monkeypatch.setattr(platform_snapshot, "containers", played.containers)
    monkeypatch.setattr(platform_snapshot, "the_one", lambda client, project, service, variable: service)

    class Console:
        def __init__(self, client, container, port, user, password):
            assert (container, port, user) == ("pgbouncer", 6432, "admin")
            self.password = password

        def config(self):
            if self.password != "right":
                raise Refusal("PgBouncer's console refused SHOW CONFIG.")
            return {"default_pool_size": "40"}

    monkeypatch.setattr(platform_snapshot, "Console", Console)
    return played


@pytest.fixture
def look(engine, platform):
    platform.start(2)

    def look(**options):
        pooler = {"pgbouncer_service": "pgbouncer", "pgbouncer_port": 6432, "pgbouncer_admin_user": "admin"}
        return platform_snapshot.run(
            {**platform.params(), **pooler, "pgbouncer_admin_password": "right", **options}, False, silent
        )

    return look


def test_all_that_a_run_could_change(look, platform):
    result = look()
    assert (result["changed"], result["unreadable"]) == (False, {})
    app = {"replicas": 2, "cpus": "0.5", "memory": "512M"}
    assert result["settings"] == {**NORMAL, "app": app, "pool": {"default_pool_size": 40}}
    assert platform.sent("POST") == []


@pytest.mark.parametrize(
    ("options", "tier", "why"),
    [
        ({"token": "wrong"}, "api", "refused the admin token"),
        ({"pgbouncer_admin_password": None}, "pool", "smartsports_pgbouncer_admin_password is not set"),
        ({"pgbouncer_admin_password": "wrong"}, "pool", "PgBouncer's console refused SHOW CONFIG"),
    ],
)
def test_a_tier_that_cannot_be_read_is_told_with_its_reason(look, options, tier, why):
    result = look(**options)
    assert list(result["unreadable"]) == [tier]
    assert why in result["unreadable"][tier]
    assert not result["unreadable"][tier].endswith(".")
    assert {"api": "cache-config", "pool": "pool"}[tier] not in result["settings"]
    assert "app" in result["settings"]


def test_replicas_that_are_not_there_are_no_tier(look, engine):
    engine.limits = []
    assert look()["unreadable"] == {"app": "there is no container of smartsports/app on this host"}


def test_in_an_outage_those_that_stopped_tell_the_limits(look, engine):
    engine.state = "exited"
    assert look()["settings"]["app"] == {"replicas": 0, "cpus": "0.5", "memory": "512M"}


@pytest.mark.parametrize("problem", [DockerException("no such container"), OSError("broken pipe")])
def test_a_replica_that_goes_meanwhile_breaks_nothing(look, engine, problem):
    engine.broken = problem
    assert look()["unreadable"] == {"app": f"the Docker engine did not tell the limits of smartsports/app ({problem})"}


def test_what_takes_too_long_is_not_waited_for(look, monkeypatch):
    monkeypatch.setattr(platform_snapshot, "_pool", lambda params: threading.Event().wait(30))
    monkeypatch.setattr(platform_snapshot, "SECONDS", 2.0)
    assert look()["unreadable"] == {"pool": "no answer within 2 s"}


def test_limits_in_which_replicas_differ_are_not_known(look, engine):
    engine.limits = [HALF, {**HALF, "Memory": 2**30}]
    assert look()["settings"]["app"] == {"replicas": 2, "cpus": None, "memory": None}


def test_a_defect_is_no_unreadable_tier(look, monkeypatch):
    monkeypatch.setattr(platform_snapshot, "_pool", lambda params: {}["default_pool_size"])
    with pytest.raises(KeyError):
        look()
