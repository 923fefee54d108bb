"""A Docker host that lacks everything that can be installed is prepared, used and left as it was, also where a run was killed half way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lab import scenario
from lab.deploy import images
from lab.deploy.names import lab_of
from lab.scenario import ROOT, Lab, Played

HERE = Path(__file__).parent / "bare_host"
INSTALLED = Path("/opt/smartsports-scaling")
STATE = Path("/var/lib/smartsports-scaling")
COME = ["docker-compose", "python3-pip-whl", "python3-venv"]  # among others


@dataclass(frozen=True)
class BareHost:
    """A Debian 12 in a container with this machine's engine and network, reached by SSH on the loopback as production is reached."""

    name: str
    lab: Lab
    inventory: str

    def run(self, *command: str) -> str:
        """What a command prints there."""
        return subprocess.run(["docker", "exec", self.name, *command], capture_output=True, text=True, check=True).stdout

    def play(self, playbook: str, *arguments: str) -> Played:
        return scenario.play(self.lab, playbook, "-i", self.inventory, *arguments)

    def packages(self) -> str:
        return self.run("dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Status}\n")

    def state(self) -> dict:
        """What is there that a preparation could change."""
        places = [
            f"{INSTALLED}",
            f"{STATE}",
            "/etc/apt/sources.list.d/smartsports-scaling.list",
            "/etc/apt/preferences.d/smartsports-scaling",
        ]
        return {
            "packages": self.packages(),
            "places": [place for place in places if self.run("sh", "-c", f"ls -d {place} || true")],
        }

    def restart(self) -> None:
        """Its power fails, and comes back."""
        subprocess.run(["docker", "kill", self.name], capture_output=True, check=True)
        subprocess.run(["docker", "start", self.name], capture_output=True, check=True)

    def runs(self, *process: str) -> bool:
        """Does a process run there, by what pgrep is told of it?"""
        return subprocess.run(["docker", "exec", self.name, "pgrep", *process], capture_output=True, check=False).returncode == 0

    def is_up(self) -> bool:
        return self.runs("-x", "sleep")


@pytest.fixture(scope="module")
def bare(platform: str, tmp_path_factory):
    """The host; the lab's deployment is mounted where it is, as the engine and the modules both look for it there."""
    scratch, lab = tmp_path_factory.mktemp("bare"), Lab(platform, "ssh")
    here = lab_of(f"{platform}-bare")
    packages = yaml.safe_load((ROOT / "roles/docker_host/vars/main.yml").read_text())["__docker_host_packages"]
    (scratch / "requirements.txt").write_text("\n".join(packages))
    subprocess.run(["docker", "build", "--quiet", "--tag", "smartsports/bare-host:dev", HERE], capture_output=True, check=True)
    here.directory.mkdir(exist_ok=True)
    (here.directory / ".env").write_text(f"LAB_SSH_PORT={here.ssh_port}\n")
    mounts = {
        "/var/run/docker.sock": "/var/run/docker.sock",
        os.path.realpath(shutil.which("docker")): "/usr/bin/docker",
        images.wheels(scratch / "requirements.txt"): "/mirror",
        ROOT / "lab/ssh.sh": "/ssh.sh",
        here.directory: here.directory,
        lab.directory: lab.directory,
    }
    volumes = [word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}")]
    remove = ["docker", "rm", "--force", "--volumes", here.prefix]
    subprocess.run(remove, capture_output=True, check=False)  # of a run that was killed
    start = f"/ssh.sh up {here.directory} && exec sleep infinity"
    command = [
        "docker",
        "run",
        "--detach",
        "--init",
        "--name",
        here.prefix,
        "--network",
        "host",
        *volumes,
        "smartsports/bare-host:dev",
    ]
    subprocess.run([*command, "bash", "-c", start], capture_output=True, check=True)
    try:
        door = {
            "ansible_port": here.ssh_port,
            "ansible_ssh_private_key_file": f"{here.directory}/ssh/id_ed25519",
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={here.directory}/ssh/known_hosts -o IdentitiesOnly=yes",
            "docker_host_directory": str(INSTALLED),
            "smartsports_state_directory": str(STATE),
        }
        inventory = scratch / "bare.yml"
        inventory.write_text(yaml.safe_dump({"platform": {"hosts": {"smartsports-lab-ssh": door}}}))
        host = BareHost(here.prefix, lab, str(inventory))
        wait(host.is_up)
        yield host
    finally:
        subprocess.run(remove, capture_output=True, check=True)
        shutil.rmtree(here.directory)


def wait(until) -> None:
    """A gate on evidence, with a deadline."""
    began = time.monotonic()
    while not until():
        assert time.monotonic() - began < 300
        time.sleep(0.1)


@pytest.fixture
def untouched(bare: BareHost):
    """The host, which must be afterwards what it was before."""
    before = bare.state()
    assert before["places"] == []
    yield bare
    assert bare.state() == before


def test_what_it_lacks_is_installed_used_and_removed(untouched: BareHost):
    host, before = untouched, untouched.state()
    preview = scenario.must(host.play("prepare_host", "--check", "--diff"))
    assert host.state() == before
    assert "can be installed: the Docker Compose plugin" in preview.output and "can be installed: python3-venv" in preview.output
    first = scenario.must(host.play("prepare_host", "--diff"))
    assert [task for task, _diff in preview.changes] == [task for task, _diff in first.changes]
    packages = first.result_of("docker_host_packages")["packages"]
    assert set(COME) <= set(packages)
    second = scenario.must(host.play("prepare_host"))
    assert (second.changed, second.changes) == (0, [])
    assert host.run("stat", "--format", "%U %a", str(STATE)) == "root 700\n"
    assert [name for name in packages if f"{name} " not in host.packages()] == []

    # The lab is assessed and scaled from there, by the Compose that was installed.
    used = scenario.must(host.play("assess"))
    assert used.result_of("load_assessment")["source"] == "prometheus"
    have = len(scenario.containers(host.lab))
    scenario.must(host.play("scale_app", "-e", f"replicas={have + 1}"))
    assert len(scenario.containers(host.lab)) == have + 1
    scenario.must(scenario.play(Lab(host.lab.prefix), "scale_down", "-e", f"replicas={have}"))

    gone = scenario.must(host.play("prepare_host", "-e", "state=absent"))
    assert sorted(gone.result_of("docker_host_packages")["packages"]) == sorted(packages)
    # What was done from there is remembered there, and no removal takes that.
    assert "stays" in gone.output and host.run("ls", f"{STATE}/records")
    host.run("rm", "-r", str(STATE))
    assert scenario.must(host.play("prepare_host", "-e", "state=absent")).changed == 0


@pytest.mark.parametrize("killed", ["the playbook", "the host"])
def test_killed_while_packages_are_installed_it_is_finished_and_removed(untouched: BareHost, tmp_path, killed: str):
    host = untouched
    host.run("touch", "/hold")
    started = scenario.start_play(host.lab, "prepare_host", "-i", host.inventory, results=tmp_path / "results.jsonl")
    wait(lambda: host.runs("-f", "dpkg-held .*--configure"))
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert " unpacked" in host.packages()
    if killed == "the host":
        host.restart()
        wait(host.is_up)
    host.run("rm", "/hold")
    again = scenario.must(host.play("prepare_host"))
    assert {line.split()[-1] for line in host.packages().splitlines()} == {"installed"}, again.output
    assert host.run("docker", "compose", "version", "--short")
    assert host.run("stat", "--format", "%U %a", str(STATE)) == "root 700\n"
    scenario.must(host.play("prepare_host", "-e", "state=absent"))


def test_without_a_network_it_says_what_it_could_not_have(untouched: BareHost):
    nobody = "/etc/apt/apt.conf.d/99nobody"
    untouched.run(
        "sh",
        "-c",
        f"""echo 'Acquire {{ http::Proxy "http://127.0.0.1:9"; Retries 0; }};' >{nobody}; rm -rf /var/lib/apt/lists/*""",
    )
    played = untouched.play("prepare_host")
    untouched.run("rm", nobody)
    assert played.rc != 0
    assert "docker-compose, python3-venv cannot be installed" in played.failure and "Failed to fetch http" in played.failure, (
        played.output
    )
    assert played.failure.endswith(".") and "\n" not in played.failure
    scenario.must(untouched.play("prepare_host", "-e", "state=absent"))


def test_another_system_is_told_what_it_lacks(untouched: BareHost):
    untouched.run("sed", "-i.kept", "s/^ID=.*/ID=slackware/", "/etc/os-release")
    played = untouched.play("prepare_host")
    untouched.run("mv", "/etc/os-release.kept", "/etc/os-release")
    assert played.rc != 0
    assert "the Docker Compose plugin is missing" in played.failure and "ensurepip" in played.failure
    assert played.failure.endswith(".") and "\n" not in played.failure
