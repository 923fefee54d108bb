# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages are noted before they come, what was there before is never noted, and what others need stays."""

from __future__ import annotations

from subprocess import CompletedProcess

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import docker_host_packages
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

PLAN = "Inst python3.11 [3.11.1] (3.11.2 Debian)\nInst python3-pip-whl (23 Debian)\nInst python3-venv (3.11 Debian)\nConf python3-venv (3.11 Debian)\n"


class Dpkg:
    """apt-get and dpkg as far as the module asks them: `plan` is what apt-get says it would do, `states` what dpkg knows."""

    def __init__(self, directory) -> None:
        self.plan, self.states, self.asked, self.fails, self.directory = PLAN, {"python3.11": "installed"}, [], {}, directory

    def noted(self) -> list[str]:
        return sorted(path.name for path in (self.directory / "installed").glob("*"))

    def __call__(self, *command: str) -> CompletedProcess:
        words = [word for word in command if word[0] != "-" and "::" not in word]
        does = "plan" if "--simulate" in command else words[1] if command[0] == "apt-get" else command[1].strip("-")
        self.asked.append(does)
        if does in self.fails:
            return CompletedProcess(command, 100, "", self.fails[does])
        if does == "show":
            return CompletedProcess(
                command, 0, "".join(f"{name} {state}\n" for name, state in self.states.items() if name in command), ""
            )
        if does == "install":
            self.noted_before = self.noted()
            self.states |= dict.fromkeys(["python3-pip-whl", "python3-venv"], "installed")
        if does == "purge":
            self.states = {name: state for name, state in self.states.items() if name not in command}
        return CompletedProcess(command, 0, self.plan if does == "plan" else "", "")


@pytest.fixture
def dpkg(monkeypatch, tmp_path) -> Dpkg:
    fake = Dpkg(tmp_path)
    monkeypatch.setattr(docker_host_packages, "ran", fake)
    return fake


def run(dpkg: Dpkg, *names: str, state: str = "present", check_mode: bool = False) -> dict:
    return docker_host_packages.run({"directory": str(dpkg.directory), "names": list(names), "state": state}, check_mode, silent)


def test_what_comes_is_noted_and_what_is_upgraded_is_not(dpkg):
    result = run(dpkg, "python3-venv")
    assert (result["changed"], result["packages"]) == (True, ["python3-pip-whl", "python3-venv"])
    assert dpkg.noted_before == dpkg.noted() == ["python3-pip-whl", "python3-venv"]
    gone = run(dpkg, state="absent")
    assert (gone["changed"], gone["packages"], dpkg.states) == (True, result["packages"], {"python3.11": "installed"})
    assert run(dpkg, state="absent")["changed"] is False


def test_check_mode_predicts_the_names_and_asks_nobody(dpkg):
    result = run(dpkg, "python3-venv", check_mode=True)
    assert (result["changed"], result["diff"]["after"], dpkg.asked) == (True, "python3-venv\n", [])
    assert result["diff"] == run(dpkg, "python3-venv")["diff"]


def test_nothing_lacking_is_nothing_changed(dpkg):
    assert run(dpkg)["changed"] is False
    assert dpkg.asked == [] and dpkg.noted() == []


def test_a_run_before_that_went_on_leaves_nothing_to_do(dpkg):
    dpkg.plan = ""
    assert run(dpkg, "python3-venv")["changed"] is False


def test_what_was_begun_is_finished(dpkg):
    run(dpkg, "python3-venv")
    dpkg.states["python3-venv"], dpkg.plan, dpkg.asked = "unpacked", "Conf python3-venv (3.11 Debian)\n", []
    assert run(dpkg)["changed"] is True
    assert [step for step in dpkg.asked if step != "show"] == ["configure", "plan", "install"]


@pytest.mark.parametrize(
    ("fails", "plan", "says"),
    [
        ({"plan": "E: Unable to locate package x\n"}, PLAN, "E: Unable to locate package x; mend that"),
        ({"install": "E: Failed to fetch http://x\n"}, PLAN, "E: Failed to fetch http://x; mend that"),
        ({}, PLAN + "Remv docker-compose-plugin [2.20]\n", "docker-compose-plugin would be removed for it"),
    ],
)
def test_what_cannot_be_installed_is_said_and_not_noted(dpkg, fails, plan, says):
    dpkg.fails, dpkg.plan = fails, plan
    with pytest.raises(Refusal, match=f"python3-venv cannot be installed by apt-get: .*{says}"):
        run(dpkg, "python3-venv")
    assert dpkg.noted() == []


def test_what_others_need_stays_and_that_is_said(dpkg):
    run(dpkg, "python3-venv")
    dpkg.fails = {"purge": "dpkg: dependency problems prevent removal of python3-pip-whl:\n"}
    assert "python3-pip-whl stays" in str(run(dpkg, state="absent")["report"])


def test_a_removal_that_fails_is_told(dpkg):
    run(dpkg, "python3-venv")
    dpkg.fails = {"purge": "dpkg: error: dpkg frontend lock was locked by another process\n"}
    with pytest.raises(Refusal, match="frontend lock was locked"):
        run(dpkg, state="absent")
