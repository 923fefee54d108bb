"""A platform whose compose files are other people's is driven by its inventory alone: up and down under load, and no request fails."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest
import requests
from platforms import Foreign

from lab.figures import keep
from lab.scenario import Crowd, Played

MOST = 4


@pytest.fixture
def crowd(platform: Foreign, tmp_path) -> Crowd:
    """Visitors, until the test ends them."""
    kind, rate = platform.crowd
    site = dict(platform.site)
    if "ca" in site:
        site["ca"] = platform.directory / site["ca"]
    with Crowd(platform, tmp_path, rate, 300, crowd=kind, arrivals="even", **site) as running:
        yield running


def previewed(platform: Foreign, playbook: str, replicas: int) -> Played:
    """Preview, run, run again: the preview names the run's changes and makes none, the second run has nothing to do."""
    arguments = (playbook, "-e", f"replicas={replicas}")
    before = platform.state()
    preview = platform.play(*arguments, "--check")
    assert platform.state() == before
    played = platform.play(*arguments)
    assert [task for task, _diff in preview.changes] == [task for task, _diff in played.changes]
    again = platform.play(*arguments)
    assert (again.changed, again.changes) == (0, [])
    return played


def test_up_and_down_under_load(platform: Foreign, crowd: Crowd):
    # As it was started: nginx knows the application by a name. From here on, by its replicas.
    assert len(platform.containers(platform.app)) == platform.replicas
    platform.play("scale_app", "-e", f"replicas={platform.replicas}")
    before = platform.state()

    assert previewed(platform, "scale_app", MOST).changed
    assert len(platform.containers(platform.app)) == MOST
    counts = platform.served()
    assert len(counts) == MOST
    unasked = counts
    end = time.monotonic() + 20  # nginx draws lots on some of them
    while unasked and time.monotonic() < end:
        time.sleep(1)  # visitors come and go: part of what is measured
        after = platform.served()
        unasked = {name: count for name, count in unasked.items() if after[name] <= count}
    assert unasked == {}, "replicas that nobody asks"

    assert previewed(platform, "scale_down", platform.replicas).changed
    time.sleep(1)
    figures = crowd.end()
    scaled = [platform.replicas, MOST, platform.replicas]
    keep(
        f"foreign_{platform.name}",
        {"scaled": scaled, **{key: figures[key] for key in ("requests", "failed", "limited", "queued", "p95")}},
    )
    assert platform.state() == before
    assert figures["requests"] > 200
    assert (figures["failed"], figures["failures"]) == (0, {}), figures


def test_assess_sees_all_of_it(platform: Foreign):
    """Without Prometheus: replicas, pool and Redis are asked themselves, as the inventory says how."""
    found = platform.play("assess").result_of("load_assessment")
    assert found["source"] == "direct"
    assert found["replicas"] == {"running": platform.replicas, "seen": platform.replicas, "start": 0}
    values = {reason["metric"]: reason["value"] for reason in found["reasons"]}
    assert {name for name, value in values.items() if value is None} == set(), found["remarks"]
    assert {"connections", "redis_memory", "probe_time", "cpu", "memory"} <= set(values)
    assert values["probe_failures"] == 0
    assert "P0" not in [reason["severity"] for reason in found["reasons"]]


def test_what_is_not_the_application_is_left_alone(platform: Foreign):
    """The blocks' own parameters, the other servers of nginx, services of other profiles."""
    text = "".join(platform.state()["upstreams"].values())
    own = {
        "two_upstreams": [
            "least_conn;",
            "keepalive 16;",
            "max_fails=0;",
            "weight=3 max_fails=2 fail_timeout=4s;",
            "127.0.0.1:8009 backup;",
        ],
        "locked_redis": ["random two least_conn;", "max_conns=200;"],
        "tls_frontend": ["upstream frontend { server pagina:80; }"],
    }[platform.name]
    assert [part for part in own if part not in text] == []
    assert platform.containers("report") == []


def test_the_site_is_as_its_owners_made_it(platform: Foreign):
    """Where nginx serves more than the application: the frontend by its name, and plain HTTP sent to TLS."""
    if platform.name == "tls_frontend":
        name, authority = platform.site["host"], platform.directory / platform.site["ca"]
        assert "<title>Entradas</title>" in over_tls(23103, name, authority)
        plain = requests.get("http://127.0.0.1:23104/", headers={"Host": name}, allow_redirects=False, timeout=5)
        assert (plain.status_code, plain.headers["Location"]) == (301, f"https://{name}/")
    else:
        assert requests.get(f"{platform.target}/admin/rate-limits", timeout=5).status_code in (403, 404)


def over_tls(port: int, name: str, authority: Path) -> str:
    """The answer to GET / of a site that no DNS knows."""
    context = ssl.create_default_context(cafile=authority)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=name) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()
