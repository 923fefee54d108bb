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


def test_the_files_it_was_made_from_by_name():
    labels = {"com.docker.compose.project.config_files": "/opt/p/a.yml,/opt/p/b.yml"}
    [made, unknown] = _docker.containers(Engine([entry(1, Labels=labels), entry(2)]), "p", "app")
    assert (made.files, unknown.files) == (("a.yml", "b.yml"), ())


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


class Answers:
    """An engine that loses what a command printed, until it does not."""

    def __init__(self, *answers: tuple[bytes | None, bytes | None]) -> None:
        self.api = self
        self.answers = list(answers)

    def exec_create(self, container, command):
        return {"Id": "one"}

    def exec_start(self, job, demux):
        return self.answers.pop(0)

    def exec_inspect(self, job):
        return {"ExitCode": 0}


REDIS = _docker.Container("r", "redis", 1, "running", "none", {}, "redis:7")


@pytest.mark.parametrize(
    "answers", [[(None, None), (b"PONG\n", None)], [(b"PONG\n", None)], [(b"", b""), (b"\n", None), (b"PONG\n", None)]]
)
def test_a_question_whose_answer_was_lost_is_put_again(answers):
    engine = Answers(*answers)
    assert _docker.ask(engine, REDIS, ["redis-cli", "ping"]) == (0, "PONG\n", "")
    assert engine.answers == []


def test_a_complaint_is_an_answer_and_silence_is_told_after_three_times():
    engine = Answers((None, b"no"), *[(None, None)] * 3)
    assert _docker.ask(engine, REDIS, ["redis-cli", "ping"]) == (0, "", "no")
    assert _docker.ask(engine, REDIS, ["redis-cli", "ping"]) == (0, "", "")
    assert engine.answers == []


def test_what_changes_something_is_never_put_twice():
    engine = Answers((None, None), (b"again", None))
    assert _docker.execute(engine, REDIS, ["nginx", "-s", "reload"]) == (0, "", "")
