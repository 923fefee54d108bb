"""Check mode predicts exactly what the run then changes; the second run changes nothing."""

from __future__ import annotations

import shlex

import pytest

from lab import scenario
from lab.scenario import Lab

# In an order in which each finds something to do: parts of a profile, the way up, then the way back; a second word tells runs apart.
RUNS = {
    "shed_load": [],
    "tune_cache": ["-e", "set=cache.event_list_ttl=90"],
    "manage_queues": ["-e", "set=queue.payment.enabled=true,queue.virtual.enabled=true"],
    "degrade_features": [],
    "restore_features": ["-e", "features=analytics_tracking,email_notifications"],
    "resize_pool": ["-e", "default_pool_size=80"],
    "resize_app": ["-e", "cpus=0.2", "-e", "memory=224M"],
    "scale_app": ["-e", "replicas=4"],
    "respond": ["-e", "profile=overload", "-e", "set=app.replicas=5"],
    "reset_configuration": [],
    "resize_app back": ["-e", "cpus=0.15", "-e", "memory=192M", "-e", "lower=true"],
    "scale_down": ["-e", "replicas=2"],
}


def came_true(predicted, actual) -> bool:
    """Equal, but for the addresses of replicas that were not there yet: the engine gives them out."""
    if isinstance(predicted, dict):
        return (
            isinstance(actual, dict)
            and predicted.keys() == actual.keys()
            and all(came_true(predicted[key], actual[key]) for key in predicted)
        )
    if isinstance(predicted, list):
        return isinstance(actual, list) and len(predicted) == len(actual) and all(map(came_true, predicted, actual))
    return predicted == actual or (predicted == "known after apply" and isinstance(actual, str))


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Lab:
    scenario.settle(lab)
    return lab


@pytest.mark.parametrize("name", RUNS)
def test_preview_run_and_second_run(fresh: Lab, name: str):
    playbook, arguments = name.split()[0], RUNS[name]
    before = scenario.state(fresh)
    preview = scenario.play(fresh, playbook, *arguments, "--check", "--diff")
    assert preview.rc == 0, preview.output
    assert scenario.state(fresh) == before, "check mode changed something"

    first = scenario.play(fresh, playbook, *arguments, "--diff")
    assert first.rc == 0, first.output
    assert first.changes, "the run found nothing to do"
    assert [name for name, _diff in preview.changes] == [name for name, _diff in first.changes]
    for (name, predicted), (_name, actual) in zip(preview.changes, first.changes, strict=True):
        assert came_true(predicted, actual), (name, predicted, actual)
    assert preview.changed == first.changed

    second = scenario.play(fresh, playbook, *arguments, "--diff")
    assert second.rc == 0, second.output
    assert (second.changed, second.changes) == (0, [])


@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        ("shed_load", ["-e", "set=shedding.search.rpm=20"]),
        ("manage_queues", ["-e", "set=queue.purchase.enabled=true"]),
        ("respond", ["-e", "profile=overload", "-e", "set=app.replicas=3,performance_mode=true"]),
        ("resize_pool", ["-e", "default_pool_size=60"]),
        ("scale_app", ["-e", "replicas=3"]),
        ("resize_app", ["-e", "cpus=0.2", "-e", "memory=224M"]),
        ("reset_configuration", []),
    ],
)
def test_the_printed_undo_takes_just_its_own_change_back(fresh: Lab, playbook: str, arguments: list[str]):
    scenario.must(scenario.play(fresh, "tune_cache", "-e", "set=cache.event_list_ttl=90"))  # somebody's own, which stays
    before = scenario.state(fresh)
    played = scenario.must(scenario.play(fresh, playbook, *arguments))
    assert scenario.state(fresh) != before

    (command,) = [line.strip().removeprefix("undo: ") for line in played.output.splitlines() if "undo: " in line]
    program, *words = shlex.split(command)
    assert program == "ansible-playbook"
    assert words[: len(fresh.inventory)] == fresh.inventory, "it reaches the platform the same way"
    undo, *rest = words[len(fresh.inventory) :]
    scenario.must(scenario.play(fresh, undo.removeprefix("playbooks/").removesuffix(".yml"), *rest))
    after = scenario.state(fresh)
    assert after["settings"] == before["settings"]
    assert after["containers"] == before["containers"]
    assert after["limits"] == before["limits"]
    for name in ("config/nginx/upstream.conf", "config/pgbouncer/pgbouncer.ini"):
        assert after["files"][name] == before["files"][name]


@pytest.mark.parametrize(("playbook", "arguments"), [("assess", []), ("watch_queue", ["-e", "seconds=3", "-e", "every=2"])])
def test_looking_changes_nothing(fresh: Lab, playbook: str, arguments: list[str]):
    before = scenario.state(fresh)
    played = scenario.play(fresh, playbook, *arguments)
    assert (played.rc, played.changed) == (0, 0), played.output
    assert scenario.state(fresh) == before
