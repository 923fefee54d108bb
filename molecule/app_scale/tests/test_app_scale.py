# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Three replicas serve, and the first is who it was."""

import re

import pytest
import requests


def served(address):
    """How many requests for events a replica has answered, by its own count."""
    metrics = requests.get(f"http://{address}:3000/internal/metrics", timeout=5).text
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.startswith("smartsports_http_requests_total{") and 'status_code="200"' in line and "events" in line
    )


def test_all_are_healthy(platform):
    assert [container.attrs["State"]["Health"]["Status"] for container in platform.containers("app")] == ["healthy"] * 3


def test_the_first_keeps_its_name_port_and_life(platform):
    first, second = platform.containers("app")[:2]
    assert first.name == f"{platform.prefix}-app"
    assert first.ports["3000/tcp"][0]["HostPort"] == platform.env["LAB_APP_PORT"]
    assert first.attrs["RestartCount"] == 0
    assert first.attrs["State"]["StartedAt"] < second.attrs["Created"]


def test_nginx_names_exactly_the_replicas(platform):
    text = (platform.directory / "config/nginx/upstream.conf").read_text()
    assert re.findall(r"server (\S+):3000", text) == platform.addresses("app")


def test_every_replica_answers_what_comes_in_at_nginx(platform):
    before = [served(address) for address in platform.addresses("app")]
    for _ in range(30):
        requests.get(f"{platform.entry_url}/api/v1/events", timeout=5).raise_for_status()
    after = [served(address) for address in platform.addresses("app")]
    assert all(now > then for then, now in zip(before, after, strict=True))


def test_compose_typed_by_hand_keeps_the_number(host, platform):
    answer = host.run(f"cd {platform.directory} && docker compose up --detach --no-recreate app")
    assert answer.rc == 0, answer.stderr
    assert len(platform.containers("app")) == 3


def test_the_environment_stays_private(host, platform):
    environment = host.file(str(platform.directory / ".env"))
    assert environment.mode == 0o600
    assert environment.contains("^COMPOSE_FILE=docker-compose.prod.yml:docker-compose.scale.yml$")


@pytest.mark.parametrize("leftover", ["docker-compose.scale.yml", ".env", "config/nginx/upstream.conf"])
def test_nothing_half_written_is_left(platform, leftover):
    path = platform.directory / leftover
    assert not path.with_name(f".{path.name}.candidate").exists()
