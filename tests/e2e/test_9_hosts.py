"""A Docker host is prepared through SSH, refused with all that is wrong with it, and left as it was."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab import scenario
from lab.scenario import Lab

DIRECTORY, STATE = Path("/opt/smartsports-scaling-e2e"), Path("/var/lib/smartsports-scaling-e2e")
ELSEWHERE = ["-e", f"docker_host_directory={DIRECTORY}", "-e", f"smartsports_state_directory={STATE}"]

# arguments, what each sentence must say
REFUSALS = {
    "clock": (["-e", "docker_host_max_clock_difference=-600"], ["the clock is"]),
    "all at once": (["-e", "docker_host_min_memory=4000G", "-e", "docker_host_min_disk=4000G"], ["min_memory", "min_disk"]),
    "no rights": (["-e", "ansible_become=false"], ["ansible_become"]),
    "a size that is none": (["-e", "docker_host_min_disk=much"], ["docker_host_min_disk is 'much'"]),
    "a version that is none": (["-e", "docker_host_min_compose=new"], ["docker_host_min_compose is 'new'"]),
    "a state that is none": (["-e", "state=gone"], ["gone"]),
    "another Python": (["-e", "docker_host_python=/nowhere/python3"], ["/nowhere/python3"]),
}


@pytest.fixture
def host(platform: str) -> Lab:
    """The lab's host by SSH, before it is prepared in directories of this test's own."""
    for directory in (DIRECTORY, STATE):  # of a test that failed
        shutil.rmtree(directory, ignore_errors=True)
    return Lab(platform, "ssh")


def test_it_is_prepared_once_used_and_left_as_it_was(host: Lab):
    preview = scenario.must(scenario.play(host, "prepare_host", *ELSEWHERE, "--check", "--diff"))
    assert not DIRECTORY.exists() and not STATE.exists()
    first = scenario.must(scenario.play(host, "prepare_host", *ELSEWHERE, "--diff"))
    assert [task for task, _diff in preview.changes] == [task for task, _diff in first.changes]
    assert len(first.changes) == 3
    second = scenario.must(scenario.play(host, "prepare_host", *ELSEWHERE))
    assert (second.changed, second.changes) == (0, [])
    assert (STATE.stat().st_uid, STATE.stat().st_mode & 0o777) == (0, 0o700)

    with_it = scenario.must(scenario.play(host, "assess", "-e", f"ansible_python_interpreter={DIRECTORY}/venv/bin/python"))
    assert with_it.result_of("load_assessment")["source"] == "prometheus"

    # Records are never removed.
    (STATE / "record.json").write_text("{}")
    kept = scenario.must(scenario.play(host, "prepare_host", *ELSEWHERE, "-e", "state=absent"))
    assert kept.changed and "stays" in kept.output and (STATE / "record.json").exists() and not DIRECTORY.exists()
    (STATE / "record.json").unlink()
    gone = scenario.must(scenario.play(host, "prepare_host", *ELSEWHERE, "-e", "state=absent"))
    assert gone.changed and not STATE.exists()
    again = scenario.must(scenario.play(host, "prepare_host", *ELSEWHERE, "-e", "state=absent"))
    assert again.changed == 0


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_wrong_is_said_before_anything_is_installed(host: Lab, case: str):
    arguments, says = REFUSALS[case]
    played = scenario.play(host, "prepare_host", *ELSEWHERE, *arguments)
    assert played.rc != 0, played.output
    assert [word for word in says if word not in played.output] == []
    assert "Traceback" not in played.output
    assert not DIRECTORY.exists() and not STATE.exists()


def test_a_host_that_is_not_prepared_is_told_how(host: Lab):
    played = scenario.play(host, "assess", "-e", "ansible_python_interpreter=/usr/bin/python3")
    assert played.rc != 0
    assert "prepare_host.yml" in played.failure, played.output


@pytest.mark.alone
def test_somebody_without_rights_comes_in_and_leaves_nothing(platform: str):
    home = Path("/var/lib/smartsports-oncall")
    identity = subprocess.run(["id", "-nG", "smartsports-oncall"], capture_output=True, text=True, check=True).stdout.split()
    assert "docker" not in identity and "root" not in identity
    scenario.must(scenario.play(Lab(platform, "ssh"), "respond", "-e", "profile=elevated", "--check"))
    assert [*home.glob(".ansible/tmp/*"), *Path("~root/.ansible/tmp").expanduser().glob("ansible-tmp-*")] == []
