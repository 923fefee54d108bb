# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _drift, _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import Worker

MIB = 2**20
UPSTREAM = "upstream app"


def replica(number, *files, state="running"):
    return Container(f"id{number}", f"p-app-{number}", number, state, "healthy", {"net": f"10.0.0.{number}"}, "app", files)


def server(number, address=None):
    return f"{address or f'10.0.0.{number}'}:3000 (p-app-{number})"


def difference(before, after, loaded=True):
    return {"before": {UPSTREAM: before, "loaded by nginx": loaded}, "after": {UPSTREAM: after, "loaded by nginx": True}}


class Engine:
    """Replicas that were started at a time, with limits."""

    def __init__(self, started):
        self.api = self
        self.limits = {}
        self.started = datetime.fromtimestamp(started, UTC).isoformat().replace("+00:00", "Z")

    def inspect_container(self, identifier):
        return {"HostConfig": self.limits.get(identifier, {}), "State": {"StartedAt": self.started}}


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Two replicas that are kept, and that nginx knows; a test changes it."""

    class World:
        directory = tmp_path
        replicas = [replica(1, "a.yml"), replica(2, "a.yml", _scale_file.NAME)]
        diff = difference([server(1), server(2)], [server(1), server(2)])
        engine = Engine(time.time() - 100)
        workers = [Worker(7, time.time(), leaving=False)]

        def keep(self, number, limits=None):
            _scale_file.store(tmp_path, ["a.yml"], _scale_file.text("app", number, [], limits))

        def find(self, look=True):
            params = {
                "project": "p",
                "service": "app",
                "nginx_service": "nginx",
                "project_dir": str(tmp_path),
                "files": ["a.yml"],
            }
            return _drift.find(self.engine, params, (lambda: {"diff": self.diff}) if look else None)

    def containers(client, project, service, all_states=False):
        return [each for each in here.replicas if all_states or each.state == "running"] if service == "app" else [replica(9)]

    here = World()
    monkeypatch.setattr(_drift, "containers", containers)
    monkeypatch.setattr(_drift, "Nginx", lambda client, container: here)
    here.workers = lambda workers=here.workers: workers
    here.keep(2)
    return here


def told(world, **options):
    drifts, remarks = world.find(**options)
    assert remarks == []
    return [(drift.what, drift.found, drift.heals) for drift in drifts]


def test_none(world):
    assert told(world) == []


def test_fewer_run_than_are_kept(world):
    world.keep(5)
    assert told(world) == [("replicas", "2 running", "scale_app.yml -e replicas=5")]


def test_more_run_than_are_kept(world):
    world.keep(1)
    assert told(world) == [("replicas", "2 running", "scale_app.yml -e replicas=2")]


def test_what_was_typed_is_told_where_the_base_file_alone_was_used(world):
    world.keep(5)
    world.replicas = [replica(3, "a.yml", "b.yml")]
    assert told(world) == [
        ("replicas", "1 running, made from a.yml and b.yml alone, as by docker compose -f", "scale_app.yml -e replicas=5")
    ]


def test_a_command_that_failed_half_way_leaves_none_and_what_starts_them_again(world):
    world.keep(5)
    world.replicas = [replica(3, "a.yml", state="created")]
    assert told(world) == [
        ("replicas", "none running, made from a.yml alone, as by docker compose -f", "scale_app.yml -e replicas=5")
    ]


def test_where_none_runs_those_that_are_kept_or_stopped_are_started(world, tmp_path):
    def startable(directory=tmp_path):
        return _drift.startable(world.engine, {"project": "p", "service": "app", "project_dir": str(directory)})

    world.replicas = [replica(3, "a.yml", state="exited")]
    world.keep(5)
    assert (startable(), startable(tmp_path / "never scaled")) == (5, 1)
    world.replicas = []
    assert startable() == 0


def test_a_recreated_replica_has_another_address(world):
    world.diff = difference([server(1), server(2)], [server(1, "10.0.0.77"), server(2)])
    [(what, found, heals)] = told(world)
    assert (what, heals) == ("nginx upstream app", "scale_app.yml -e replicas=2")
    assert "10.0.0.1:3000 is no replica's" in found and "10.0.0.77:3000 (p-app-1) is missing" in found
    assert told(world, look=False) == []


def test_a_name_stands_for_the_replicas_of_nginxs_start(world):
    world.diff = difference(["app:3000"], [server(1), server(2)])
    assert told(world) == []
    world.engine = Engine(time.time() + 10)  # a replica that is younger than nginx's workers
    assert "app:3000 as it was when nginx started" in told(world)[0][1]


def test_a_file_that_nginx_has_not_loaded(world):
    world.diff = difference([server(1), server(2)], [server(1), server(2)], loaded=False)
    assert told(world) == [("nginx", "runs with an older one", "scale_app.yml -e replicas=2")]


def test_limits_are_healed_by_the_highest(world):
    world.keep(2, {"cpus": "0.5", "memory": "256M"})
    world.engine.limits = {
        "id1": {"NanoCpus": 500_000_000, "Memory": 256 * MIB},
        "id2": {"CpuQuota": 15_000, "CpuPeriod": 100_000, "Memory": 512 * MIB},
    }
    assert told(world) == [("limits", "p-app-2 has cpus 0.15, memory 512M", "resize_app.yml -e cpus=0.5 -e memory=512M")]


def test_an_override_that_compose_would_not_read(world):
    (world.directory / ".env").write_text("COMPOSE_FILE=a.yml\n")
    assert [what for what, _found, _heals in told(world)] == ["COMPOSE_FILE"]


def test_nothing_is_kept(world):
    (world.directory / _scale_file.NAME).unlink()
    (world.directory / ".env").unlink()
    assert told(world) == []


def test_what_was_taken_down_is_no_drift(world):
    world.keep(5)
    world.replicas = []
    assert told(world) == []


def test_what_cannot_be_compared_is_a_remark(world):
    def broken():
        raise Refusal("the nginx configuration in p-nginx is broken.")

    world.keep(3)
    params = {"project": "p", "service": "app", "nginx_service": "nginx", "project_dir": str(world.directory), "files": ["a.yml"]}
    drifts, remarks = _drift.find(world.engine, params, broken)
    assert [drift.what for drift in drifts] == ["replicas"]
    assert remarks == ["nginx's servers could not be compared: the nginx configuration in p-nginx is broken."]
