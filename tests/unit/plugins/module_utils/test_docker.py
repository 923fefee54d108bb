# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _docker
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal


def entry(number, status="Up 3 seconds (healthy)", address="172.30.0.20", **overrides):
    """One container as the engine's list call returns it."""
    return {
        "Id": f"id{number}",
        "Names": [f"/smartsports-app-{number}"],
        "State": "running",
        "Status": status,
        "Image": "app:1",
        "Labels": {"com.docker.compose.container-number": str(number)},
        "NetworkSettings": {"Networks": {"net": {"IPAddress": address}}},
        **overrides,
    }


class Engine:
    """The one call of the SDK that is used; records its arguments."""

    def __init__(self, entries):
        self.entries = entries
        self.api = self

    def containers(self, **arguments):
        self.arguments = arguments
        if isinstance(self.entries, Exception):
            raise self.entries
        return self.entries


def test_sorted_by_number_with_gaps():
    found = _docker.containers(Engine([entry(10), entry(2), entry(7)]), "p", "app")
    assert [container.number for container in found] == [2, 7, 10]


def test_filters_by_project_and_service_and_leaves_one_off_runs_out():
    engine = Engine([])
    _docker.containers(engine, "p", "app")
    assert engine.arguments == {
        "all": False,
        "filters": {
            "label": ["com.docker.compose.project=p", "com.docker.compose.service=app", "com.docker.compose.oneoff=False"],
        },
    }


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 seconds (healthy)", "healthy"),
        ("Up 3 seconds (unhealthy)", "unhealthy"),
        ("Up 1 second (health: starting)", "starting"),
        ("Up 2 hours", "none"),
        ("Exited (137) 2 minutes ago", "none"),
    ],
)
def test_health_comes_from_the_status_text(status, health):
    assert _docker.containers(Engine([entry(1, status=status)]), "p", "app")[0].health == health


def test_a_stopped_container_has_no_address():
    assert _docker.containers(Engine([entry(1, address="")]), "p", "app")[0].address == ""


def test_the_address_on_a_network_that_is_named():
    networks = {"NetworkSettings": {"Networks": {"b": {"IPAddress": "10.2.0.1"}, "a": {"IPAddress": "10.1.0.1"}}}}
    [found] = _docker.containers(Engine([entry(1, **networks)]), "p", "app")
    assert (found.address, found.address_on("b")) == ("10.1.0.1", "10.2.0.1")
    with pytest.raises(Refusal, match="smartsports_network is 'c', but smartsports-app-1 is in a, b; name one of these"):
        found.address_on("c")


def test_an_engine_that_does_not_answer_is_one_sentence():
    with pytest.raises(Refusal, match="did not list the containers of p/app"):
        _docker.containers(Engine(_docker.DockerException("gone")), "p", "app")


def test_no_engine(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(Refusal, match="no Docker engine answers"):
        _docker.connect()
