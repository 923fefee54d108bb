# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run at a time changes the platform: a lease that steps renew, and that ends by itself where they no longer can.

`lock.json` is {number, holder}. `number` grows with every run that gets the lock, and stays when it is let go. `holder` is null, or

* what the run tells of itself: run (a uuid), playbook, who, source, kind (incident, planned, auto), preemptible, controller (an identity
  of _process, which may be on another machine);
* number, since (for people); lease_until (seconds of _clock.boottime) and boot_id, which say how long it holds;
* step ('' between steps), process (null, or the identity of what runs it on this host, with its deadline in boottime seconds);
* follows: words on the command line of what may outlive its step (`docker compose`), or none;
* preempted_by: null, or {run, playbook, who, at} of the run that waits for its next safe point.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _process
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

FILE = "lock.json"
LEASE_SECONDS = 60.0
POLL_SECONDS = 0.2
TELL_SECONDS = 5.0
END_SECONDS = 5.0  # what a step that was left behind gets, to end by itself after SIGTERM


class PreEmpted(Refusal):
    """The run still holds the lock, and is asked to let go here, at its safe point."""


def acquire(state: State, wanted: dict, wait: float, say: Say = silent, preempt: bool = False) -> dict:
    """Get the lock for the run that `wanted` describes ({run, playbook, who, source, kind, preemptible, controller}).

    Waits up to `wait` seconds (0: not at all) for whoever has it; `preempt` asks a preemptible holder to let go at its next safe point.
    A holder whose lease ran out, whose host was started again, or whose controller is seen dead here, loses it; what runs of its step is
    waited for as long as its lease, its deadline and `wait` allow, then ended. Returns {run, number, taken_over_from (such a holder with
    the `reason`, or None), waited (seconds), waited_for (who had it last, in a clause)}. A run that has the lock
    already gets its claim again. Refusal: who has it, and what to do.
    """
    began = _clock.boottime()
    told, waited_for = began - TELL_SECONDS, ""
    try:
        while True:
            waited = _clock.boottime() - began
            number, other = _attempt(state, wanted, preempt, patient=waited < wait)
            if number:
                break
            if waited >= wait:
                raise Refusal(
                    f"{describe(other)}; wait for it, or stop it (pid {other['controller']['pid']} on {other['controller']['host']}), then start "
                    "this again.",
                    holder=other,
                )
            if began + waited >= told + TELL_SECONDS:
                say(f"waiting up to {wait - waited:.0f} s: {describe(other)}")
                told = began + waited
            waited_for = describe(other)
            time.sleep(POLL_SECONDS)
    except BaseException:  # also where somebody loses patience: nobody makes way for a run that is not coming
        _withdraw(state, wanted["run"])
        raise
    if other and other["process"]:
        say(f"ending what is left of step '{other['step']}' of {other['playbook']} (pid {other['process']['pid']})")
        _process.end(other["process"], END_SECONDS)
        renew(state, wanted["run"])
    return {"run": wanted["run"], "number": number, "taken_over_from": other, "waited": waited, "waited_for": waited_for}


def check(state: State, run: str) -> None:
    """A run's safe point, at most 30 s apart. Refusal: another run has the lock. PreEmpted: it is to let go now."""
    found = _ours(holder(state), run)
    if found["preempted_by"]:
        by = found["preempted_by"]
        raise PreEmpted(f"{by['playbook']} of {by['who']} pre-empts this run; start it again when that is done.")


def renew(
    state: State,
    run: str,
    step: str = "",
    process: dict | None = None,
    seconds: float = LEASE_SECONDS,
    follows: Sequence[str] = (),
) -> None:
    """Hold on for `seconds` (above 0) from now, and tell what runs: the step, and its process on this host.

    `process`: an identity of _process with `deadline`, seconds of boottime until which a takeover may wait for it. `follows`: words on the
    command line of what works after the step and is none of it; a takeover waits for that as well. Refusal: another run has the lock.
    """
    with state.locked():
        lock = _read(state)
        held = _ours(lock["holder"], run)
        state.write(
            FILE, {**lock, "holder": {**held, "step": step, "process": process, "follows": list(follows), **_lease(seconds)}}
        )


def release(state: State, run: str) -> None:
    """Let go. Nothing is done where another run has the lock, or none."""
    with state.locked():
        lock = _read(state)
        if lock["holder"] and lock["holder"]["run"] == run:
            state.write(FILE, {**lock, "holder": None})


def holder(state: State) -> dict | None:
    """Who has the lock as it is written, alive or not."""
    return _read(state)["holder"]


def holding(state: State) -> dict | None:
    """Who has the lock and has not lost it."""
    found = holder(state)
    return found if found and not _lost(found, patient=True) else None


def describe(found: dict) -> str:
    """A holder in a clause."""
    step = f", in step '{found['step']}'" if found["step"] else ""
    return f"{found['playbook']} of {found['who']} has held the platform since {found['since']}{step}"


def _attempt(state: State, wanted: dict, preempt: bool, patient: bool) -> tuple[int, dict | None]:
    """(number, whom it was taken from or None), or (0, who has it)."""
    with state.locked():
        lock = _read(state)
        found = lock["holder"]
        if found and found["run"] == wanted["run"]:
            return found["number"], None
        reason = _lost(found, patient) if found else ""
        if found and not reason:
            if preempt and found["preemptible"] and not found["preempted_by"]:
                by = {**{field: wanted[field] for field in ("run", "playbook", "who")}, "at": _clock.text()}
                state.write(FILE, {**lock, "holder": {**found, "preempted_by": by}})
            return 0, found
        number = lock["number"] + 1 + bool(state.recovered)  # a copy may be one run behind
        # The process that is left behind is now ours to end: whoever takes over from us, killed meanwhile, finds it here.
        left = found["process"] if found and found["process"] and _process.alive(found["process"]) else None
        fresh = {
            "number": number,
            "since": _clock.text(),
            "step": found["step"] if left else "",
            "process": left,
            "follows": [],
            "preempted_by": None,
        }
        state.write(FILE, {"number": number, "holder": {**wanted, **fresh, **_lease(LEASE_SECONDS)}})
        return number, {**found, "process": left, "reason": reason} if found else None


def _lost(found: dict, patient: bool) -> str:
    """Why a holder has the lock no longer, '' while it has. `patient`: a step that outlives its controller may come to its end."""
    if found["boot_id"] != _clock.boot_id():
        return "its host was started again"
    if _clock.boottime() >= found["lease_until"]:
        return "its lease ran out"
    if _process.alive(found["controller"]) is not False:
        return ""
    step = found["process"]
    if patient and step and _process.alive(step) and _clock.boottime() < step["deadline"]:
        return ""
    if patient and _process.works(found.get("follows")):
        return ""
    return "its controller died"


def _lease(seconds: float) -> dict:
    return {"lease_until": _clock.boottime() + seconds, "boot_id": _clock.boot_id()}


def _ours(found: dict | None, run: str) -> dict:
    if found is None:
        raise Refusal("this run no longer holds the platform, which was taken over and let go since; start it again.")
    if found["run"] != run:
        raise Refusal(
            f"this run no longer holds the platform: {describe(found)}; start it again when that is done.", holder=found
        )
    return found


def _withdraw(state: State, run: str) -> None:
    with state.locked():
        lock = _read(state)
        if lock["holder"] and (lock["holder"]["preempted_by"] or {}).get("run") == run:
            state.write(FILE, {**lock, "holder": {**lock["holder"], "preempted_by": None}})


def _read(state: State) -> dict:
    return state.read(FILE) or {"number": 0, "holder": None}
