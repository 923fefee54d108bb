"""`docker compose up -d` typed by hand in the middle of an incident: nothing is lost, `assess` tells the drift, one command ends it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from lab import scenario
from lab.load import record, verify
from lab.scenario import Crowd, Lab

pytestmark = pytest.mark.alone

RATE = 8  # visitors a second
BASE = "docker-compose.prod.yml"
WAYS = {
    "as it is": (["up", "-d"], 5),
    "with more replicas": (["up", "-d", "--scale", "app=7"], 7),
    # Without the override: Compose stops all but one, and now and then fails before that one has its name and starts.
    "with the base file alone": (["-f", BASE, "up", "-d"], 5),
}  # what is typed, and how many run when it is healed


@pytest.mark.parametrize("way", WAYS)
def test_compose_up_by_hand_loses_nothing(calm: Lab, tmp_path: Path, proof, way: str):
    command, count = WAYS[way]
    as_deployed(calm)
    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=5"))
    scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240"))
    before = scenario.state(calm)
    assert assessed(calm)["drift"] == []

    with Crowd(calm, tmp_path, RATE, 300, arrivals="even") as crowd:
        time.sleep(5)  # a quiet stretch, for comparison
        typed = time.time()
        compose(calm, *command, check="-f" not in command)
        present = scenario.containers(calm)
        told = assessed(calm)
        healing = time.time()
        for each in told["drift"][:1]:
            playbook, *arguments = shlex.split(each["heals"])
            scenario.must(scenario.play(calm, playbook.removesuffix(".yml"), *arguments))
        healed = time.time()
        time.sleep(15)  # who came before that leaves, or gives up
        calm_again = time.time()
        time.sleep(5)
        figures = crowd.end()

    assert [container.id for container in present] != before["containers"], "Compose recreated nothing"
    addresses = {scenario.address(container) for container in present}
    routes = set(re.findall(r"server ([\d.]+):", before["files"]["config/nginx/upstream.conf"]))
    # A recreated replica may get its old address back: then nginx is right, and there is nothing to tell.
    assert bool(told["drift"]) == (addresses != routes), told["drift"]
    assert {each["heals"] for each in told["drift"]} <= {f"scale_app.yml -e replicas={count}"}
    assert told["drift"] or count == 5
    if "-f" in command:
        assert len(present) < 5
        replicas = next(each for each in told["drift"] if each["what"] == "replicas")
        assert f"made from {BASE} alone" in replicas["found"]
    assert assessed(calm)["drift"] == []
    after = scenario.state(calm)
    assert len(after["containers"]) == count
    assert after["settings"] == before["settings"]
    assert all(scenario.address(each) in after["files"]["config/nginx/upstream.conf"] for each in scenario.containers(calm))

    samples = record.read_samples(tmp_path)
    windows = {
        "before": (0, typed),
        "drift": (typed, healing),
        "healing": (healing, calm_again),
        "after": (calm_again, time.time()),
    }
    failed = {
        name: sum(each.outcome == "failed" for each in samples if since <= each.at < until)
        for name, (since, until) in windows.items()
    }
    purchases = verify.purchases([tmp_path], calm.prefix)
    proof(
        f"compose_up_by_hand_{way.replace(' ', '_')}",
        {
            "rate": RATE,
            **{key: figures[key] for key in ("requests", "failed", "failures")},
            "failed_in": failed,
            "seconds_to_know": round(healing - typed, 1),
            "seconds_to_heal": round(healed - healing, 1),
            "severity": told["severity"],
            "drift": told["drift"],
            "purchases": purchases,
        },
    )
    assert purchases["acknowledged"] > 0
    assert (purchases["missing"], purchases["sold_twice"]) == (0, 0)
    assert (failed["before"], failed["after"]) == (0, 0), figures["failures"]


def test_where_compose_left_none_the_command_of_assess_starts_them_again(calm: Lab):
    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=3"))
    compose(calm, "-f", BASE, "up", "-d", check=False)
    compose(calm, "-f", BASE, "stop", "app")
    told = assessed(calm)
    assert (told["severity"], told["replicas"]["running"]) == ("P0", 0)
    [drift] = told["drift"]
    assert drift["found"] == f"none running, made from {BASE} alone, as by docker compose -f"
    assert told["command"]["command"].split()[:2] == ["ansible-playbook", "playbooks/scale_app.yml"]
    healing = ["scale_app", "-e", "replicas=3"]
    assert drift["heals"] == "scale_app.yml -e replicas=3"
    preview = scenario.must(scenario.play(calm, *healing, "--check", "--diff"))
    assert scenario.containers(calm) == []
    routes = (calm.directory / "config/nginx/upstream.conf").read_text()
    played = scenario.must(scenario.play(calm, *healing))
    replicas = scenario.containers(calm)
    assert len(replicas) == 3
    # Nobody can foresee the addresses. Where all get their old ones back, nginx is right already, and that step alone has nothing to do.
    right = set(re.findall(r"server ([\d.]+):", routes)) == {scenario.address(each) for each in replicas}
    foreseen = [task for task, _diff in preview.changes]
    assert foreseen == ["Start more replicas: 3", "Send requests to the replicas"]
    assert [task for task, _diff in played.changes] == foreseen[: 1 if right else 2]
    assert assessed(calm)["drift"] == []


def test_respond_starts_the_replicas_where_none_runs_and_goes_on(calm: Lab):
    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=3"))
    scenario.close_records(calm)
    compose(calm, "stop", "app")
    response = ["respond", "-e", "profile=elevated", "-e", "set=app.replicas=3"]
    preview = scenario.must(scenario.play(calm, *response, "--check", "--diff"))
    assert "would go from 0 to 3" in preview.output and scenario.containers(calm) == []
    scenario.must(scenario.play(calm, *response))
    assert len(scenario.containers(calm)) == 3
    assert scenario.must(scenario.play(calm, *response)).changed == 0
    assert scenario.admin_settings(calm)["cache-config"]["event_list_ttl"] > 60
    [record] = [each for each in scenario.records(calm) if not each["closed"]]
    assert record["baseline"]["app.replicas"] == 3  # nobody goes back to an outage


def compose(lab: Lab, *arguments: str, check: bool = True) -> None:
    """What somebody types in the directory of the deployment, in a shell without the tests' own variables."""
    environment = {name: value for name, value in os.environ.items() if name not in lab.settings}
    subprocess.run(["docker", "compose", *arguments], cwd=lab.directory, env=environment, check=check, capture_output=True)


def as_deployed(lab: Lab) -> None:
    """One replica of the base definition. A first scale-up leaves it so, and Compose then recreates it."""
    scenario.must(scenario.play(lab, "scale_down", "-e", "replicas=1"))
    (lab.directory / "docker-compose.scale.yml").unlink()
    env = lab.directory / ".env"
    env.write_text(env.read_text().replace(":docker-compose.scale.yml", ""))
    compose(lab, "up", "-d", "--wait")
    scenario.must(scenario.play(lab, "scale_app", "-e", "replicas=1"))


def assessed(lab: Lab) -> dict:
    return scenario.must(scenario.play(lab, "assess")).result_of("load_assessment")
