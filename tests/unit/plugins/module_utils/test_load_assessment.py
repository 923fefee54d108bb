# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole module, with a platform and a Prometheus that are made up."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.smartsports.scaling.plugins.module_utils import load_assessment
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import Reading, Readings
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._drift import Drift
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation, Pool, Redis
from ansible_collections.smartsports.scaling.plugins.module_utils._probe import Probes
from ansible_collections.smartsports.scaling.plugins.module_utils._prometheus import Unavailable

INF = float("inf")
SCHEMA = yaml.safe_load((Path(__file__).parents[4] / "profiles/schema.yml").read_text())


def container(number, name="app", state="running"):
    return Container(f"{name}{number}", f"shop-{name}-{number}", number, state, "healthy", {"net": f"10.0.0.{number}"}, "image")


def calm(replicas=2, **different):
    hosts = {f"10.0.0.{number}" for number in range(1, replicas + 1)}
    parts = {
        "instances": hosts,
        "cpu": [dict.fromkeys(hosts, 0.05)] * 17,
        "memory": [dict.fromkeys(hosts, 50.0)] * 9,
        "requests": [{("/e", "200"): 40.0}] * 5,
        "latency": {2.0: 40.0, 5.0: 40.0, 10.0: 40.0, INF: 40.0},
        "pool": Pool(100, 10, 0, [10.0]),
        "redis": Redis(100, 100, "allkeys-lru", 0, 0, 90, 90),
    }
    return Observation("prometheus", "1 min", 60, **{**parts, **different})


class Engine:
    def __init__(self):
        self.api = self

    def inspect_container(self, identifier):
        return {"HostConfig": {"NanoCpus": 150_000_000, "Memory": 100}}


def answer(value):
    if isinstance(value, Exception):
        raise value
    return value


@pytest.fixture
def platform(monkeypatch):
    """What the world looks like; a test changes it."""

    class World:
        replicas = [container(1), container(2)]
        nginx = [container(1, "nginx")]
        prometheus = calm()
        direct = calm()
        settings: ClassVar = {}  # resource -> Readings
        probes = Probes(3, (), 0.05, 0)
        drift = [], []
        startable = 2  # where none runs

    world = World()

    def containers(client, project, service, all_states=False):
        return {"app": world.replicas, "nginx": world.nginx}.get(service, [])

    def observe(*arguments):
        if isinstance(world.prometheus, Exception):
            raise world.prometheus  # pylint: disable=raising-non-exception
        return world.prometheus

    class client:
        def __init__(self, params):
            world.asked = params

        def read_within(self, resources, seconds):
            world.asked |= {"resources": resources}
            return answer(world.settings)

    monkeypatch.setattr(load_assessment, "connect", lambda timeout: Engine())
    monkeypatch.setattr(load_assessment, "containers", containers)
    monkeypatch.setattr(load_assessment._prometheus, "observe", observe)
    monkeypatch.setattr(load_assessment._direct, "observe", lambda *arguments: world.direct)
    monkeypatch.setattr(load_assessment._probe, "probe", lambda *arguments: world.probes)
    monkeypatch.setattr(load_assessment, "Client", client)
    monkeypatch.setattr(load_assessment._drift, "find", lambda client, params, look: answer(world.drift))
    monkeypatch.setattr(load_assessment._drift, "startable", lambda client, params: answer(world.startable))
    return world


def test_what_stands_is_told_above_everything_and_a_failure_of_it_fails_nothing(platform, monkeypatch):
    assert assess()["report"]["above"] == []
    monkeypatch.setattr(load_assessment._standing, "find", lambda directory, options: [f"{directory}: {options}"])
    result = assess(state_directory="/state", command_options="-i inventory/x")
    told = "/state: -i inventory/x"
    assert (result["standing"], result["report"]["above"]) == ([told], [[told, "bad"]])

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(load_assessment._standing, "find", broken)
    assert assess(state_directory="/state")["standing"] == []


def assess(**params):
    checked = ArgumentSpecValidator(load_assessment.SPEC["argument_spec"]).validate({"token": "t", **params})
    assert not checked.error_messages
    return load_assessment.run(checked.validated_parameters, False, silent)


def test_calm(platform):
    result = assess()
    assert (result["severity"], result["bottleneck"], result["changed"]) == ("normal", "none", False)
    assert result["replicas"] == {"running": 2, "seen": 2, "start": 0}
    assert result["command"]["command"] == ""
    assert not any(trigger["fired"] for trigger in result["triggers"])
    json.dumps(result)


def test_drowned(platform):
    platform.prometheus = calm(
        cpu=[{"10.0.0.1": 0.15, "10.0.0.2": 0.15}] * 17, latency={2.0: 0.0, 5.0: 2.0, 10.0: 20.0, INF: 40.0}
    )
    result = assess(command_options="-i inventory/production")
    assert (result["severity"], result["bottleneck"]) == ("P0", "app")
    assert result["command"]["command"] == "ansible-playbook playbooks/respond.yml -e profile=overload -i inventory/production"
    assert result["command"]["duration"] and result["command"]["risk"]
    fired = {trigger["trigger"] for trigger in result["triggers"] if trigger["fired"]}
    assert fired == {"cpu", "response_time"}
    worst = next(reason for reason in result["reasons"] if reason["severity"] == "P0")
    assert worst["metric"] == "response_time"
    assert worst["value"] == "50.0% over 10 s"
    assert (worst["threshold"], worst["source"], worst["window"]) == (10, "prometheus", "1 min")


def test_nginx_sees_what_the_application_does_not(platform):
    platform.prometheus = calm(entry_latency={2.0: 10.0, 5.0: 12.0, 10.0: 40.0, INF: 40.0})
    result = assess()
    assert result["severity"] == "P1"
    assert any(reason["source"] == "prometheus, at nginx" for reason in result["reasons"])


def test_the_probe_always_counts(platform):
    platform.probes = Probes(3, (), 2.3, 3)
    assert (assess()["severity"], assess()["bottleneck"]) == ("P2", "entry")
    platform.probes = Probes(3, ("refused",) * 3, None, 0)
    assert assess()["severity"] == "P0"


def test_prometheus_has_to_see_every_replica(platform):
    platform.replicas = [container(number) for number in range(1, 11)]
    platform.prometheus = calm(replicas=1)
    result = assess()
    assert result["replicas"] == {"running": 10, "seen": 1, "start": 0}
    assert result["severity"] == "unknown"
    assert "1 of 10 seen" in [reason["value"] for reason in result["reasons"]]
    assert "1 of 10 replicas seen" in result["report"]["title"]


def test_known_p0_beside_unknowns_is_p0(platform):
    platform.prometheus = calm(instances=set(), cpu=None, memory=None, requests=None, latency=None, pool=Pool(100, 100, 9))
    assert (assess()["severity"], assess()["bottleneck"]) == ("P0", "database")


def test_missing_evidence_is_unknown(platform):
    platform.prometheus = calm(requests=None)
    result = assess()
    assert result["severity"] == "unknown"
    assert "profile=" in result["command"]["command"]


def test_no_traffic_with_a_healthy_probe_is_normal(platform):
    platform.prometheus = calm(requests=[], latency={})
    assert assess()["severity"] == "normal"


def test_prometheus_down_is_said(platform):
    platform.prometheus = Unavailable("refuses connections")
    platform.direct = calm()
    platform.direct.source = "direct"
    result = assess(prometheus_url="http://user:secret@p:9090")
    assert (result["source"], result["severity"]) == ("direct", "normal")
    assert result["remarks"] == ["Prometheus at http://p:9090 refuses connections: the platform was asked directly."]
    assert result["remarks"][0] in [line[0] for line in result["report"]["lines"]]


def test_a_platform_without_prometheus_is_asked_directly(platform):
    platform.prometheus = AssertionError("nobody is asked")
    platform.direct.source = "direct"
    result = assess(prometheus_url="")
    assert (result["source"], result["severity"]) == ("direct", "normal")
    assert result["remarks"] == [
        "Prometheus is not part of this platform (smartsports_prometheus_url is empty): the platform was asked directly."
    ]


def test_any_address_of_a_replica_is_the_replica(platform):
    platform.replicas = [
        Container("app1", "shop-app-1", 1, "running", "healthy", {"back": "10.9.0.1", "net": "10.0.0.1"}, "image"),
        container(2),
    ]
    assert assess()["replicas"] == {"running": 2, "seen": 2, "start": 0}


def test_no_engine_is_no_verdict(platform, monkeypatch):
    def refuse(timeout):
        raise Refusal("no Docker engine answers on this host.")

    monkeypatch.setattr(load_assessment, "connect", refuse)
    result = assess()
    assert result["severity"] == "unknown"
    assert "no Docker engine answers on this host." in result["remarks"]


def test_no_replica_is_p0(platform):
    platform.replicas = []
    platform.prometheus = calm(replicas=0, cpu=None, memory=None)
    result = assess()
    assert (result["severity"], result["bottleneck"], result["replicas"]["start"]) == ("P0", "app", 2)
    platform.startable = Refusal("the Docker engine did not list the containers.")
    assert assess()["replicas"]["start"] == 0


def test_an_entry_that_does_not_run_is_started_first(platform):
    platform.nginx = [container(1, "nginx", "exited")]
    platform.probes = Probes(3, ("refused",) * 3, None, 0)
    assert assess()["command"]["command"] == "docker start shop-nginx-1"


def test_a_disabled_feature_is_not_unavailable(platform):
    platform.prometheus = calm(requests=[{("/e", "200"): 400.0, ("/api/v1/social/feed", "500"): 1.0}])
    assert assess()["severity"] == "P1"
    platform.settings = {"feature-flags": told({"social_features": False}, {"social_features": False})}
    assert assess()["severity"] == "normal"


def test_thresholds_are_data(platform):
    assert assess(thresholds={"severity": {"cpu": {"P2": 30}}})["severity"] == "P2"
    with pytest.raises(Refusal, match=r"load_assessment_thresholds\.severity\.cpu\.P2 is 'high'"):
        assess(thresholds={"severity": {"cpu": {"P2": "high"}}})
    with pytest.raises(Refusal, match="from 1 to 10"):
        assess(probe_count=0)


def test_a_share_of_few_requests_neither_judges_nor_triggers(platform):
    platform.prometheus = calm(latency={2.0: 0.0, INF: 0.05})
    result = assess()
    assert result["severity"] == "normal"
    assert not any(trigger["fired"] for trigger in result["triggers"])


DRIFT = Drift("nginx upstream app", "the 2 replicas that run", "10.0.0.9:3000 is no replica's", "scale_app.yml -e replicas=2")


def test_drift_is_told_and_healed_where_nothing_is_worse(platform):
    platform.drift = [DRIFT], []
    result = assess(command_options="-i inventory/production")
    assert result["severity"] == "normal"
    assert result["drift"] == [asdict(DRIFT)]
    assert result["command"]["command"] == "ansible-playbook playbooks/scale_app.yml -e replicas=2 -i inventory/production"
    assert any("10.0.0.9:3000 is no replica's" in line[0] for line in result["report"]["lines"])
    platform.probes = Probes(3, ("refused",) * 3, None, 0)
    assert "respond.yml -e profile=overload" in assess()["command"]["command"]
    platform.replicas = []  # none that could respond
    assert assess()["command"]["command"] == "ansible-playbook playbooks/scale_app.yml -e replicas=2"


@pytest.mark.parametrize("problem", [Refusal("nginx is broken."), OSError("no rights"), ([], ["nginx is broken."])])
def test_drift_that_cannot_be_known_is_a_remark(platform, problem):
    platform.drift = problem
    result = assess()
    assert (result["severity"], result["drift"]) == ("normal", [])
    assert "nginx is broken." in result["remarks"][0] or "no rights" in result["remarks"][0]


def told(*settings):
    """One resource as the first instances tell it, each its own version: the last is the newest."""
    return Readings(told={f"shop-app-{number}": Reading(each, number) for number, each in enumerate(settings, 1)})


def test_instances_that_disagree_are_drift(platform):
    platform.settings = {"cache-config": told({"event_list_ttl": 60}, {"event_list_ttl": 300})}
    result = assess(schema=SCHEMA)
    assert (result["severity"], [each["what"] for each in result["drift"]]) == ("normal", ["cache-config"])
    assert result["command"]["command"] == "ansible-playbook playbooks/undo.yml -e set=cache.event_list_ttl=300"
    platform.drift = [DRIFT], []
    assert "scale_app.yml" in assess(schema=SCHEMA)["command"]["command"]  # first that all of them are asked at all


@pytest.mark.parametrize("problem", [Refusal("the token is wrong."), Failed("no instance answers"), TimeoutError("no answer")])
def test_instances_that_cannot_be_asked_are_one_remark(platform, problem):
    platform.settings = problem
    result = assess(schema=SCHEMA)
    assert (result["severity"], result["drift"]) == ("normal", [])
    assert result["remarks"] == [f"the application's settings could not be read: {str(problem).rstrip('.')}."]


def test_json_on_request(platform):
    assert json.loads(assess(output="json")["report"]["raw"])["severity"] == "normal"


def test_what_hangs_costs_no_more_than_the_deadline(platform, monkeypatch):
    monkeypatch.setattr(load_assessment._probe, "probe", lambda *arguments: time.sleep(30))
    monkeypatch.setattr(load_assessment, "DEADLINE", 0.3)
    began = time.monotonic()
    result = assess()
    assert time.monotonic() - began < 2
    assert result["severity"] == "P2"


def test_a_defect_is_not_an_outage(platform):
    platform.prometheus = KeyError("a mistake of ours")
    with pytest.raises(KeyError):
        assess()


@pytest.mark.parametrize(
    ("config", "cores"),
    [
        ({"NanoCpus": 150_000_000}, 0.15),
        ({"CpuQuota": 50_000, "CpuPeriod": 100_000}, 0.5),
        ({"CpuQuota": 50_000}, 0.5),
        ({"CpuQuota": -1}, 0),
        ({}, 0),
    ],
)
def test_cpu_limits(config, cores):
    assert load_assessment.allowed_cores(config) == cores


LOOK = {"tiers": ["api", "app"], "resources": ["cache-config"]}
CACHE = {"event_list_ttl": 60}
STALE = {True: True, False: False, Refusal("nginx is not there."): True}


@pytest.fixture
def looked(platform, monkeypatch):
    """An assessment that looks at what a plan compares as well; `reload`: what nginx tells."""

    def looked(reload=False, look=None, **params):
        monkeypatch.setattr(load_assessment.upstream, "preview", lambda **_: {"reload": answer(reload)})
        monkeypatch.setattr(load_assessment._drift, "find", lambda client, params, ask: suppressed(ask) or ([], []))
        return assess(observe=look or LOOK, **params).get("platform")

    def suppressed(ask):
        with contextlib.suppress(Refusal):
            ask()

    platform.settings = {"cache-config": told(CACHE, CACHE)}
    return looked


def test_what_a_plan_compares_is_read_with_it(platform, looked):
    assert looked() == {"observed": {"cache-config": CACHE, "app": {"replicas": 2}}, "unfinished": []}
    assert platform.asked["resources"] == ["feature-flags", "cache-config"]  # asked once, for all that need them
    assert looked(look={**LOOK, "tiers": ["app"]}) == {"observed": {"app": {"replicas": 2}}, "unfinished": []}
    assert looked(look={**LOOK, "tiers": ["api"]}) == {"observed": {"cache-config": CACHE}, "unfinished": []}


@pytest.mark.parametrize("reload", STALE)
def test_what_is_left_half_done_is_told(platform, looked, reload):
    assert looked(reload)["unfinished"] == (["app"] if STALE[reload] else [])
    assert looked(reload, upstreams=[])["unfinished"] == (["app"] if reload is True else [])
    platform.settings = {"cache-config": told({"event_list_ttl": 60}, {"event_list_ttl": 300})}
    assert looked(reload)["unfinished"][0] == "cache-config"


# What could not be read is left to who needs it: the assessment does not fail for it.
@pytest.mark.parametrize(
    "lacks", [{"settings": Refusal("the token is wrong.")}, {"settings": {"cache-config": Readings()}}, {"replicas": []}]
)
def test_half_a_look_is_none(platform, looked, lacks):
    vars(platform).update(lacks)
    assert looked() is None


def test_nothing_is_compared_where_nginx_was_not_asked(platform, looked, monkeypatch):
    monkeypatch.setattr(load_assessment._drift, "find", lambda *_: ([], []))
    assert assess(observe=LOOK).get("platform") is None
    assert assess(observe={**LOOK, "tiers": ["api"]})["platform"]["observed"] == {"cache-config": CACHE}


def test_who_only_assesses_waits_less_for_an_instance_that_hangs(platform, looked):
    assert "platform" not in assess(timeout=5)
    assert platform.asked["timeout"] == load_assessment.ADMIN_TIMEOUT
    looked(timeout=5)
    assert load_assessment.ADMIN_TIMEOUT < platform.asked["timeout"] < load_assessment.DEADLINE
