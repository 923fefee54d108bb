"""Every block of the break-glass document, pasted into a shell: it does what its playbook does, or only looks."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from test_2_secrets import ProcessWatch

from lab import scenario
from lab.break_glass import Section, of_lab, paste
from lab.scenario import Crowd, Lab

REDIS = f"{os.environ.get('E2E_PREFIX', 'e2e')}-redis-primary:6379"  # another name of the same one
CONNECTIONS = "connections"  # role app_connections has no playbook of its own


@dataclass
class Case:
    """A section with the values an engineer types, and the playbook's run that then finds nothing to do."""

    section: str
    playbook: str
    arguments: list[str]
    values: dict[str, str] = field(default_factory=dict)


# In an order in which each finds something to do.
CASES = [
    Case("Shed load", "shed_load", []),
    Case("Tune the cache", "tune_cache", []),
    Case(
        "Queue purchases",
        "manage_queues",
        ["-e", "set=queue.purchase.enabled=true,queue.purchase.max_concurrent=900"],
        {"MAX_CONCURRENT": "900"},
    ),
    Case(
        "Let buyers wait",
        "manage_queues",
        ["-e", "set=queue.virtual.enabled=true,queue.virtual.max_concurrent_users=4000"],
        {"MAX_USERS": "4000"},
    ),
    Case("Queue payments", "manage_queues", ["-e", "set=queue.payment.enabled=true,queue.payment.retry=true"]),
    Case("Degrade features", "degrade_features", []),
    Case("Restore features", "restore_features", []),
    Case("Performance mode", "respond", ["-e", "profile=normal", "-e", "set=performance_mode=true"]),
    Case("Reset the configuration", "reset_configuration", []),
    Case(
        "Read replicas of the application",
        CONNECTIONS,
        ["-e", '{"app_connections_database": {"read_replicas": []}}'],
        {"READ_REPLICAS": "'[]'"},
    ),
    Case(
        "Redis of the application",
        CONNECTIONS,
        ["-e", f'{{"app_connections_redis": {{"nodes": ["{REDIS}"]}}}}'],
        {"NODES": f"'[\"{REDIS}\"]'"},
    ),
    Case("Resize the pools", "resize_pool", ["-e", "default_pool_size=80"]),
    Case("Resize the replicas", "resize_app", ["-e", "cpus=0.2", "-e", "memory=224M"], {"CPUS": "0.2", "MEMORY": "224M"}),
    Case("Scale up", "scale_app", ["-e", "replicas=3"], {"REPLICAS": "3"}),
    Case("Respond: elevated", "respond", ["-e", "profile=elevated", "-e", "set=app.replicas=4"], {"REPLICAS": "4"}),
    Case("Respond: high", "respond", ["-e", "profile=high", "-e", "set=app.replicas=5"], {"REPLICAS": "5"}),
    Case("Respond: overload", "respond", ["-e", "profile=overload", "-e", "set=app.replicas=6"], {"REPLICAS": "6"}),
]
LOOKING = {"Assess": {}, "Watch the queues": {"ROWS": "2", "SECONDS_BETWEEN": "1"}}
OTHERS = {"Begin", "Undo", "Scale down"}  # the first is pasted before each, the last two have tests of their own


@pytest.fixture(scope="module")
def document(lab: Lab, tmp_path_factory) -> dict[str, Section]:
    """The document of the lab's own inventory."""
    target = tmp_path_factory.mktemp("document") / "break-glass.md"
    document = of_lab(lab.prefix, target)
    text = target.read_text()
    assert [name for name, value in lab.settings.items() if name.endswith(("TOKEN", "PASSWORD")) and value in text] == []
    return document


@pytest.fixture(scope="module")
def engineer(lab: Lab, document):
    """paste(title, values) -> (rc, screen). No secret is in a process list meanwhile."""
    with ProcessWatch(lab.settings["ADMIN_TOKEN"]) as tokens, ProcessWatch(lab.settings["PGBOUNCER_ADMIN_PASSWORD"]) as passwords:
        yield partial(paste, document)
    assert tokens.looks > 10 and passwords.looks > 10
    assert (tokens.seen, passwords.seen) == ([], [])


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Lab:
    scenario.settle(lab)
    return lab


@pytest.fixture(scope="module")
def connections(fresh: Lab, tmp_path_factory) -> Iterator[str]:
    """The playbook; afterwards the application reads from where it read before."""
    play = tmp_path_factory.mktemp("play") / "connections.yml"
    play.write_text("- hosts: platform\n  gather_facts: false\n  roles: [smartsports.scaling.app_connections]\n")
    before = scenario.admin_settings(fresh, ("database-config", "redis-config"))
    yield str(play.with_suffix(""))
    back = {"app_connections_database": before["database-config"], "app_connections_redis": before["redis-config"]}
    scenario.must(scenario.play(fresh, str(play.with_suffix("")), "-e", json.dumps(back)))


def test_every_section_has_a_case(document):
    assert {case.section for case in CASES} | set(LOOKING) | OTHERS == set(document)


@pytest.mark.parametrize("title", LOOKING)
def test_looking_changes_nothing(fresh: Lab, engineer, title: str):
    before = scenario.state(fresh)
    rc, screen = engineer(title, **LOOKING[title])
    assert rc == 0, screen
    assert scenario.state(fresh) == before
    if title == "Assess":
        severity = scenario.must(scenario.play(fresh, "assess")).result_of("load_assessment")["severity"]
        assert f"SEVERITY {severity}" in screen, screen
    else:
        assert len(re.findall(r"(?m)^\d\d:\d\d:\d\d +\d+ +\d+", screen)) == 2, screen


@pytest.mark.parametrize(
    ("title", "values", "sentence"),
    [
        ("Scale up", {"REPLICAS": "1"}, "error: 1 is less than the 2 replicas that run"),
        ("Scale down", {"REPLICAS": "0"}, "error: 0 is below 1"),
        ("Resize the pools", {"POOL_SIZE": "1000"}, "error: 1000 would do nothing beyond 100: that is max_user_connections"),
        ("Resize the replicas", {"CPUS": "4000", "MEMORY": ""}, "error: more than the "),
        ("Resize the replicas", {"CPUS": "0.1", "MEMORY": ""}, "has more CPUs than that; say lower"),
        ("Redis of the application", {}, "NODES: set it to the whole list"),
    ],
)
def test_harm_is_refused_aloud(fresh: Lab, engineer, title: str, values: dict, sentence: str):
    before = scenario.state(fresh)
    rc, screen = engineer(title, **values)
    assert rc != 0 and sentence in screen, screen
    assert scenario.state(fresh) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.section)
def test_a_block_does_what_its_playbook_does(fresh: Lab, engineer, connections, case: Case):
    rc, screen = engineer(case.section, **case.values)
    assert rc == 0, screen
    assert "undo: " in screen, f"the block found nothing to do\n{screen}"
    played = scenario.must(scenario.play(fresh, connections if case.playbook == CONNECTIONS else case.playbook, *case.arguments))
    assert (played.changed, played.changes) == (0, []), screen


def test_pasted_again_nothing_changes(fresh: Lab, engineer):
    before = scenario.state(fresh)
    rc, screen = engineer("Respond: overload", REPLICAS="6")
    assert rc == 0, screen
    assert not re.search(r"\d\d:\d\d:\d\d undo: ", screen), "a change was noted"
    assert scenario.state(fresh) == before


def test_undo_takes_the_last_block_back(fresh: Lab, engineer):
    scenario.must(scenario.play(fresh, "scale_app", "-e", "replicas=6"))
    before = scenario.state(fresh)
    rc, screen = engineer("Resize the replicas", CPUS="0.25", MEMORY="256M")
    assert rc == 0 and scenario.state(fresh) != before, screen
    rc, screen = engineer("Undo")
    assert rc == 0, screen
    assert scenario.state(fresh) == before

    rc, screen = engineer("Undo")  # that of the block before, which responded
    assert rc == 0, screen
    assert len(scenario.containers(fresh)) == 5
    undo = ["-e", "set=app.replicas=5,flags.email_notifications=true,queue.virtual.enabled=false"]
    assert scenario.must(scenario.play(fresh, "undo", *undo)).changed == 0


@pytest.mark.alone
def test_scaling_down_fails_no_request(fresh: Lab, engineer, tmp_path, proof):
    scenario.must(scenario.play(fresh, "scale_app", "-e", "replicas=5"))
    with Crowd(fresh, tmp_path, 30, 120, crowd="steady", arrivals="even") as crowd:
        time.sleep(2)  # traffic before and after: part of what is measured, not a wait for something
        rc, screen = engineer("Scale down", REPLICAS="2")
        time.sleep(2)
        figures = crowd.end()
    assert rc == 0, screen
    assert len(scenario.containers(fresh)) == 2
    proof("break_glass_scale_down", {key: figures[key] for key in ("requests", "failed", "limited", "queued", "p95")})
    assert figures["requests"] > 100 and figures["failed"] == 0, figures
    assert scenario.must(scenario.play(fresh, "scale_down", "-e", "replicas=2")).changed == 0
