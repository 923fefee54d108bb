# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from datetime import timedelta

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _lock, _process
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._lock import PreEmpted, acquire, check, release, renew
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.forked import fork, outcome

ELSEWHERE = {"host": "laptop", "place": "another boot", "pid": 4711, "start": 1}


def run_of(run, **more):
    described = {"run": run, "playbook": "scale_down", "who": "alice", "source": "person", "kind": "planned", "preemptible": True}
    return {**described, "controller": ELSEWHERE, **more}


RESPOND = run_of("r", playbook="respond", who="bob", kind="incident", preemptible=False)


@pytest.fixture
def clock(monkeypatch):
    """Moves the kernel's clock on."""

    def forward(seconds):
        before = _clock.boottime
        monkeypatch.setattr(_clock, "boottime", lambda: before() + seconds)

    return forward


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(_lock, "POLL_SECONDS", 0.01)


@pytest.fixture
def step():
    """A step's process that goes on for long."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def dead():
    """The identity of a controller that was here and was killed."""
    process = subprocess.Popen(["sleep", "60"])
    identity = _process.identity(process.pid)
    process.kill()
    process.wait()
    return identity


def recorded(process, seconds=60.0):
    return {**_process.identity(process.pid), "deadline": _clock.boottime() + seconds}


def test_takes_a_free_lock_and_tells_who_has_it(state):
    claim = acquire(state, run_of("a"), 0)
    assert {**claim, "waited": 0} == {"run": "a", "number": 1, "taken_over_from": None, "waited": 0, "waited_for": ""}
    held = _lock.holder(state)
    assert {field: held[field] for field in run_of("a")} == run_of("a")
    assert (held["number"], held["step"], held["process"], held["preempted_by"]) == (1, "", None, None)
    assert 59 < held["lease_until"] - _clock.boottime() <= 60
    assert held["boot_id"] == _clock.boot_id()
    check(state, "a")


def test_a_run_that_has_it_gets_it_again(state):
    acquire(state, run_of("a"), 0)
    assert acquire(state, run_of("a"), 0)["number"] == 1


def test_refuses_while_another_has_it(state):
    acquire(state, run_of("a"), 0)
    renew(state, "a", step="drain")
    with pytest.raises(
        Refusal,
        match=r"^scale_down of alice has held the platform since 20\S+Z, in step 'drain'; wait for it, or stop it \(pid 4711 on laptop\), then "
        r"start this again\.$",
    ) as refused:
        acquire(state, run_of("b"), 0)
    assert refused.value.details["holder"]["run"] == "a"


def test_the_number_grows_and_survives_release(state):
    numbers = []
    for run in "abc":
        numbers.append(acquire(state, run_of(run), 0)["number"])
        release(state, run)
    assert numbers == [1, 2, 3]
    assert state.read("lock.json") == {"number": 3, "holder": None}


def test_the_number_grows_also_where_the_lock_was_damaged(state):
    acquire(state, run_of("a"), 0)
    release(state, "a")
    number = acquire(state, run_of("b"), 0)["number"]
    (state.directory / "lock.json").write_text("")
    assert acquire(state, run_of("c"), 0)["number"] > number


def test_release_is_idempotent_and_never_anothers(state):
    acquire(state, run_of("a"), 0)
    release(state, "b")
    check(state, "a")
    release(state, "a")
    release(state, "a")
    assert _lock.holder(state) is None


def test_waits_and_says_for_whom_at_once_and_now_and_then(state, monkeypatch):
    monkeypatch.setattr(_lock, "TELL_SECONDS", 0.05)
    acquire(state, run_of("a"), 0)
    said = []

    def say(text):
        said.append(text)
        if len(said) == 3:
            release(state, "a")

    claim = acquire(state, run_of("b"), 30, say)
    assert claim["waited"] >= 0.1
    assert said[0].endswith(claim["waited_for"]) and claim["waited_for"]
    assert len(said) == 3
    assert re.fullmatch(r"waiting up to 30 s: scale_down of alice has held the platform since \S+Z", said[0])


def test_an_expired_lease_is_taken_and_a_renewed_one_is_not(state, clock):
    acquire(state, run_of("a"), 0)
    clock(50)
    renew(state, "a", step="drain")
    clock(50)
    with pytest.raises(Refusal, match="in step 'drain'"):
        acquire(state, run_of("b"), 0)
    clock(11)
    claim = acquire(state, run_of("b"), 0)
    assert (claim["number"], claim["taken_over_from"]["run"], claim["taken_over_from"]["reason"]) == (2, "a", "its lease ran out")


def test_a_lease_that_ran_out_and_was_not_taken_goes_on(state, clock):
    acquire(state, run_of("a"), 0)
    clock(3600)
    check(state, "a")
    renew(state, "a")
    with pytest.raises(Refusal):
        acquire(state, run_of("b"), 0)


def test_who_lost_it_is_told_to_whom(state, clock):
    acquire(state, run_of("a"), 0)
    clock(61)
    acquire(state, RESPOND, 0)
    for action in (check, renew):
        with pytest.raises(
            Refusal, match=r"no longer holds the platform: respond of bob has held the platform since \S+Z; start it again"
        ):
            action(state, "a")
    release(state, "r")
    with pytest.raises(Refusal, match="which was taken over and let go since; start it again"):
        check(state, "a")


@pytest.mark.parametrize("jump", [-7 * 86400, 7 * 86400])
def test_the_clock_on_the_wall_neither_ends_nor_prolongs(state, clock, monkeypatch, jump):
    acquire(state, run_of("a"), 0)
    wall = _clock.now
    monkeypatch.setattr(_clock, "now", lambda: wall() + timedelta(seconds=jump))
    with pytest.raises(Refusal):
        acquire(state, run_of("b"), 0)
    clock(61)
    assert acquire(state, run_of("b"), 0)["number"] == 2


def test_another_boot_ends_every_lease(state, monkeypatch, step):
    acquire(state, run_of("a"), 0)
    renew(state, "a", process=recorded(step), seconds=1e6)
    monkeypatch.setattr(_clock, "boot_id", lambda: "another")
    assert acquire(state, run_of("b"), 0)["taken_over_from"]["reason"] == "its host was started again"
    assert step.poll() is None  # its pid means another process by now


def test_a_controller_killed_here_is_not_waited_for(state):
    ready = os.pipe()

    def work():
        acquire(State(state.directory, state.daemon), run_of("a", controller=_process.identity()), 0)
        os.write(ready[1], b".")
        signal.pause()

    child = fork(work)
    os.read(ready[0], 1)
    with pytest.raises(Refusal, match=rf"pid {child} on "):
        acquire(state, run_of("b"), 0)
    os.kill(child, signal.SIGKILL)
    assert outcome(child) == -signal.SIGKILL
    claim = acquire(state, run_of("b"), 0)
    assert (claim["taken_over_from"]["run"], claim["taken_over_from"]["reason"]) == ("a", "its controller died")


def ending(process, said):
    """What ends a process as soon as somebody says that he waits for it."""

    def say(text):
        said.append(text)
        process.terminate()
        process.wait()

    return say


def test_a_step_that_outlives_its_controller_is_waited_for(state, dead, step):
    acquire(state, run_of("a", controller=dead), 0)
    renew(state, "a", step="drain", process=recorded(step))
    said = []
    claim = acquire(state, run_of("b"), 30, ending(step, said))
    assert len(said) == 1
    assert claim["taken_over_from"]["step"] == "drain"
    check(state, "b")


def test_what_follows_a_step_and_outlives_its_controller_is_waited_for(state, dead):
    follower = subprocess.Popen(["sleep", f"60.{os.getpid()}"])
    acquire(state, run_of("a", controller=dead), 0)
    renew(state, "a", step="scale_override")
    renew(state, "a", seconds=90, follows=[f"60.{os.getpid()}", "sleep"])
    said = []
    claim = acquire(state, run_of("b"), 30, ending(follower, said))
    assert len(said) == 1 and claim["waited"] < 30
    assert _lock.holder(state)["follows"] == []
    assert not _process.works(["compose", "/of-nobody"]) and not _process.works([])


@pytest.mark.parametrize("limit", ["wait", "deadline"])
def test_a_step_that_outlives_its_controller_is_ended_in_the_end(state, dead, step, limit):
    acquire(state, run_of("a", controller=dead), 0)
    renew(state, "a", step="drain", process=recorded(step, 60 if limit == "wait" else 0.1))
    said = []
    claim = acquire(state, run_of("b"), 0.1 if limit == "wait" else 30, said.append)
    assert said[-1] == f"ending what is left of step 'drain' of scale_down (pid {step.pid})"
    assert step.wait() == -signal.SIGTERM
    assert claim["waited"] < 30
    held = _lock.holder(state)
    assert (held["run"], held["step"], held["process"]) == ("b", "", None)


def test_a_step_that_is_not_renewed_is_ended_at_once(state, step, clock):
    acquire(state, run_of("a"), 0)
    renew(state, "a", step="drain", process=recorded(step, 600))
    clock(61)
    assert acquire(state, run_of("b"), 30)["taken_over_from"]["process"]["pid"] == step.pid
    assert step.wait() == -signal.SIGTERM


def test_a_takeover_that_is_killed_leaves_the_step_to_the_next(state, dead, step):
    acquire(state, run_of("a", controller=dead), 0)
    renew(state, "a", step="drain", process=recorded(step))

    def die(text):
        os.kill(os.getpid(), signal.SIGKILL)

    # Killed when it has the lock and says that it is about to end the step.
    child = fork(lambda: acquire(State(state.directory, state.daemon), run_of("b", controller=_process.identity()), 0, die))
    assert outcome(child) == -signal.SIGKILL
    assert step.poll() is None
    claim = acquire(state, run_of("c"), 0)
    assert (claim["number"], claim["taken_over_from"]["run"], claim["taken_over_from"]["step"]) == (3, "b", "drain")
    assert step.wait() == -signal.SIGTERM


def test_respond_pre_empts_at_the_safe_point(state):
    acquire(state, run_of("a"), 0)
    stopped = []

    def say(text):
        renew(state, "a", step="drain")  # up to the safe point it goes on
        try:
            check(state, "a")
        except PreEmpted as asked:
            stopped.append(str(asked))
            release(state, "a")

    claim = acquire(state, RESPOND, 30, say, preempt=True)
    assert stopped == ["respond of bob pre-empts this run; start it again when that is done."]
    assert claim["taken_over_from"] is None
    check(state, "r")


def test_who_is_not_preemptible_is_only_waited_for(state):
    acquire(state, RESPOND, 0)
    with pytest.raises(Refusal, match="respond of bob has held"):
        acquire(state, run_of("b"), 0.05, preempt=True)
    check(state, "r")
    assert _lock.holder(state)["preempted_by"] is None


@pytest.mark.parametrize("why", [Refusal, KeyboardInterrupt])
def test_who_gives_up_waiting_pre_empts_nobody(state, why):
    acquire(state, run_of("a"), 0)

    def say(text):
        with pytest.raises(PreEmpted):
            check(state, "a")
        if why is KeyboardInterrupt:
            raise KeyboardInterrupt

    with pytest.raises(why):
        acquire(state, RESPOND, 0.05, say, preempt=True)
    check(state, "a")


def test_two_processes_never_have_it_both(state):
    inside = state.directory / "inside"

    def work(name):
        own = State(state.directory, state.daemon)
        for number in range(20):
            claim = acquire(own, run_of(f"{name}{number}"), 60)
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            own.append("numbers.jsonl", {"number": claim["number"]})
            check(own, claim["run"])
            os.unlink(inside)
            release(own, claim["run"])

    children = [fork(lambda name=name: work(name)) for name in "ab"]
    assert [outcome(child) for child in children] == [0, 0]
    assert [line["number"] for line in state.lines("numbers.jsonl")] == list(range(1, 41))


def test_of_many_that_find_an_abandoned_lock_one_gets_it(state, clock):
    acquire(state, run_of("a"), 0)
    clock(61)
    results = []

    def work(name):
        try:
            results.append(acquire(State(state.directory, state.daemon), run_of(name), 0)["taken_over_from"]["run"])
        except Refusal as refused:
            results.append(refused.details["holder"]["number"])

    threads = [threading.Thread(target=work, args=(name,)) for name in "bcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["2", "2", "2", "2", "a"]


def test_the_file_is_plain(state):
    acquire(state, RESPOND, 0)
    assert list(json.loads((state.directory / "lock.json").read_text())) == ["number", "holder"]
