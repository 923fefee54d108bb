# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way to another host, with this machine's Pythons in the place of the host's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal, _lock, _process
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.plugins.plugin_utils import _over_ssh

LOOK = {
    "directory": "/opt/smartsports-scaling",
    "clock": 0.0,
    "installable": [],
    "min_compose": "2.24",
    "min_memory": "512M",
    "min_disk": "1G",
    "max_clock_difference": 5.0,
    "removing": False,
}
PARAMS = {"files": ["docker-compose.prod.yml"], "service": "app", "replicas": 3, "static_networks": []}


def execute(command: str, said: bytes) -> dict:
    ran = subprocess.run(["sh", "-c", command], input=said, capture_output=True, check=False)
    return {"rc": ran.returncode, "stdout": "a greeting\n" + ran.stdout.decode(), "stderr": ran.stderr.decode()}


def perform(python: str, directory: str, ask=execute, claim=None, **params) -> dict:
    return _over_ssh.perform(
        ask, python, "scale_override", {**PARAMS, "project_dir": directory, **params}, ["project_dir"], False, claim
    )


@pytest.fixture
def prepared(tmp_path) -> Path:
    """A host's environment, as prepare_host leaves it."""
    venv.create(tmp_path / "venv", with_pip=False)
    [packages] = (tmp_path / "venv/lib").glob("python*/site-packages")
    (packages / "yaml").symlink_to(Path(yaml.__file__).parent)
    return tmp_path / "venv"


@pytest.fixture
def state(tmp_path) -> State:
    return State.open(tmp_path / "state", "daemon-1")


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_the_code_is_brought_once(prepared, project):
    said = []

    def ask(command, text):
        said.append(len(text))
        return execute(command, text)

    assert perform(f"{prepared}/bin/python", str(project), ask)["changed"]
    assert not perform(f"{prepared}/bin/python", str(project), ask)["changed"]
    assert len(said) == 3 and said[1] > 100_000 > said[2]
    assert [path.name for path in (prepared / "code").iterdir()] == [_over_ssh.version()]


def test_a_host_that_is_not_prepared_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "passing"))
    (tmp_path / "passing").mkdir()
    python, asked = Path(sys.base_prefix, "bin", "python3"), {**LOOK, "state_directory": str(tmp_path)}
    answer = _over_ssh.perform(execute, str(python), "docker_host_info", asked, ["directory", "state_directory"], True)
    assert answer["host"]["python"] and answer["records"], answer
    assert list((tmp_path / "passing").iterdir()) == []


def test_a_refusal_is_a_result(prepared, project):
    answer = perform(f"{prepared}/bin/python", str(project), replicas=0)
    assert answer["failed"] and answer["msg"].startswith("replicas=0 is below 1")


def test_a_step_of_a_run_shows_its_claim_there(prepared, project, state):
    identity = {
        "run": "a",
        "playbook": "scale_app.yml",
        "who": "alice",
        "source": "person",
        "kind": "incident",
        "preemptible": False,
    }
    _lock.acquire(state, {**identity, "controller": _process.identity()}, 0)
    claim = {
        "state_directory": str(state.directory),
        "daemon": state.daemon,
        "run": "a",
        "number": 1,
        "record": "r",
        "actor": "alice",
    }
    claim |= {"playbook": "scale_app.yml", "unreadable": {}, "prometheus": {"url": "", "metrics": {}, "thresholds": {}}}
    assert perform(f"{prepared}/bin/python", str(project), claim=claim)["changed"]
    start, end = _journal.events(state, "r")
    assert (start["event"], end["event"], end["step"], end["result"]) == ("step-start", "step-end", "scale_override", "ok")
    assert end["after"] == {"kept replicas": 3, "listed in COMPOSE_FILE": True}
    held = _lock.holder(state)
    assert (held["step"], held["lease_until"] - _clock.boottime() > 60) == ("", True), "Compose starts the replicas next"

    answer = perform(f"{prepared}/bin/python", str(project), claim={**claim, "unreadable": {"app": "no answer"}}, replicas=4)
    assert answer["failed"] and "there would be no way back" in answer["msg"]
    answer = perform(f"{prepared}/bin/python", str(project), claim={**claim, "run": "b"}, replicas=4)
    assert answer["failed"] and answer["msg"].startswith("this run no longer holds the platform")
    assert "replicas: 3" in (project / "docker-compose.scale.yml").read_text()


def test_paths_are_the_host_s(prepared, project, monkeypatch):
    monkeypatch.setenv("WHERE", str(project))
    assert perform(f"{prepared}/bin/python", "$WHERE")["file"] == f"{project}/docker-compose.scale.yml"


def test_two_runs_bring_it_at_once(prepared, tmp_path):
    projects = [tmp_path / f"project-{number}" for number in range(4)]  # of one alone a run would hold the lock
    for each in projects:
        each.mkdir()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: perform(f"{prepared}/bin/python", str(each)), projects))
    assert not any(answer.get("failed") for answer in answers), answers
    assert [path.name for path in (prepared / "code").iterdir()] == [_over_ssh.version()]


def test_versions_go_a_day_after_they_came(prepared, project):
    for name, age in {"yesterday's": 25 * 3600, "today's": 3600}.items():
        (prepared / "code" / name).mkdir(parents=True)
        os.utime(prepared / "code" / name, (time.time() - age,) * 2)
    perform(f"{prepared}/bin/python", str(project))
    assert {path.name for path in (prepared / "code").iterdir()} == {"today's", _over_ssh.version()}


def test_a_python_that_is_not_there_is_one_sentence(project):
    answer = perform("/nowhere/python", str(project))
    assert answer["failed"] and "prepare_host.yml" in answer["msg"] and "\n" not in answer["msg"]


def test_what_breaks_is_told_with_its_last_line(prepared, project):
    answer = _over_ssh.perform(execute, f"{prepared}/bin/python", "scale_override", {}, [], False)
    assert answer["failed"] and "KeyError" in answer["msg"] and "Traceback" in answer["exception"]
