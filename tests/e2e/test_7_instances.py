"""An instance that lost its way to the database goes on with old settings: `assess` tells it, and its command ends it or says who cannot follow.

The lab's instances share their settings in PostgreSQL, so a POST to one of them cannot set it apart: it is saved for all of them, or refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests

from lab import scenario
from lab.scenario import Lab

TTL = 240


def test_an_instance_with_old_settings_is_told(calm: Lab):
    first, lost = scenario.containers(calm)
    with without_database(calm, lost):
        assert post(calm, first) == 200
        assert post(calm, lost) == 503
        told = assessed(calm)
        assert len(told["drift"]) == 1, told["remarks"]
        [drift] = told["drift"]
        assert (drift["what"], drift["found"]) == ("cache-config", f"{lost.name}: event_list_ttl is 60, not {TTL}")
        assert drift["heals"] == f"undo.yml -e set=cache.event_list_ttl={TTL}"
        in_vain = heal(calm)
        assert in_vain.rc != 0
        assert f"1 of 2 instances do not run with the cache-config asked for after 10 s ({lost.name}: " in in_vain.failure
    scenario.must(heal(calm))
    assert assessed(calm)["drift"] == []
    assert heal(calm).changed == 0


@contextmanager
def without_database(lab: Lab, replica) -> Iterator[None]:
    """Its address is another for this replica: an unreachable one of the documentation's network."""
    entry = "192.0.2.1 postgres-primary"
    shell(replica, f"echo '{entry}' >> /etc/hosts")
    database = docker.from_env().containers.get(f"{lab.prefix}-postgres-primary")
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr = '{scenario.address(replica)}'"
    shell(database, f'psql -U postgres -d postgres -c "{query}"', "postgres")
    try:
        yield
    finally:
        shell(replica, f"others=$(grep -v '{entry}' /etc/hosts) && echo \"$others\" > /etc/hosts")


def shell(container, command: str, user: str = "root") -> None:
    code, output = container.exec_run(["sh", "-c", command], user=user)
    assert code == 0, output


def post(lab: Lab, replica) -> int:
    headers = {"Authorization": f"Bearer {lab.settings['ADMIN_TOKEN']}"}
    url = f"http://{scenario.address(replica)}:3000/admin/cache-config"
    return requests.post(url, json={"event_list_ttl": TTL}, headers=headers, timeout=10).status_code


def heal(lab: Lab) -> scenario.Played:
    return scenario.play(lab, "undo", "-e", f"set=cache.event_list_ttl={TTL}")


def assessed(lab: Lab) -> dict:
    """An assessment that has seen everything: on a busy host one may have to do without what came too late, and says so."""
    end = time.monotonic() + 60
    while True:
        told = scenario.must(scenario.play(lab, "assess")).result_of("load_assessment")
        if not told["remarks"] or time.monotonic() > end:
            return told
