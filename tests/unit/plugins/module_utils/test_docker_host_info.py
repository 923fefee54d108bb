# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that is wrong with a host is said at once, and what can be installed is no problem."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import docker_host_info
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

NOW = 1_795_000_000.0
GOOD = {"info": "/", "version": "24.0.7", "compose": "v2.26.1"}


@pytest.fixture
def look(monkeypatch, tmp_path):
    answers = dict(GOOD)
    host = {"_system": lambda: "debian-12", "_available_memory": lambda: 2**30, "_docker": lambda name, *words: answers[name]}
    for name, value in host.items():
        monkeypatch.setattr(docker_host_info, name, value)
    monkeypatch.setattr(docker_host_info, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setattr(docker_host_info.os, "geteuid", lambda: 0)
    monkeypatch.setattr(docker_host_info, "find_spec", lambda name: object())

    def run(host=None, **options):
        answers.update(host or {})
        given = {
            "directory": str(tmp_path / "not/there/yet"),
            "state_directory": str(tmp_path),
            "clock": NOW,
            "installable": ["debian-12"],
            "min_compose": "2.24",
            "min_memory": "512M",
            "min_disk": "1M",
            "max_clock_difference": 5.0,
            "removing": False,
            **options,
        }
        return docker_host_info.run(given, False, silent)

    return run


def test_a_good_host_has_no_problem(look):
    result = look()
    assert (result["changed"], result["problems"]) == (False, [])
    assert result["lacks"] == {"compose": False, "venv": False}
    assert result["report"]["status"] == "good"


@pytest.mark.parametrize(
    ("host", "options", "says"),
    [
        ({"version": ""}, {}, "no Docker engine answers"),
        ({"version": "19.03.1"}, {}, "engine is 19.03.1, and 20.10"),
        ({"compose": "2.23.3"}, {"installable": []}, "plugin is 2.23.3, and 2.24 or newer is needed; install it"),
        ({"compose": ""}, {"installable": []}, "plugin is missing"),
        ({}, {"min_memory": "2G"}, "1.0 GiB of memory is available, and 2G is needed"),
        ({}, {"min_disk": "4000G"}, "of disk is free at"),
        ({}, {"clock": NOW + 60}, "the clock is 60.0 s behind the controller's"),
    ],
)
def test_what_is_wrong_has_its_sentence(look, host, options, says):
    [problem, *_of_other_disks] = look(host, **options)["problems"]
    assert says in problem and problem.endswith(".")


def test_all_is_said_at_once(look):
    assert len(look({"version": "", "compose": ""}, installable=[], min_memory="2G", clock=NOW + 60)["problems"]) == 4


def test_a_question_that_took_its_time_is_no_clock_that_is_wrong(look):
    result = look(clock=NOW - 60)
    assert (result["problems"], result["host"]["clock_difference"], result["host"]["time"]) == ([], 60.0, NOW)


def test_what_can_be_installed_is_no_problem(look, monkeypatch):
    monkeypatch.setattr(docker_host_info, "find_spec", lambda name: None)
    result = look({"compose": "1.29"})
    assert (result["problems"], result["lacks"]) == ([], {"compose": True, "venv": True})


def test_without_root_nothing_can_be_installed(look, monkeypatch):
    monkeypatch.setattr(docker_host_info.os, "geteuid", lambda: 1000)
    assert "ansible_become" in look()["problems"][0]


@pytest.mark.parametrize(("option", "value"), [("min_memory", "much"), ("min_disk", "1X"), ("min_compose", "new")])
def test_a_value_that_is_none_is_refused(look, option, value):
    with pytest.raises(Refusal, match=f"docker_host_{option} is '{value}', but must be"):
        look(**{option: value})


def test_records_stay_and_that_is_said(look, tmp_path):
    assert look(removing=True)["report"]["lines"] == []
    (tmp_path / "record.json").write_text("{}")
    result = look(removing=True)
    assert result["records"] and "stays: it holds records" in str(result["report"]["lines"])


def test_newer_is_newer_by_its_numbers():
    assert docker_host_info._at_least("2.100.0", "2.24")
    assert not docker_host_info._at_least("2.9.4", "2.24")
    assert not docker_host_info._at_least("", "0")
