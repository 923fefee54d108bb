# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A step of a run, with a real lock and a real journal, and the lane that decides whether a module is one."""

from __future__ import annotations

import sys
import time
import types

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal, _lane, _lock, _process, _step
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, safe_point

RECORD = "20261125-203107-incident-3f9a"
PACKAGE = _lane.__name__.removesuffix("_lane")


@pytest.fixture
def run(state):
    """The description of a run that holds the lock."""
    described = {
        "run": "a",
        "playbook": "respond.yml",
        "who": "alice",
        "source": "person",
        "kind": "planned",
        "preemptible": True,
    }
    _lock.acquire(state, {**described, "controller": _process.identity()}, 0)
    return described


@pytest.fixture
def claim(state, run):
    return {
        "state_directory": str(state.directory),
        "daemon": state.daemon,
        "run": "a",
        "number": 1,
        "record": RECORD,
        "actor": "alice",
        "playbook": "respond.yml",
        "unreadable": {"pool": "its console does not answer"},
        "prometheus": {"url": "", "metrics": {}, "thresholds": {}},
    }


@pytest.fixture
def quick(monkeypatch):
    """Steps renew their lease, and safe points look at the lock, as often as a test has patience for."""
    monkeypatch.setattr(_step, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(_step, "_once_a_second", lambda ask: ask)


def guarded(claim, work=lambda: {"changed": False}, tier="api", **options):
    return _step.guarded(claim, "cache_config", tier, work, **options)


def told(state, *fields):
    return [tuple(event[field] for field in fields) for event in _journal.events(state, RECORD)]


def remaining(state):
    return _lock.holder(state)["lease_until"] - _clock.boottime()


def until(seen, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_step_is_journalled_with_before_and_after(state, claim):
    diff = {"before": {"event_list_ttl": 60}, "after": {"event_list_ttl": 300}}
    result = {"changed": True, "diff": diff, "settings": {}}
    assert guarded(claim, lambda: result) == result
    assert told(state, "event", "step", "result", "changed", "before", "after") == [
        ("step-start", "cache_config", "", False, {}, {}),
        ("step-end", "cache_config", "ok", True, diff["before"], diff["after"]),
    ]
    assert set(told(state, "run", "number", "actor", "playbook")) == {("a", 1, "alice", "respond.yml")}


def test_a_step_without_a_difference_is_unchanged(state, claim):
    assert guarded(claim) == {"changed": False}
    assert told(state, "event", "result", "before", "after")[-1] == ("step-end", "unchanged", {}, {})


@pytest.mark.parametrize(
    ("error", "result", "reason"),
    [(Refusal("no replica answers."), "refused", "no replica answers."), (ValueError("seven"), "failed", "seven"),
     (KeyboardInterrupt(), "failed", "KeyboardInterrupt()")],
)  # fmt: skip
def test_what_went_wrong_is_told_and_goes_on(state, claim, error, result, reason):
    def work():
        raise error

    with pytest.raises(type(error)):
        guarded(claim, work)
    assert told(state, "event", "result", "reason")[-1] == ("step-end", result, reason)
    held = _lock.holder(state)
    assert (held["step"], held["process"]) == ("", None)


def test_a_tier_without_a_way_back_is_refused_before_anything(state, claim):
    with pytest.raises(Refusal, match=r"tier pool was set before cannot be read \(its console does not answer\), so there would"):
        guarded(claim, pytest.fail, tier="pool")
    assert told(state, "event") == []


@pytest.mark.parametrize("taken", [True, False])
def test_a_run_that_has_lost_the_lock_does_nothing(state, claim, run, taken):
    _lock.release(state, "a")
    if taken:
        _lock.acquire(state, {**run, "run": "b", "controller": _process.identity()}, 0)
    with pytest.raises(Refusal, match="this run no longer holds the platform"):
        guarded(claim, pytest.fail)
    assert told(state, "event") == []


def test_another_engine_s_state_is_refused(claim):
    with pytest.raises(Refusal, match="belongs to the Docker daemon daemon-1"):
        guarded({**claim, "daemon": "daemon-2"}, pytest.fail)


def test_the_lock_tells_the_step_and_its_process_while_it_works(state, claim):
    seen = {}
    guarded(claim, lambda: seen.update(_lock.holder(state)) or {})
    assert seen["step"] == "cache_config"
    assert _process.alive(seen["process"])
    assert 590 < seen["process"]["deadline"] - _clock.boottime() <= 600
    held = _lock.holder(state)
    assert (held["step"], held["process"]) == ("", None)


def test_the_lease_is_renewed_as_long_as_the_step_works(state, claim, quick):
    leases = set()

    def work():
        until(lambda: leases.add(_lock.holder(state)["lease_until"]) or len(leases) > 2)
        return {}

    guarded(claim, work)
    before = _lock.holder(state)["lease_until"]
    time.sleep(0.1)
    assert _lock.holder(state)["lease_until"] == before, "it is renewed after the step"


@pytest.mark.parametrize("seconds", [90.0, 5.0])
def test_the_lease_after_a_step_is_what_the_module_asks_for(state, claim, seconds):
    guarded(claim, lease_after=seconds)
    assert seconds - 4 < remaining(state) <= seconds


def test_the_lease_after_a_step_is_the_usual_one(state, claim):
    guarded(claim)
    assert 55 < remaining(state) <= 60


def test_a_step_lets_go_at_a_safe_point(state, claim, run, quick):
    reached = []

    def work():
        safe_point()  # nobody asks yet
        wanted = {**run, "run": "b", "playbook": "respond.yml", "who": "bob", "controller": _process.identity()}
        with pytest.raises(Refusal):
            _lock.acquire(state, wanted, 0, preempt=True)
        ask_again(state, wanted)
        reached.append(True)
        safe_point()
        pytest.fail("it went on")

    with pytest.raises(_lock.PreEmpted, match=r"respond\.yml of bob pre-empts this run; start it again when that is done"):
        guarded(claim, work)
    assert reached
    assert told(state, "event", "result")[-1] == ("step-end", "refused")
    safe_point()  # outside a step nobody is asked


def ask_again(state, wanted):
    """Who waits stays written down while it waits, which `acquire` with wait=0 does not."""
    lock = state.read(_lock.FILE)
    by = {**{field: wanted[field] for field in ("run", "playbook", "who")}, "at": _clock.text()}
    state.write(_lock.FILE, {**lock, "holder": {**lock["holder"], "preempted_by": by}})


def test_safe_points_ask_at_most_once_a_second(monkeypatch):
    moment, asked = [100.0], []
    monkeypatch.setattr(_step.time, "monotonic", lambda: moment[0])
    ask = _step._once_a_second(lambda: asked.append(moment[0]))
    for moment[0] in (100.0, 100.5, 101.0, 101.5, 102.5):
        ask()
    assert asked == [101.0, 102.5]


def unwritable(monkeypatch, after):
    """The journal takes no more than so many events."""
    append, written = _step.State.append, []

    def full(self, name, entry):
        written.append(entry)
        if len(written) > after:
            raise Refusal("the journal cannot be written.")
        append(self, name, entry)

    monkeypatch.setattr(_step.State, "append", full)


def test_a_step_that_cannot_be_written_down_does_not_begin(monkeypatch, claim):
    unwritable(monkeypatch, 0)
    with pytest.raises(Refusal, match="the journal cannot be written"):
        guarded(claim, pytest.fail)


def test_an_end_that_cannot_be_written_down_hides_no_result(monkeypatch, claim):
    unwritable(monkeypatch, 1)
    result = guarded(claim, lambda: {"changed": True, "version": 7, "warnings": ["slow"]})
    assert (result["changed"], result["version"]) == (True, 7)
    assert result["warnings"] == [
        "slow",
        "cache_config is done, and the journal does not tell of it: the journal cannot be written.",
    ]


def test_an_end_that_cannot_be_written_down_hides_no_failure(monkeypatch, claim):
    def work():
        raise Refusal("no replica answers.")

    unwritable(monkeypatch, 1)
    with pytest.raises(Refusal, match="no replica answers"):
        guarded(claim, work)


@pytest.fixture
def modules(monkeypatch):
    """A module that changes something, one that only looks, and one with a lease of its own."""
    called = []

    def module(name, **also):
        logic = types.ModuleType(PACKAGE + name)
        logic.run = lambda params, check_mode, say: called.append((name, params, check_mode)) or {"changed": False}
        for each, value in also.items():
            setattr(logic, each, value)
        monkeypatch.setitem(sys.modules, PACKAGE + name, logic)

    module("changes", CHANGES="api")
    module("looks")
    module("starts", CHANGES="app", LEASE_AFTER=90.0, followed_by=lambda params: ["compose", params["dir"]])
    return called


@pytest.fixture
def steps(monkeypatch):
    found = []
    monkeypatch.setattr(_step, "guarded", lambda claim, *about: found.append((claim, *about)) or about[2]())
    return found


def test_a_module_that_changes_something_is_a_step_of_a_run(modules, steps):
    assert _lane.perform(PACKAGE, "changes", {"x": 1}, False, claim={"run": "a"}) == {"changed": False}
    assert _lane.perform(PACKAGE, "starts", {"dir": "/opt"}, False, claim={"run": "a"}) == {"changed": False}
    assert [(claim["run"], step, tier, *after) for claim, step, tier, _work, *after in steps] == [
        ("a", "changes", "api", 60.0, ()),
        ("a", "starts", "app", 90.0, ["compose", "/opt"]),
    ]
    assert modules == [("changes", {"x": 1}, False), ("starts", {"dir": "/opt"}, False)]


@pytest.mark.parametrize(
    ("module", "check_mode", "claim"), [("changes", True, {"run": "a"}), ("changes", False, None), ("looks", False, {"run": "a"})]
)
def test_anything_else_is_none(modules, steps, module, check_mode, claim):
    assert _lane.perform(PACKAGE, module, {}, check_mode, claim=claim) == {"changed": False}
    assert steps == []
    assert modules == [(module, {}, check_mode)]


def test_what_a_step_refuses_is_a_result(modules, claim, state):
    _lock.release(state, "a")
    result = _lane.perform(PACKAGE, "changes", {}, False, claim=claim)
    assert result["failed"] and result["msg"].startswith("this run no longer holds the platform")
    assert modules == []


def test_safe_points_of_several_are_all_asked():
    asked = []
    with _lane.asked_at_safe_points(lambda: asked.append("outer")), _lane.asked_at_safe_points(lambda: asked.append("inner")):
        safe_point()
    safe_point()
    assert asked == ["outer", "inner"]
