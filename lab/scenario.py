"""The steps of the story, shared by the demo and the end-to-end tests: a lab, its playbooks, and the crowd before its gate."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import docker
import requests
import yaml

from lab.load import record

ROOT = Path(__file__).resolve().parent.parent
RESOURCES = ("rate-limits", "queue-config", "payment-queue", "feature-flags", "cache-config", "performance-mode")
PGBOUNCER = "config/pgbouncer/pgbouncer.ini"
LEVELS = ("normal", "P2", "P1", "P0")  # from calm to drowned


class ScenarioError(Exception):
    """Something took another course than the story; the message says which."""


@dataclass(frozen=True)
class Lab:
    """A running lab, by its prefix."""

    prefix: str = field(default_factory=lambda: os.environ.get("LAB_PREFIX", "smartsports"))
    lane: str = "local"  # how playbooks reach it: local, or ssh

    @property
    def directory(self) -> Path:
        return ROOT / ".lab" / self.prefix

    @property
    def inventory(self) -> list[str]:
        """The arguments by which a playbook goes this way."""
        return ["-i", "inventory/lab_ssh"] if self.lane == "ssh" else []

    @property
    def settings(self) -> dict[str, str]:
        """What `.env` of the deployment says."""
        pairs = (
            line.split("=", 1) for line in (self.directory / ".env").read_text().splitlines() if "=" in line and line[0] != "#"
        )
        return {key.strip(): value.strip().strip("'\"") for key, value in pairs}

    @property
    def entry(self) -> str:
        return f"http://127.0.0.1:{self.settings['LAB_NGINX_PORT']}"


@dataclass(frozen=True)
class Played:
    """One run of a playbook: what it printed, and what each task returned."""

    rc: int
    seconds: float
    output: str
    results: list[dict]

    @property
    def changed(self) -> int:
        """How many tasks reported a change, as the recap counts them."""
        return sum(host["changed"] for entry in self.results if entry["outcome"] == "stats" for host in entry["result"].values())

    @property
    def changes(self) -> list[tuple[str, object]]:
        """(task, diff) of every task that changed something, or would, in order."""
        return [
            (entry["task"], entry["result"].get("diff"))
            for entry in self.results
            if entry["outcome"] == "ok" and entry["result"].get("changed")
        ]

    @property
    def failure(self) -> str:
        """The message of the task that ended the run; '' of a run that succeeded."""
        return next((str(entry["result"].get("msg", "")) for entry in reversed(self.results) if entry["outcome"] == "failed"), "")

    def result_of(self, module: str) -> dict:
        """The result of the first task that ran this module of the collection."""
        return next(entry["result"] for entry in self.results if entry["action"].rpartition(".")[2] == module)


def play(
    lab: Lab, playbook: str, *arguments: str, show: bool = False, environment: dict | None = None, timeout: float = 180
) -> Played:
    """Run playbooks/<playbook>.yml against the lab exactly as an engineer does; `show` lets its screen through."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.jsonl"
        process, began = (
            start_play(
                lab, playbook, *arguments, results=results, environment=environment, stdout=None if show else subprocess.PIPE
            ),
            time.monotonic(),
        )
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        seconds = time.monotonic() - began
        lines = results.read_text().splitlines() if results.exists() else []
    return Played(process.returncode, seconds, output or "", [json.loads(line) for line in lines])


def start_play(lab: Lab, playbook: str, *arguments: str, results: Path, environment: dict | None = None, stdout=subprocess.PIPE):
    """Start the playbook in a session of its own, so that a test can kill all of it."""
    return subprocess.Popen(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            str(ROOT / "playbooks" / f"{playbook}.yml"),
            *lab.inventory,
            *arguments,
        ],
        cwd=ROOT,
        text=True,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout else None,
        start_new_session=stdout is not None,
        env={
            **os.environ,
            "LAB_PREFIX": lab.prefix,
            "LAB_RESULTS": str(results),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "lab/callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "lab_results,smartsports.scaling.preload",
            **(environment or {}),
        },
    )


class Crowd:
    """The load generator, running beside: start it, look at what happened so far, end it."""

    def __init__(self, lab: Lab, directory: Path, rate: float, seconds: float, crowd: str = "buyers", **options: object) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "lab.load",
            "run",
            "--target",
            lab.entry,
            "--rate",
            str(rate),
            "--seconds",
            str(seconds),
            "--crowd",
            crowd,
            "--out",
            str(directory),
        ]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        self._log = open(directory / "log", "w", encoding="utf-8")
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT)

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *reason) -> None:
        self.end()

    def window(self, since: float, until: float) -> dict:
        """The figures of what was meant to be sent in [since, until), as far as it was answered."""
        return record.window(record.read_samples(self.directory), since, until)

    def wait(self) -> dict:
        """The result, when the plan has run to its end."""
        self._process.wait()
        return self._result()

    def end(self) -> dict:
        """No further arrivals; the result when the last visitor has left."""
        if self._process.poll() is None:
            self._process.terminate()
        return self.wait()

    def _result(self) -> dict:
        self._log.close()
        if self._process.returncode != 0:
            raise ScenarioError(f"the load generator ended with {self._process.returncode}; see {self._log.name}")
        return json.loads((self.directory / "result.json").read_text())


def better(before: str, after: str) -> bool:
    """Is the second severity at least one level calmer?"""
    return before in LEVELS and after in LEVELS and LEVELS.index(after) < LEVELS.index(before)


def containers(lab: Lab) -> list:
    """The running application containers, oldest number first."""
    labels = [f"com.docker.compose.project={lab.prefix}", "com.docker.compose.service=app"]
    found = docker.from_env().containers.list(filters={"label": labels})
    return sorted(found, key=lambda container: int(container.labels["com.docker.compose.container-number"]))


def address(container) -> str:
    return next(iter(container.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]


def admin_settings(lab: Lab, resources: tuple[str, ...] = RESOURCES) -> dict:
    """What each resource of the admin API is set to."""
    base, headers = f"http://{address(containers(lab)[0])}:3000/admin", {"Authorization": f"Bearer {lab.settings['ADMIN_TOKEN']}"}
    result = {}
    for resource in resources:
        answer = requests.get(f"{base}/{resource}", headers=headers, timeout=10)
        answer.raise_for_status()
        result[resource] = answer.json()["settings"]
    return result


def set_by_hand(lab: Lab, resource: str, patch: dict) -> None:
    """As somebody does who knows of no playbook; and until every instance has it."""
    base, headers = f"http://{address(containers(lab)[0])}:3000/admin", {"Authorization": f"Bearer {lab.settings['ADMIN_TOKEN']}"}
    requests.post(f"{base}/{resource}", json=patch, headers=headers, timeout=10).raise_for_status()
    time.sleep(1.5)  # instances hear of a change within a second


def operator_seconds(lab: Lab) -> list[float]:
    """How long each instance takes to answer an operator: its health and its admin API, one after the other."""
    headers, taken = {"Authorization": f"Bearer {lab.settings['ADMIN_TOKEN']}"}, []
    for container in containers(lab):
        for path in ("health", "admin/rate-limits"):
            began = time.monotonic()
            requests.get(f"http://{address(container)}:3000/{path}", headers=headers, timeout=10).raise_for_status()
            taken.append(round(time.monotonic() - began, 3))
    return taken


def cores(lab: Lab) -> float:
    """What the limits of the application's containers give it, in cores of this host."""
    return sum(container.attrs["HostConfig"]["NanoCpus"] for container in containers(lab)) / 1e9


def busy_cores(lab: Lab, work: Callable[[], object]) -> float:
    """How many cores the application's containers used while `work` ran, on average."""
    began, before = time.monotonic(), _cpu_seconds(lab)
    work()
    return (_cpu_seconds(lab) - before) / (time.monotonic() - began)


def _cpu_seconds(lab: Lab) -> float:
    stats = (container.client.api.stats(container.id, stream=False, one_shot=True) for container in containers(lab))
    return sum(each["cpu_stats"]["cpu_usage"]["total_usage"] for each in stats) / 1e9


def state(lab: Lab) -> dict:
    """Everything a playbook could change: containers, their limits, settings, routes, and what is kept for new replicas."""
    files = ("config/nginx/upstream.conf", PGBOUNCER, "docker-compose.scale.yml", ".env")
    present = containers(lab)
    return {
        "containers": [container.id for container in present],
        "limits": [
            [container.attrs["HostConfig"][name] for name in ("NanoCpus", "Memory", "MemorySwap")] for container in present
        ],
        "settings": admin_settings(lab),
        "files": {name: (lab.directory / name).read_text() for name in files if (lab.directory / name).exists()},
    }


_settled: dict[tuple[str, int], dict] = {}  # what a lab looked like when it was settled last


def settle(lab: Lab, replicas: int = 2) -> None:
    """Back to what a new lab is set to with the product's own playbooks, from wherever the last test left it; nothing where that is so."""
    kept = _settled.get((lab.prefix, replicas))
    now = state(lab) if kept else {}
    differ = {part for part in now if now[part] != kept[part]}
    if kept and not differ:
        return close_records(lab)
    if len(containers(lab)) > replicas:
        must(play(lab, "scale_down", "-e", f"replicas={replicas}"))
    elif not kept or differ & {"containers", "files"}:
        must(play(lab, "scale_app", "-e", f"replicas={replicas}"))
    close_records(lab)  # without one, normal is what is gone back to
    if not kept or "settings" in differ:
        must(play(lab, "reset_configuration"))
    pool = [
        re.search(r"(?m)^default_pool_size = (\d+)", (root / PGBOUNCER).read_text())[1] for root in (ROOT / "lab", lab.directory)
    ]
    if pool[0] != pool[1]:
        must(play(lab, "resize_pool", "-e", f"default_pool_size={pool[0]}"))
    services = yaml.safe_load((lab.directory / "docker-compose.prod.yml").read_text())["services"]
    limits = services["app"]["deploy"]["resources"]["limits"]
    wanted = (round(float(limits["cpus"]) * 1e9), int(limits["memory"].removesuffix("m")) * 2**20)
    if any((each.attrs["HostConfig"]["NanoCpus"], each.attrs["HostConfig"]["Memory"]) != wanted for each in containers(lab)):
        must(play(lab, "resize_app", "-e", f"cpus={limits['cpus']}", "-e", f"memory={limits['memory']}", "-e", "lower=true"))
    close_records(lab)
    _settled[lab.prefix, replicas] = state(lab)


def records(lab: Lab) -> list[dict]:
    """Of the lab's state directory, the oldest first."""
    return [json.loads(path.read_text()) for path in sorted((lab.directory / "state/records").glob("*.json"))]


def close_records(lab: Lab) -> None:
    """The innermost first; what is set stays."""
    while any(not record["closed"] for record in records(lab)):
        must(play(lab, "incident", "-e", "action=close", "-e", "leave=true"))


def undo(played: Played) -> list[str]:
    """The undo command that a run printed, as arguments of `play`."""
    [line] = [line for line in played.output.splitlines() if line.startswith("undo: ")]
    words = line.split()
    place = next(index for index, word in enumerate(words) if word.endswith(".yml"))
    return [words[place].removeprefix("playbooks/").removesuffix(".yml"), *words[place + 1 :]]


def must(played: Played) -> Played:
    """The run, or an error with all that it printed."""
    if played.rc != 0:
        raise ScenarioError(f"the playbook ended with {played.rc}:\n{played.output}")
    return played
