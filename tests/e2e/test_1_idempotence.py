"""Check mode predicts exactly what the run then changes; the second run changes nothing. Every playbook has its case here."""

from __future__ import annotations

import os
import re
import shlex

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _limits, _runs

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
    "undo": ["-e", "set=cache.event_list_ttl=120,queue.virtual.enabled=false"],
    "reset_configuration": [],
    "resize_app back": ["-e", "cpus=0.15", "-e", "memory=192M", "-e", "lower=true"],
    "scale_down": ["-e", "replicas=2"],
    "automation": ["-e", "state=off", "-e", "why=test"],
    "automation back": ["-e", "state=on"],
    "incident": ["-e", "action=acknowledge", "-e", f"awx_user_name=tester-{os.getpid()}"],
}
LOOKS = {
    "assess": [],
    "check_inventory": [],
    "escalate": [],
    "plan": ["-e", "profile=overload"],
    "timeline": [],
    "watch_queue": ["-e", "seconds=3", "-e", "every=2"],
}
# What takes several runs, without the waits between them.
STAGES = [
    *(f"-erecovery_{wait}_minutes=0" for wait in ("quiet", "between", "feature")),
    "-e",
    "override=test",
]
# What changes something else than the platform, or waits for low load: the test that previews it and runs it.
ELSEWHERE = {
    "break_glass": "tests/contract/test_break_glass.py",
    "prepare_host": "tests/e2e/test_9_hosts.py",
    "expire": "tests/e2e/test_4_expire.py",
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


def foretold(preview: scenario.Played) -> set[tuple]:
    """{(field, from, to)}, as check mode tells it: the plan's changes, and the differences of the modules that a playbook applies without a plan."""
    return {change for entry in preview.results for change in _foretold(entry["action"].rpartition(".")[2], entry["result"])}


def _foretold(module: str, result: dict) -> list[tuple]:
    before, after = ((result.get("diff") or {}).get(part) or {} for part in ("before", "after"))
    if module in ("profile_plan", "restore_plan"):
        found = [(f"{change['object']}.{change['path']}", change["from"], change["to"]) for change in result.get("changes", [])]
    elif module == "app_scale_info":
        found = [("app.replicas", before["replicas"], after["replicas"])] if after else []
    elif module == "app_resources":
        pairs = [(limits, after["containers"][name]) for name, limits in before["containers"].items()]
        found = [(f"app.{limit}", old[limit], new[limit]) for old, new in pairs for limit in old]
    elif module == "pgbouncer_pool":
        found = [(f"pool.{name}", *(int(sizes[name]["in force"]) for sizes in (before, after))) for name in before]
    else:
        found = []
    return [change for change in found if change[1] != change[2]]


def fields(state: dict) -> dict:
    """A state as a run's record has it, looked at from outside."""
    limits = [_limits.of({"NanoCpus": nano, "Memory": memory}) for nano, memory, _swap in state["limits"]]
    assert all(each == limits[0] for each in limits), limits
    pool = int(re.search(r"(?m)^default_pool_size = (\d+)", state["files"][scenario.PGBOUNCER])[1])
    app = {"replicas": len(state["containers"]), **limits[0]}
    return _runs.flat({**state["settings"], "app": app, "pool": {"default_pool_size": pool}})


def triples(changes: dict[str, dict]) -> set[tuple]:
    return {(field, change["from"], change["to"]) for field, change in changes.items()}


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
    after = scenario.state(fresh)
    assert foretold(preview) == triples(_runs.differences(fields(before), fields(after)))
    ended = [entry["result"]["changes"] for entry in first.results if entry["action"].endswith(".run_end")]
    assert [triples(changes) for changes in ended] == [foretold(preview)][: len(ended)], "the record has it as it was predicted"
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


def test_a_recovery_in_stages_ends_where_its_preview_says(fresh: Lab):
    scenario.must(scenario.play(fresh, "respond", "-e", "profile=elevated", "-e", "set=app.replicas=3"))
    before = scenario.state(fresh)
    preview = scenario.must(scenario.play(fresh, "recover", *STAGES, "--check", "--diff"))
    assert scenario.state(fresh) == before, "check mode changed something"
    scenario.must(scenario.play(fresh, "recover", *STAGES))
    assert foretold(preview) == triples(_runs.differences(fields(before), fields(scenario.state(fresh))))


def test_every_playbook_has_a_case():
    playbooks = {path.stem for path in (scenario.ROOT / "playbooks").glob("*.yml")}
    assert playbooks == {name.split()[0] for name in RUNS} | LOOKS.keys() | ELSEWHERE.keys() | {"recover"}
    for playbook, test in ELSEWHERE.items():
        text = (scenario.ROOT / test).read_text()
        assert playbook in text and "--check" in text


@pytest.mark.parametrize("playbook", LOOKS)
def test_looking_changes_nothing(fresh: Lab, playbook: str):
    before = scenario.state(fresh)
    played = scenario.play(fresh, playbook, *LOOKS[playbook])
    assert (played.rc, played.changed) == (0, 0), played.output
    assert scenario.state(fresh) == before
