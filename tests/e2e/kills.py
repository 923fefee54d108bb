"""The moments at which a run is killed: before, during and after each of its steps, as the journal of a complete run tells them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from memory import events, holder

from lab import scenario
from lab.scenario import Lab

TOLD = ("run-start", "step-start", "step-end", "run-end")
APART = 0.6  # seconds between two steps, above which "before" the second is another moment than "after" the first


@dataclass(frozen=True)
class Moment:
    """`wait` seconds after the run has journalled so many beginnings and ends."""

    name: str
    told: int
    wait: float = 0.0


def moments(lab: Lab, log: Path, playbook: str, *arguments: str) -> list[Moment]:
    """Of a run that comes to its end."""
    known, seen = runs(lab), []
    process = start(lab, log, playbook, *arguments)
    while process.poll() is None:
        seen += [(event, time.monotonic()) for event in told(lab, known)[len(seen) :]]
        time.sleep(0.01)
    assert process.returncode == 0, log.read_text()
    found = []
    for number, ((_event, earlier), (event, at)) in enumerate(pairwise(seen), 1):
        if event["event"] == "step-start" and at - earlier > APART:
            found.append(Moment(f"before {event['step']}", number, (at - earlier) / 2))
        elif event["event"] == "step-end":
            found.append(Moment(f"during {event['step']}", number, (at - earlier) / 2))
            found.append(Moment(f"after {event['step']}", number + 1))
    return found


def kill(lab: Lab, log: Path, moment: Moment, worker: str, playbook: str, *arguments: str) -> None:
    """Start a run and kill it then: its controller, or also everything that works for it."""
    known = runs(lab)
    process = start(lab, log, playbook, *arguments)
    while len(told(lab, known)) < moment.told:
        assert process.poll() is None, f"it ended before {moment}: {log.read_text()}"
        time.sleep(0.01)
    time.sleep(moment.wait)  # into the step, or between two of them
    held = holder(lab)
    doomed = [process.pid]
    if worker == "killed too":
        doomed += family(process.pid)[1:]
        doomed += [held["process"]["pid"]] if held and held["process"] else []  # through SSH it is no child
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, f"it ended before {moment}: {log.read_text()}"


def start(lab: Lab, log: Path, playbook: str, *arguments: str):
    """A pipe that nobody reads would stop it in the end."""
    with log.open("w") as stream:
        return scenario.start_play(lab, playbook, *arguments, results=log.with_suffix(".jsonl"), stdout=stream)


def told(lab: Lab, known: set[str]) -> list[dict]:
    """The beginnings and ends of runs that are not `known`, in the newest journal."""
    return [event for event in _newest(lab) if event["event"] in TOLD and event["run"] not in known]


def runs(lab: Lab) -> set[str]:
    return {event["run"] for event in _newest(lab)}


def family(pid: int) -> list[int]:
    """A process and all that descends from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return [pid]
    return [pid, *(member for child in children for member in family(int(child)))]


def _newest(lab: Lab) -> list[dict]:
    paths = sorted((lab.directory / "state/journal").glob("*.jsonl"))
    return events(paths[-1]) if paths else []
