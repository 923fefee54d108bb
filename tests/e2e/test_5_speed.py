"""How long a response takes: beside the shell baseline, with nothing to do, and to assess. Ratios: the machine is shared."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _lock, _process, _step
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from memory import journal
from sizes import FULL

from lab import scenario
from lab.scenario import ROOT, Lab

pytestmark = pytest.mark.alone

PAIRS = 10 if FULL else 3
REPEATS = 10 if FULL else 5
SHORTEST = 0.1  # seconds: a step that POSTs one resource to two replicas
PLAIN = {"ANSIBLE_CALLBACKS_ENABLED": "lab_results"}


def test_respond_beside_the_shell_baseline(calm: Lab, proof):
    seconds: dict[str, list[float]] = {"respond": [], "baseline": []}
    for pair in range(PAIRS if FULL or calm.lane == "local" else 1):
        # Alternately, and who begins changes too.
        for way in ("respond", "baseline") if pair % 2 == 0 else ("baseline", "respond"):
            if way == "respond":
                seconds[way].append(scenario.must(scenario.play(calm, "respond", "-e", "profile=overload")).seconds)
            else:
                seconds[way].append(shell("respond.sh", calm, 10))
            assert len(scenario.containers(calm)) == 10
            shell("scale_down.sh", calm, 2)
    medians = {way: statistics.median(values) for way, values in seconds.items()}
    ratio = medians["respond"] / medians["baseline"]
    proof(
        "respond_beside_baseline",
        {"pairs": len(seconds["respond"]), "seconds": seconds, "medians": medians, "ratio": round(ratio, 2)},
    )
    assert ratio <= 2, f"respond takes {ratio:.2f} times as long as the shell baseline ({medians})"


def test_nothing_to_do_costs_at_most_four_empty_plays(calm: Lab, tmp_path, proof):
    empty = tmp_path / "empty.yml"
    empty.write_text("- hosts: platform\n  gather_facts: false\n  tasks: []\n")
    scenario.must(scenario.play(calm, "respond", "-e", "profile=elevated"))
    nothing, plays = [], []
    for _ in range(REPEATS):
        again = scenario.must(scenario.play(calm, "respond", "-e", "profile=elevated"))
        assert again.changed == 0
        nothing.append(again.seconds)
        # without what our ansible.cfg adds: an empty play of anybody's
        plays.append(scenario.must(scenario.play(calm, str(empty.with_suffix("")), environment=PLAIN)).seconds)
    ratio = statistics.median(nothing) / statistics.median(plays)
    proof("respond_with_nothing_to_do", {"respond": nothing, "empty_play": plays, "ratio": round(ratio, 2)})
    assert ratio <= 4, f"respond with nothing to do costs {ratio:.2f} empty plays"


def test_lock_snapshot_and_journal_cost_a_response_at_most_half_a_second(calm: Lab, proof):
    # The look at the end verifies the response, and is none of the record's costs. What others take of a small run's machine is none either.
    costs, totals = [], []
    while len(totals) < 3 and (FULL or min(totals, default=1) > 0.5):
        scenario.settle(calm)
        responded = scenario.must(scenario.play(calm, "respond", "-e", "profile=overload"))
        begun, ended = (responded.result_of(module) for module in ("run_begin", "run_end"))
        events = journal(calm, scenario.records(calm)[-1])
        steps = [event for event in events if (event["run"], event["event"]) == (begun["claim"]["run"], "step-end")]
        around = len(steps) * wrapper_seconds(begun["claim"], calm.directory / "state-of-a-test")
        costs.append({"begin": begun["seconds"], "end": ended["seconds"], "steps": len(steps), "around_steps": round(around, 3)})
        totals.append(begun["seconds"] + ended["seconds"] + around)
    proof("record_of_a_response", {"costs": costs, "seconds": round(statistics.median(totals), 2)})
    assert (statistics.median(totals) if FULL else min(totals)) <= 0.5, costs


def wrapper_seconds(claim: dict, scratch: Path) -> float:
    """What the wrapper adds to a step as long as the shortest real one: the same disk, the same Prometheus, a state of its own."""
    state = State.open(scratch, claim["daemon"])
    who = {"run": claim["run"], "playbook": claim["playbook"], "who": claim["actor"], "source": "person", "kind": "incident"}
    _lock.acquire(state, {**who, "preemptible": False, "controller": _process.identity()}, 0)
    seconds = []
    try:
        for _ in range(20):
            began = time.monotonic()
            _step.guarded({**claim, "state_directory": str(scratch)}, "nothing", "api", lambda: time.sleep(SHORTEST) or {})
            seconds.append(time.monotonic() - began - SHORTEST)
    finally:
        shutil.rmtree(scratch)
    return statistics.median(seconds)


def test_assess_takes_at_most_three_seconds(calm: Lab, proof):
    seconds = [scenario.must(scenario.play(calm, "assess")).seconds for _ in range(REPEATS)]
    proof("assess", {"seconds": seconds, "median": statistics.median(seconds)})
    assert statistics.median(seconds) <= 3, seconds


def shell(script: str, lab: Lab, replicas: int) -> float:
    began = time.monotonic()
    done = subprocess.run(
        [ROOT / "lab/baseline" / script, lab.directory, str(replicas)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - began
