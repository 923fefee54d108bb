# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The roles have been applied when these tests begin; they go on from there, in order."""

import json
import subprocess
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[3]
APPLIED = {
    "rate-limits": {
        "search_endpoints": {"requests_per_minute": 30},
        "analytics_endpoints": {"requests_per_minute": 600},
        "non_essential_endpoints": {"enabled": False},
    },
    "feature-flags": {
        "analytics_tracking": True,
        "recommendation_engine": False,
        "social_features": False,
        "email_notifications": True,
    },
    "queue-config": {
        "ticket_purchase_queue": {"enabled": True, "max_concurrent": 500},
        "virtual_queue": {"enabled": False, "max_concurrent_users": 5000, "queue_timeout": 1800, "estimated_wait_time": True},
    },
    "cache-config": {"event_list_ttl": 300, "venue_info_ttl": 300, "team_info_ttl": 300, "static_content_ttl": 1800},
    "payment-queue": {
        "enabled": True,
        "max_concurrent_payments": 1000,
        "retry_failed_payments": True,
        "queue_timeout": 600,
    },
    "performance-mode": {"high_performance_mode": True},
    "database-config": {"read_replicas": []},
    "redis-config": {"cluster_mode": False, "nodes": ["redis-primary:6379", "redis-primary:6380"]},
}
BACK = {
    "load_shedding_limits": {"search_endpoints": {"requests_per_minute": 600}, "non_essential_endpoints": {"enabled": True}},
    "feature_flags_flags": {"recommendation_engine": True, "social_features": True},
    "queues_config": {"ticket_purchase_queue": {"enabled": False, "max_concurrent": 1000}},
    "queues_payment": {"enabled": "false", "retry_failed_payments": False},
    "cache_ttls": {"event_list_ttl": 60},
    "performance_mode_settings": {"high_performance_mode": "false"},
    "app_connections_database": {"read_replicas": ["postgres-replica:5432"]},
    "app_connections_redis": {"nodes": ["redis-primary:6379"]},
}
ROLES = ["load_shedding", "feature_flags", "queues", "cache", "performance_mode", "app_connections"]


def converge(*arguments, playbook="molecule/shared/converge.yml", roles=ROLES, **variables):
    """(return code, output) of the scenario's roles with other variables, or of another playbook."""
    given = json.dumps({"scenario_roles": roles, **variables})
    command = [
        "ansible-playbook",
        "-i",
        "inventory/lab",
        playbook,
        "--diff",
        "-vvv",
        "-e",
        given,
        *arguments,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("resource", APPLIED)
def test_every_instance_runs_with_what_was_asked(platform, resource):
    assert [answer["settings"] for answer in platform.admin(resource)] == [APPLIED[resource]] * 2


def test_the_settings_and_the_queues_tell_what_was_asked_and_hide_the_token(platform):
    code, output = converge(playbook="molecule/admin_api/observe.yml")
    assert code == 0, output
    assert "changed=0 " in output
    assert platform.env["ADMIN_TOKEN"] not in output


def test_what_is_not_essential_is_shed(platform):
    for address in platform.addresses("app"):
        answer = requests.get(f"http://{address}:3000/api/v1/recommendations", timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (429, "shed")


def test_a_second_run_changes_nothing_and_hides_the_token(platform):
    versions = [answer["version"] for answer in platform.admin("rate-limits")]
    code, output = converge()
    assert code == 0, output
    assert "changed=0 " in output
    assert platform.env["ADMIN_TOKEN"] not in output
    assert [answer["version"] for answer in platform.admin("rate-limits")] == versions


def test_a_preview_shows_the_way_back_and_does_not_take_it(platform):
    code, output = converge("--check", **BACK)
    assert code == 0, output
    assert f"changed={len(APPLIED)} " in output
    assert '+        "requests_per_minute": 600' in output
    assert platform.env["ADMIN_TOKEN"] not in output
    assert {resource: platform.admin(resource)[0]["settings"] for resource in APPLIED} == APPLIED


def test_a_mistake_is_refused_before_anything_changes(platform):
    code, output = converge(roles=["feature_flags"], feature_flags_flags={"dark_mode": False})
    assert code != 0
    assert "feature_flags_flags.dark_mode is not known, but must be one of analytics_tracking" in output
    assert platform.admin("feature-flags")[0]["settings"] == APPLIED["feature-flags"]


def test_an_address_twice_is_refused_before_anything_changes(platform):
    code, output = converge(roles=["app_connections"], app_connections_database={"read_replicas": ["a:1", "a:1"]})
    assert code != 0
    assert "app_connections_database.read_replicas contains 'a:1' more than once" in output
    assert platform.admin("database-config")[0]["settings"] == APPLIED["database-config"]


def test_a_wrong_token_is_refused_in_a_sentence(platform):
    code, output = converge(smartsports_admin_token="wrong", **BACK)
    assert code != 0
    assert "refused the admin token (403" in output
    assert platform.admin("rate-limits")[0]["settings"] == APPLIED["rate-limits"]


def test_the_way_back(platform):
    code, output = converge(**BACK)
    assert code == 0, output
    assert f"changed={len(APPLIED)} " in output
    assert platform.admin("database-config")[0]["settings"] == {"read_replicas": ["postgres-replica:5432"]}
    assert platform.admin("redis-config")[0]["settings"]["nodes"] == ["redis-primary:6379"]
    assert platform.admin("performance-mode")[0]["settings"] == {"high_performance_mode": False}
    assert platform.admin("payment-queue")[0]["settings"]["enabled"] is False
    assert [answer["settings"]["search_endpoints"] for answer in platform.admin("rate-limits")] == [
        {"requests_per_minute": 600}
    ] * 2
    assert [answer["settings"]["event_list_ttl"] for answer in platform.admin("cache-config")] == [60] * 2
    answer = requests.get(f"http://{platform.addresses('app')[0]}:3000/api/v1/recommendations", timeout=5)
    assert answer.status_code == 200
