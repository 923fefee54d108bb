"""`docker compose up -d` typed by hand in the middle of an incident: nothing is lost, `assess` tells the drift, one command ends it."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path

from lab import scenario
from lab.load import record, verify
from lab.scenario import Crowd, Lab

RATE = 20


def test_compose_up_by_hand_loses_nothing(calm: Lab, tmp_path: Path, proof):
    # A first scale-up leaves replica 1 with the base definition, so that Compose recreates it: nginx then names an address that nobody has.
    recreate_all(calm)
    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=5"))
    scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240"))
    before = scenario.state(calm)
    assert drift(calm) == []

    with Crowd(calm, tmp_path, RATE, 300, arrivals="even") as crowd:
        time.sleep(5)  # a quiet stretch, for comparison
        typed = time.time()
        compose_up(calm)
        told = wait_for_drift(calm, typed)
        healing = time.time()
        playbook, *arguments = shlex.split(told["drift"][0]["heals"])
        scenario.must(scenario.play(calm, playbook.removesuffix(".yml"), *arguments))
        healed = time.time()
        time.sleep(5)  # and one after it
        figures = crowd.end()

    after = scenario.state(calm)
    assert [each["heals"] for each in told["drift"]] == ["scale_app.yml -e replicas=5"]
    assert drift(calm) == []
    assert len(after["containers"]) == len(before["containers"]) == 5
    assert after["containers"] != before["containers"], "Compose recreated nothing: there was no drift to test"
    assert after["settings"] == before["settings"]
    routes = after["files"]["config/nginx/upstream.conf"]
    assert all(scenario.address(container) in routes for container in scenario.containers(calm))

    samples = record.read_samples(tmp_path)
    windows = {"before": (0, typed), "drift": (typed, healing), "healing": (healing, healed), "after": (healed, time.time())}
    failed = {
        name: sum(each.outcome == "failed" for each in samples if since <= each.at < until)
        for name, (since, until) in windows.items()
    }
    purchases = verify.purchases([tmp_path], calm.prefix)
    proof(
        "compose_up_by_hand",
        {
            "rate": RATE,
            "requests": figures["requests"],
            "failed": figures["failed"],
            "failures": figures["failures"],
            "failed_in": failed,
            "seconds_to_drift": round(healing - typed, 1),
            "seconds_to_heal": round(healed - healing, 1),
            "severity": told["severity"],
            "drift": told["drift"],
            "purchases": purchases,
        },
    )
    assert purchases["acknowledged"] > 0
    assert (purchases["missing"], purchases["sold_twice"]) == (0, 0)
    assert (failed["before"], failed["after"]) == (0, 0), figures["failures"]


def compose_up(lab: Lab, *options: str) -> None:
    """What somebody types in the directory of the deployment, in a shell without the tests' own variables."""
    environment = {name: value for name, value in os.environ.items() if name not in lab.settings}
    command = ["docker", "compose", "up", "-d", *options]
    subprocess.run(command, cwd=lab.directory, env=environment, check=True, capture_output=True)


def recreate_all(lab: Lab) -> None:
    """One replica of the base definition, as on the day of the deployment, and nginx with the file of that day."""
    scenario.must(scenario.play(lab, "scale_down", "-e", "replicas=1"))
    (lab.directory / "docker-compose.scale.yml").unlink()
    env = lab.directory / ".env"
    text = env.read_text().replace(":docker-compose.scale.yml", "")
    env.write_text(text)
    compose_up(lab, "--wait")
    scenario.must(scenario.play(lab, "scale_app", "-e", "replicas=1"))


def assessed(lab: Lab) -> dict:
    return scenario.must(scenario.play(lab, "assess")).result_of("load_assessment")


def drift(lab: Lab) -> list[dict]:
    return assessed(lab)["drift"]


def wait_for_drift(lab: Lab, since: float) -> dict:
    while not (result := assessed(lab))["drift"]:
        assert time.time() - since < 60, result["remarks"]
    return result
