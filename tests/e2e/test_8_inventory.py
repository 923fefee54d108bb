"""`check_inventory` finds nothing wrong with an inventory that fits, and names each mismatch of one that does not; it changes nothing."""

from __future__ import annotations

import re
import time

import pytest

from lab import scenario
from lab.scenario import Lab, Played

# -e, and what -> a pattern of its line
WRONG = {
    "service": (["smartsports_app_service=apps"], {"smartsports_app_service": "did you mean app"}),
    "nginx's service": (["smartsports_nginx_service=ngnix"], {"smartsports_nginx_service": "did you mean nginx"}),
    "port": (["smartsports_app_port=3999"], {"smartsports_app_port": "nothing listens there .* did you mean 3000"}),
    "port in letters": (["smartsports_app_port=seven"], {"smartsports_app_port": "'seven', but must be of type int"}),
    "token": (["smartsports_admin_token=wrong-token-for-a-test"], {"admin API": "403.* set smartsports_admin_token"}),
    "no token": (["smartsports_admin_token="], {"smartsports_admin_token": "is not set"}),
    "TLS": (["smartsports_admin_scheme=https"], {"admin API": "smartsports_admin_scheme"}),
    "health path": (["smartsports_app_health_path=/nowhere"], {"smartsports_app_health_path": "answers 404"}),
    "metrics path": (["smartsports_app_metrics_path=/health"], {"smartsports_app_metrics_path": "no metrics"}),
    "upstream": (["smartsports_nginx_upstreams=web"], {"smartsports_nginx_upstreams": "upstream app"}),
    "entry": (["smartsports_entry_url=http://127.0.0.1:9"], {"smartsports_entry_url": "published at 127.0.0.1"}),
    "Prometheus": (["smartsports_prometheus_url=http://127.0.0.1:9"], {"smartsports_prometheus_url": "refuses connections"}),
    "directory": (["smartsports_project_dir=/nowhere/at/all"], {"smartsports_project_dir": "no such directory.* set it to "}),
    "file": (["smartsports_compose_files=docker-compose.yml"], {"smartsports_compose_files": "docker-compose.prod.yml"}),
    "project": (["smartsports_project=elsewhere"], {"smartsports_project": "containers of "}),
    "PgBouncer's password": (
        ["smartsports_pgbouncer_admin_password=wrong"],
        {"PgBouncer": "smartsports_pgbouncer_admin_password"},
    ),
    "PgBouncer's port": (["smartsports_pgbouncer_port=6433"], {"PgBouncer": "smartsports_pgbouncer_port"}),
    "misspelt": (["smartsports_nginx_servise=nginx"], {"smartsports_nginx_servise": "is not a variable"}),
    "maximum": (["app_scale_maximum=7"], {"app_scale_maximum": "overload wants 10"}),
    "several at once": (
        [
            "smartsports_redis_service=rediss",
            "smartsports_entry_url=http://127.0.0.1:9",
            "smartsports_app_port=3999",
            "smartsports_nginx_upstreams=web",
        ],
        {
            "smartsports_redis_service": "did you mean redis-",
            "smartsports_entry_url": ".",
            "smartsports_app_port": "3000",
            "smartsports_nginx_upstreams": "upstream app",
        },
    ),
}


@pytest.fixture(scope="module")
def quiet(lab: Lab) -> Lab:
    scenario.settle(lab)
    return lab


def lines(played: Played) -> dict[str, str]:
    found = played.result_of("inventory_check")["mismatches"]
    return {each["what"]: f"{each['says']} | {each['has']} | {each['fix']}" for each in found}


def test_the_labs_inventory_fits(quiet: Lab, proof):
    before = scenario.state(quiet)
    began = time.monotonic()
    while (played := scenario.play(quiet, "check_inventory")).rc and time.monotonic() - began < 60:
        assert set(lines(played)) <= {"Prometheus"}, played.output  # it lists new replicas after some seconds
    assert (played.rc, played.changed, lines(played)) == (0, 0, {}), played.output
    warned = {each["what"] for each in played.result_of("inventory_check")["remarks"]}
    assert warned <= {"smartsports_contacts", "app_scale_maximum"}, played.output
    assert played.result_of("inventory_check")["not_checked"] == []
    assert scenario.state(quiet) == before
    proof("check_inventory", {"seconds": round(played.seconds, 1)})


@pytest.mark.parametrize("name", WRONG)
def test_a_mismatch_is_a_line(quiet: Lab, name: str):
    values, expected = WRONG[name]
    before = scenario.state(quiet)
    played = scenario.play(quiet, "check_inventory", *(word for value in values for word in ("-e", value)))
    found = lines(played)
    assert played.rc != 0, played.output
    assert set(found) == set(expected), played.output
    for what, pattern in expected.items():
        assert re.search(pattern, found[what]), found[what]
        assert what in played.output
    assert "Traceback" not in played.output
    assert played.changed == 0
    assert scenario.state(quiet) == before
