# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import app_retire
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, asked_at_safe_points, silent


class Response:
    def __init__(self, status_code):
        self.status_code = status_code


class EngineError(DockerException):
    def __init__(self, status_code):
        super().__init__("the engine says no")
        self.response = Response(status_code)


class Engine:
    api = property(lambda self: self)

    def __init__(self, exit_codes=None, error=None):
        self.exit_codes, self.error = exit_codes or {}, error
        self.stopped, self.removed = [], []

    def stop(self, name):
        if self.error:
            raise self.error
        self.stopped.append(name)

    def inspect_container(self, name):
        return {"State": {"ExitCode": self.exit_codes.get(name, 0)}}

    def remove_container(self, name, v, force):
        self.removed.append(name)


@pytest.fixture
def retire(monkeypatch):
    def retire(names, engine=None, states=("running", "running", "exited"), check_mode=False, said=None):
        engine = engine or Engine()
        found = [Container(f"id{n}", f"app-{n}", n, state, "healthy", {}, "app:1") for n, state in enumerate(states, start=1)]
        monkeypatch.setattr(app_retire, "connect", lambda timeout: engine)
        monkeypatch.setattr(app_retire, "containers", lambda *arguments, **more: found)
        result = app_retire.run(
            {"project": "p", "service": "app", "names": names}, check_mode, silent if said is None else said.append
        )
        return result, engine

    return retire


def test_stops_and_removes_the_named(retire):
    result, engine = retire(["app-2", "app-3"])
    assert result["changed"]
    assert engine.stopped == ["id2"]  # app-3 had stopped before
    assert sorted(engine.removed) == ["id2", "id3"]
    assert result["diff"] == {"before": {"containers": ["app-1", "app-2", "app-3"]}, "after": {"containers": ["app-1"]}}


def test_finds_nobody_a_second_time(retire):
    result, engine = retire(["app-9"])
    assert not result["changed"]
    assert engine.removed == []


def test_check_mode_predicts_and_stops_nobody(retire):
    predicted, engine = retire(["app-2"], check_mode=True)
    assert engine.stopped == engine.removed == []
    assert predicted["diff"] == retire(["app-2"])[0]["diff"]


def test_says_who_had_to_be_killed(retire):
    said = []
    result, _engine = retire(["app-1", "app-2"], engine=Engine(exit_codes={"id2": 137}), said=said)
    assert result["killed"] == ["app-2"]
    assert said[0] == "stopping 2 replica(s): app-1, app-2"
    assert said[1].startswith("app-2 did not end on SIGTERM within their stop_grace_period and were killed")


def test_one_that_somebody_else_removed_is_gone_as_wanted(retire):
    assert retire(["app-1"], engine=Engine(error=EngineError(404)))[0]["removed"] == ["app-1"]


def test_one_that_cannot_be_stopped_is_named(retire):
    with pytest.raises(
        Refusal, match=r"app-1 could not be stopped and removed \(the engine says no\); nginx sends it nothing; run this again"
    ):
        retire(["app-1"], engine=Engine(error=EngineError(500)))


def test_nobody_waits_for_one_that_stops_slowly(retire):
    """A response that pre-empts does not wait for a stop_grace_period."""
    asked, going = [], threading.Event()

    class Slow(Engine):
        def stop(self, name):
            assert going.wait(10)

    def ask():
        asked.append(True)
        if len(asked) == 3:
            raise Refusal("respond.yml pre-empts this run.")

    engine = Slow()
    began = time.monotonic()
    with asked_at_safe_points(ask), pytest.raises(Refusal, match="pre-empts"):
        retire(["app-1"], engine)
    going.set()
    assert time.monotonic() - began < 5
    assert engine.removed == ["id1"]  # one that is about to stop would count as one that runs
