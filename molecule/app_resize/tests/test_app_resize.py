# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limits were raised on one replica, then a second was added; the tests go on from there, in order."""

import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
RAISED = (250_000_000, 256 * 2**20, 512 * 2**20)


def resize(*arguments):
    """(return code, output, tasks that changed something) of resize_app, run as an engineer runs it."""
    done = subprocess.run(
        ["ansible-playbook", "playbooks/resize_app.yml", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    return done.returncode, output, sum(map(int, re.findall(r"changed=(\d+)", output)))


def limits(platform):
    """NanoCpus, Memory and MemorySwap of each replica."""
    hosts = [container.attrs["HostConfig"] for container in platform.containers("app")]
    return [(host["NanoCpus"], host["Memory"], host["MemorySwap"]) for host in hosts]


def lives(platform):
    return [(container.id, container.attrs["State"]["StartedAt"]) for container in platform.containers("app")]


def test_the_replica_that_ran_has_the_limits_and_its_life(platform):
    first, second = platform.containers("app")
    assert limits(platform)[0] == RAISED
    assert first.name == f"{platform.prefix}-app"
    assert first.attrs["RestartCount"] == 0
    assert first.attrs["State"]["StartedAt"] < second.attrs["Created"]


def test_a_new_replica_gets_the_same(platform):
    assert limits(platform)[1] == RAISED


def test_compose_would_give_them_too(host, platform):
    merged = host.run(f"cd {platform.directory} && docker compose config app")
    assert merged.rc == 0, merged.stderr
    assert re.search(r"limits:\s+cpus: 0\.25\s+memory: \"268435456\"", merged.stdout)
    assert re.search(r"replicas: 2\b", merged.stdout)


def test_check_mode_predicts_and_changes_nothing(platform):
    before, files = limits(platform), (platform.directory / "docker-compose.scale.yml").read_text()
    rc, output, changed = resize("-e", "cpus=0.3", "--check", "--diff")
    assert (rc, changed) == (0, 1), output
    assert "would go cpus 0.25 -> 0.3" in output
    assert (limits(platform), (platform.directory / "docker-compose.scale.yml").read_text()) == (before, files)


def test_less_is_refused_unless_it_is_asked_for(platform):
    rc, output, changed = resize("-e", "memory=192M")
    assert rc != 0
    assert "add -e lower=true" in output
    assert (changed, limits(platform)) == (0, [RAISED, RAISED])


def test_up_and_back_by_the_printed_command_without_a_restart(platform):
    before = lives(platform)
    rc, output, _changed = resize("-e", "cpus=0.3", "-e", "memory=320M")
    assert rc == 0, output
    assert limits(platform) == [(300_000_000, 320 * 2**20, 640 * 2**20)] * 2

    (command,) = [line.split("undo: ", 1)[1] for line in output.splitlines() if "undo: " in line]
    _program, playbook, *arguments = shlex.split(command)
    assert playbook == "playbooks/resize_app.yml"
    rc, output, _changed = resize(*arguments)
    assert rc == 0, output
    assert limits(platform) == [RAISED, RAISED]
    assert lives(platform) == before
