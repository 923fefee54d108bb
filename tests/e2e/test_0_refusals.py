"""Every operator error is one clear sentence, changes nothing, and ends with rc != 0."""

from __future__ import annotations

import re

import pytest

from lab import scenario
from lab.scenario import Lab

# playbook, arguments, what the sentence must say
ERRORS = {
    "no replicas": ("scale_app", ["-e", "replicas=0"], r"replicas.*\b0\b|\b0\b.*replicas"),
    "1000 replicas": ("scale_app", ["-e", "replicas=1000"], r"1000"),
    "seven": ("scale_app", ["-e", "replicas=seven"], r"seven"),
    "scale down to none": ("scale_down", ["-e", "replicas=0"], r"\b0\b"),
    "scale down to seven": ("scale_down", ["-e", "replicas=seven"], r"seven"),
    "scaling up must not scale down": ("scale_app", ["-e", "replicas=1"], r"scale_down|scaling down|fewer|below"),
    "seven CPUs in letters": ("resize_app", ["-e", "cpus=seven"], r"seven"),
    "more CPUs than the host has": ("resize_app", ["-e", "cpus=1000"], r"1000"),
    "more memory than the host has": ("resize_app", ["-e", "memory=4000G"], r"GiB of this host"),
    "less memory without being asked": ("resize_app", ["-e", "memory=100M"], r"lower=true"),
    "less memory than is in use": ("resize_app", ["-e", "memory=8M", "-e", "lower=true"], r"uses"),
    "resized to nothing": ("resize_app", [], r"cpus nor memory"),
    "unknown profile": ("respond", ["-e", "profile=panic"], r"panic"),
    "unknown flag": ("respond", ["-e", "profile=elevated", "-e", "set=flags.confetti=false"], r"confetti"),
    "value of the wrong type": ("respond", ["-e", "profile=elevated", "-e", "set=app.replicas=seven"], r"seven"),
    "value out of range": ("respond", ["-e", "profile=elevated", "-e", "set=app.replicas=1000"], r"1000"),
    "wrong token": ("respond", ["-e", "profile=overload", "-e", "smartsports_admin_token=wrong-token-for-a-test"], r"403|token"),
    "missing variable": (
        "respond",
        ["-e", "profile=overload", "-e", "smartsports_admin_token="],
        r"smartsports_admin_token|token",
    ),
    "missing directory": ("scale_app", ["-e", "replicas=3", "-e", "smartsports_project_dir=/nowhere/at/all"], r"/nowhere/at/all"),
    "unreachable API": ("respond", ["-e", "profile=overload", "-e", "smartsports_app_port=9"], r"connect|reach|refused|answer"),
}


@pytest.fixture(scope="module")
def quiet(lab: Lab) -> Lab:
    scenario.settle(lab)
    return lab


@pytest.mark.parametrize("error", ERRORS)
def test_is_one_sentence_and_changes_nothing(quiet: Lab, error: str):
    playbook, arguments, says = ERRORS[error]
    before = scenario.state(quiet)
    played = scenario.play(quiet, playbook, *arguments)
    assert played.rc != 0, played.output
    assert is_one_sentence(played.failure), played.failure
    assert re.search(says, played.failure, re.IGNORECASE), played.failure
    assert "Traceback" not in played.output
    assert played.changed == 0
    assert scenario.state(quiet) == before


def test_a_platform_that_is_not_there_is_refused(quiet: Lab):
    played = scenario.play(quiet, "scale_app", "-e", "replicas=3", "-e", "smartsports_project=elsewhere")
    assert played.rc != 0
    assert is_one_sentence(played.failure), played.failure
    assert "elsewhere" in played.failure


def test_prometheus_down_is_said_and_the_containers_are_asked(quiet: Lab):
    before = scenario.state(quiet)
    played = scenario.play(quiet, "assess", "-e", "smartsports_prometheus_url=http://127.0.0.1:9")
    result = played.result_of("load_assessment")
    assert played.rc == 0, played.output
    assert result["source"] == "direct"
    assert "prometheus" in played.output.lower()
    assert result["severity"] in (*scenario.LEVELS, "unknown")
    assert scenario.state(quiet) == before


def is_one_sentence(message: str) -> bool:
    """Ends like a sentence, on one line, and starts no second one."""
    message = message.strip()
    return bool(message) and "\n" not in message and message.endswith(".") and not re.search(r"[.!?] [A-Z]", message)
