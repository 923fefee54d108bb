# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Role incident around modules that change something, in process and as on another host."""

from __future__ import annotations

import json

import pytest
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import TOKEN
from plays import ROOT

ADMIN = {"group/smartsports.scaling.admin": "{{ smartsports_admin }}"}


def role(tasks_from, **variables):
    return {"ansible.builtin.include_role": {"name": "smartsports.scaling.incident", "tasks_from": tasks_from}, "vars": variables}


def module(name, **options):
    return {f"smartsports.scaling.{name}": options}


def play(runner, *tasks, elsewhere=False):
    """(return code, results) of tasks, with the platform's variables."""
    content = {
        "roles": ["smartsports.scaling.platform"],
        "module_defaults": ADMIN,
        "tasks": [{"name": f"Task {number}", **task} for number, task in enumerate(tasks, 1)],
    }
    code, results = runner.play({"here": runner.there() if elsewhere else {}}, content)
    return code, results["here"]


def left(runner):
    """(records, events, holder) in the state directory."""
    state = runner.directory / "state"
    records = [json.loads(path.read_text()) for path in sorted((state / "records").glob("*.json"))]
    events = [json.loads(line) for path in sorted((state / "journal").glob("*.jsonl")) for line in path.read_text().splitlines()]
    return records, events, json.loads((state / "lock.json").read_text())["holder"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_every_module_that_changes_something_is_a_step_of_the_run(runner, elsewhere):
    code, results = play(
        runner,
        role("begin", incident_why="derby", incident_severity="P1"),
        module("cache_config", event_list_ttl=300),
        role("begin"),  # within a run: nothing
        module("cache_config", event_list_ttl=300),
        module("admin_info"),
        role("end"),
        module("cache_config", event_list_ttl=120),
        elsewhere=elsewhere,
    )
    assert code == 0, results[-1]
    [record], events, holder = left(runner)
    events = [event for event in events if event["event"] != "metrics"]  # of whatever Prometheus answers on this machine
    told = [(event["event"], event["step"], event["result"], event["changed"]) for event in events]
    step = ("step-start", "cache_config", "", False)
    assert told == [
        ("opened", "", "", False),
        ("run-start", "", "", False),
        *[step, ("step-end", "cache_config", "ok", True)],
        *[step, ("step-end", "cache_config", "unchanged", False)],
        ("run-end", "", "ok", True),
    ]
    assert events[3]["after"] == {"event_list_ttl": 300}
    assert events[-1]["playbook"] == "play.yml"
    assert (record["why"], record["severity"], record["baseline"]["app.replicas"]) == ("derby", "P1", 2)
    assert record["changed"]["cache-config.event_list_ttl"]["to"] == 300
    assert holder is None
    assert (runner.directory / "become.ran").exists() == elsewhere
    state = [path for path in (runner.directory / "state").rglob("*") if path.is_file()]
    assert TOKEN not in "".join(path.read_text() for path in state)


def test_what_failed_in_a_run_is_told_at_its_end(runner):
    code, results = play(
        runner,
        role("main", incident_action="open"),
        role("run", incident_role="cache", cache_ttls={"event_list_ttl": 0}),
    )
    assert code != 0
    [record], events, holder = left(runner)
    assert "cache_ttls.event_list_ttl is '0'" in [result for result in results if result.get("failed")][-1]["msg"]
    assert (events[-1]["event"], events[-1]["result"]) == ("run-end", "failed")
    assert "cache_ttls.event_list_ttl is '0'" in events[-1]["reason"]
    assert (record["closed"], record["changed"], holder) == ("", {}, None)


def test_a_tier_that_cannot_be_read_is_not_changed(runner):
    code, results = play(runner, role("begin"), module("pgbouncer_pool", project="p", default_pool_size=7, admin_password="x"))
    assert code != 0
    assert "there would be no way back" in results[-1]["msg"]


def test_a_playbook_that_is_refused_lets_go_and_leaves_nothing(runner):
    playbook = ROOT / "playbooks/resize_pool.yml"  # a failure in it ends the play for all hosts
    code, results = runner.playbook(playbook, {"here": {}}, "-e", "default_pool_size=80")
    failed = [result["msg"] for result in results["here"] if result.get("failed")]
    assert code != 0 and failed[0].startswith("smartsports_pgbouncer_admin_password is not set")
    assert failed[-1] == failed[0]
    assert left(runner) == ([], [], None)
