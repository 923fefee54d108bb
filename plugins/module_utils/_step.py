# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One wrapper around every step of a run: the lock is ours and stays so, and the journal tells how it began and how it ended.

A claim is what module run_begin returns: {state_directory, daemon, run, number, record, actor, playbook, unreadable, prometheus}.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal, _key_metrics, _lock, _process
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, asked_at_safe_points
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

LEASE_SECONDS = _lock.LEASE_SECONDS
RENEW_SECONDS = LEASE_SECONDS / 4
PATIENCE = 600.0  # seconds that a takeover may wait for a step which lives on without its controller


def guarded(
    claim: dict, step: str, tier: str, work: Callable[[], dict], lease_after: float = LEASE_SECONDS, follows: Sequence[str] = ()
) -> dict:
    """The result of `work`, done while the lock is held and journalled; the lock is then kept for `lease_after` seconds. `follows`: words on
    the command line of what works next without showing the claim.

    Refusal: the tier has no way back, or the lock is another's.
    """
    if tier in claim["unreadable"]:
        raise Refusal(
            f"{step} is not done: how the tier {tier} was set before cannot be read ({claim['unreadable'][tier]}), so there would be no way back; "
            "repair that, or set it by hand as docs/break-glass.md says."
        )
    state = State.open(claim["state_directory"], claim["daemon"])
    run = claim["run"]
    _lock.check(state, run)

    def tell(**event) -> None:
        about = {name: claim[name] for name in ("run", "number", "actor", "playbook")}
        _journal.note(state, claim["record"], **about, step=step, **event)

    tell(event="step-start")
    around = _key_metrics.Around(claim["prometheus"], lambda seen: tell(event="metrics", metrics={"before": seen}))
    try:
        with _kept(state, run, step, lease_after, follows):
            result = work()
    except BaseException as error:
        how = {"result": "refused" if isinstance(error, Refusal) else "failed", "reason": str(error) or repr(error)}
        with suppress(Refusal):  # what happened counts more than that it could not be written down
            tell(event="step-end", **how, metrics=around.end())
        raise
    diff = result.get("diff") or {}
    changed = bool(result.get("changed"))
    values = {"before": diff.get("before") or {}, "after": diff.get("after") or {}, "metrics": around.end()}
    try:
        tell(event="step-end", result="ok" if changed else "unchanged", changed=changed, **values)
    except Refusal as refusal:  # it is done all the same
        return {
            **result,
            "warnings": [*result.get("warnings", []), f"{step} is done, and the journal does not tell of it: {refusal}"],
        }
    return result


@contextmanager
def _kept(state: State, run: str, step: str, lease_after: float, follows: Sequence[str]) -> Iterator[None]:
    """The lease is renewed as long as the step works, and the step stops at a safe point where it must let go."""
    process = {**_process.identity(), "deadline": _clock.boottime() + PATIENCE}
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_SECONDS):
            with suppress(Refusal):  # the safe points tell the step
                _lock.renew(state, run, step, process)

    _lock.renew(state, run, step, process)
    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        with asked_at_safe_points(_once_a_second(lambda: _lock.check(state, run))):
            yield
    finally:
        done.set()
        renewing.join()
        with suppress(Refusal):  # another's by now: the next step is told
            _lock.renew(state, run, seconds=lease_after, follows=follows)


def _once_a_second(ask: Callable[[], None]) -> Callable[[], None]:
    last = time.monotonic()

    def now_and_then() -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            ask()

    return now_and_then
