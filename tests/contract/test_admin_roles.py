# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The admin modules and their roles as ansible-playbook runs them: in process and as on another host, with an engine and instances of our own."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import NORMAL
from plays import ROOT, Runner

LIMITS = {"search_endpoints": {"requests_per_minute": 30}, "non_essential_endpoints": {"enabled": False}}


def test_both_lanes_give_the_same_result(runner):
    told = {}
    for elsewhere in (False, True):
        for instance in runner.platform.instances:
            instance.settings, instance.versions = copy.deepcopy(NORMAL), dict.fromkeys(NORMAL, 0)
        told[elsewhere] = runner.tasks(
            ("rate_limits", LIMITS, True),
            ("rate_limits", LIMITS, False),
            ("rate_limits", LIMITS, False),
            ("rate_limits", {"search_endpoints": {"requests_per_minute": "7"}}, True),
            ("feature_flags", {"social_features": "false"}, True),
            ("cache_config", {"event_list_ttl": 0}, False),
            ("queue_config", {"virtual_queue": {}}, False),
            ("database_config", {"read_replicas": "a:1,b:2"}, True),
            ("redis_config", {"nodes": ["a:1", "a:1"]}, False),
            ("admin_info", {}, False),
            ("queue_status", {}, False),
            elsewhere=elsewhere,
        )
    assert told[False] == told[True]
    preview, done, again, number, switch, out_of_range, nothing, replicas, twice, info, queues = told[False]
    assert (preview["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert preview["diff"] == done["diff"]
    assert (preview["version"], done["version"]) == (0, 1)
    assert number["diff"]["after"] == {"search_endpoints": {"requests_per_minute": 7}}
    assert switch["diff"]["after"] == {"social_features": False}
    assert out_of_range["msg"].startswith("event_list_ttl is '0', but must be")
    assert nothing["msg"].startswith("nothing was asked")
    assert replicas["diff"]["after"] == {"read_replicas": ["a:1", "b:2"]}
    assert twice["msg"].startswith("nodes contains 'a:1' more than once")
    assert info["settings"]["rate-limits"]["search_endpoints"] == {"requests_per_minute": 30}
    assert queues["status"]["virtual_queue"]["length"] == 7
    assert runner.platform.sent("POST") == [("POST", "rate-limits", LIMITS)] * 2


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_watch_grows_by_a_row_at_each_look_in_both_lanes(runner, elsewhere):
    [result] = runner.tasks(("queue_watch", {"seconds": "2", "every": "2"}, False), elsewhere=elsewhere)
    first, second = result["rows"]
    assert first["status"]["virtual_queue"] == second["status"]["virtual_queue"] == {"length": 7}
    assert 1.9 < second["at"] - first["at"] < 10
    assert "again" not in result and "steady" in str(result["report"])


ROLES = {
    "load_shedding": {"load_shedding_limits": LIMITS},
    "queues": {
        "queues_config": {"virtual_queue": {"enabled": "true", "max_concurrent_users": "7"}},
        "queues_payment": {"enabled": "true", "queue_timeout": "7"},
    },
    "feature_flags": {"feature_flags_flags": {"social_features": "false"}},
    "cache": {"cache_ttls": {"event_list_ttl": "300"}},
    "performance_mode": {"performance_mode_settings": {"high_performance_mode": "true"}},
    "app_connections": {
        "app_connections_database": {"read_replicas": []},
        "app_connections_redis": {"cluster_mode": "true", "nodes": ["redis-primary:6379", "redis-node-2:6379"]},
    },
}
CHANGES = [
    LIMITS,
    {"virtual_queue": {"enabled": True, "max_concurrent_users": 7}},
    {"enabled": True, "queue_timeout": 7},
    {"social_features": False},
    {"event_list_ttl": 300},
    {"high_performance_mode": True},
    {"read_replicas": []},
    {"cluster_mode": True, "nodes": ["redis-primary:6379", "redis-node-2:6379"]},
]


def test_roles_preview_change_once_and_take_text_for_what_it_means(runner):
    given = json.dumps({name: value for variables in ROLES.values() for name, value in variables.items()})
    changes = []
    for extra in (["--check"], [], []):
        code, results = runner.play(
            {"here": {}}, {"roles": [f"smartsports.scaling.{role}" for role in ROLES]}, "-e", given, *extra
        )
        assert code == 0
        changes.append([result["diff"]["after"] for result in results["here"] if result["changed"]])
    assert changes == [CHANGES, CHANGES, []]
    assert [patch for _, _, patch in runner.platform.sent("POST")] == CHANGES


REFUSALS = [
    (
        "load_shedding",
        {"load_shedding_limits": {"search_endpoints": {"requests_per_minute": "seven"}}},
        "is 'seven', but must be a whole number",
    ),
    (
        "feature_flags",
        {"feature_flags_flags": {"dark_mode": False}},
        "feature_flags_flags.dark_mode is not known, but must be one of analytics",
    ),
    ("cache", {"cache_ttls": {"event_list_ttl": None}}, "cache_ttls.event_list_ttl is 'None', but must be a whole number"),
    ("queues", {}, "queues_config is empty, so nothing was asked"),
    ("queues", {"queues_payment": {"enabled": "seven"}}, "queues_payment.enabled is 'seven', but must be true or false"),
    (
        "queues",
        {"queues_payment": {"enabled": True}, "queues_config": {"virtual": 1}},
        "queues_config.virtual is not known, but must be one of ticket_purchase_queue",
    ),
    ("performance_mode", {}, "performance_mode_settings is empty, so nothing was asked"),
    ("app_connections", {}, "app_connections_database is empty, so nothing was asked"),
    (
        "app_connections",
        {"app_connections_database": {"read_replicas": ["a:1", "a:1"]}},
        "app_connections_database.read_replicas contains 'a:1' more than once",
    ),
    (
        "app_connections",
        {"app_connections_redis": {"nodes": []}},
        "app_connections_redis.nodes is '[]', but must be a list of 1 to 32 host:port",
    ),
    ("platform", {"smartsports_admin_token": None}, "smartsports_admin_token is not set; give"),
    ("platform", {"smartsports_admin_token": ""}, "smartsports_admin_token is not set; give"),
    ("platform", {"smartsports_project_dir": None}, "smartsports_project_dir is '', but must be the absolute path"),
    (
        "platform",
        {"smartsports_entry_url": "127.0.0.1:80"},
        "smartsports_entry_url is '127.0.0.1:80', but must be the URL of nginx",
    ),
    ("platform", {"smartsports_prometeus_url": "http://x"}, "smartsports_prometeus_url is not a variable of this collection"),
    ("cache", {"cache_ttls": {"event_list_ttl": 9}, "smartsports_admin_token": "wrong"}, "refused the admin token (403"),
    ("cache", {"cache_ttls": {"event_list_ttl": 9}, "smartsports_app_port": 9}, "Connection refused"),
]


def test_roles_refuse_in_one_sentence_before_anything_changes(runner):
    hosts = {f"case{number}": {"role": role, **variables} for number, (role, variables, _) in enumerate(REFUSALS)}
    play = {"tasks": [{"name": "Apply", "ansible.builtin.include_role": {"name": "smartsports.scaling.{{ role }}"}}]}
    code, results = runner.play(hosts, play)
    said = {host: results[host][-1]["msg"] for host in hosts}
    assert code != 0
    for host, (_, _, sentence) in zip(hosts, REFUSALS, strict=True):
        assert results[host][-1]["failed"]
        assert sentence in said[host]
        assert "\n" not in said[host] and said[host].endswith(".")
    assert runner.platform.sent("POST") == []


class Operator:
    """Runs playbooks, and pastes what they print."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def run(self, playbook: str, *arguments: str) -> tuple[int, int, dict]:
        """Return code, how many tasks changed something, and the last result."""
        code, results = self.runner.playbook(ROOT / "playbooks" / f"{playbook}.yml", {"here": {}}, *arguments)
        return code, sum(bool(result.get("changed")) for result in results["here"]), results["here"][-1]

    def settings(self) -> dict:
        return copy.deepcopy(self.runner.platform.instances[0].settings)


UNDONE = {
    "shed_load": (["-e", "set=shedding.analytics.rpm=7"], 1, "rate-limits"),
    "degrade_features": (["-e", "features=social_features, email_notifications"], 1, "feature-flags"),
    "tune_cache": ([], 1, "cache-config"),
    "manage_queues": (["-e", "set=queue.payment.enabled=yes,queue.virtual.enabled=true"], 2, "payment-queue"),
}


@pytest.mark.parametrize("playbook", UNDONE)
def test_a_playbook_previews_changes_once_and_is_taken_back_by_what_it_prints(runner, playbook):
    arguments, tasks, resource = UNDONE[playbook]
    operator = Operator(runner)
    before = operator.settings()

    code, predicted, preview = operator.run(playbook, *arguments, "--check")
    assert (code, predicted, operator.settings()) == (0, tasks, before)
    code, changed, done = operator.run(playbook, *arguments)
    assert (code, changed, done["report"]["rows"]) == (0, tasks, preview["report"]["rows"])
    assert {name for name, settings in operator.settings().items() if settings != before[name]} >= {resource}

    [command, style] = done["report"]["lines"][-1]
    assert preview["report"]["lines"][-1] == [command.replace("undo: ", "would be undone by: "), style]
    code, changed, again = operator.run(playbook, *arguments)
    assert (code, changed) == (0, 0)
    assert not any("undo" in str(line) for line in again["report"]["lines"])

    start, _, values = command.partition("/undo.yml ")
    assert start.startswith("undo: ansible-playbook -i ") and start.endswith("hosts.yml playbooks")
    code, changed, _ = operator.run("undo", *values.split(), "-e", "tiers=api")
    assert (code, changed, operator.settings()) == (0, tasks, before)


def test_features_are_restored_a_few_at_a_time(runner):
    operator = Operator(runner)
    runner.platform.apply("feature-flags", dict.fromkeys(NORMAL["feature-flags"], False))
    runner.platform.apply("cache-config", {"event_list_ttl": 300})
    assert operator.run("restore_features", "-e", "features=analytics_tracking,email_notifications")[:2] == (0, 1)
    assert operator.settings()["feature-flags"] == {
        "analytics_tracking": True,
        "recommendation_engine": False,
        "social_features": False,
        "email_notifications": True,
    }
    assert operator.run("restore_features")[:2] == (0, 1)
    assert operator.settings()["feature-flags"] == NORMAL["feature-flags"]
    assert operator.settings()["cache-config"]["event_list_ttl"] == 300, "it is about features alone"


MISTAKES = [
    ("shed_load", ["-e", "set=shedding.search.rpm=seven"], "shedding.search.rpm is 'seven' (-e), which is not a whole number"),
    ("tune_cache", ["-e", "set=app.replicas=9"], "app.replicas was named, but only cache. can be set here"),
    ("degrade_features", ["-e", "features=dark_mode"], "'flags.dark_mode' is no field of a profile"),
    ("manage_queues", [], "neither a value nor a profile was named"),
    ("undo", [], "nothing was named to take back; give what a run printed (-e set=...), the last run (-e last=true), or a tier"),
    ("undo", ["-e", "tiers=api"], "no record is open, so nothing tells how everything was before"),
    ("undo", ["-e", "last=true"], "no record is open, so nothing tells how everything was before"),
    ("undo", ["-e", "tiers=web"], "'web' is no tier; the known ones are api, app, pool"),
    ("undo", ["-e", "last=true", "-e", "set=cache.event_list_ttl=60"], "set and last were both given"),
]


@pytest.mark.parametrize(("playbook", "arguments", "sentence"), MISTAKES)
def test_a_playbook_refuses_before_anything_changes(runner, playbook, arguments, sentence):
    code, changed, refused = Operator(runner).run(playbook, *arguments)
    assert code != 0 and changed == 0
    assert sentence in refused["msg"] and refused["msg"].endswith(".")
    assert runner.platform.sent("POST") == []
