# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every module shares: a failure an operator can act on, and the wrapper that runs a pure function as a module.

A module `x` is `module_utils/x.py` with

* ``SPEC``: the keyword arguments of AnsibleModule (argument_spec, supports_check_mode, ...);
* ``COMPUTES = True``, where it looks at nothing but its options;
* ``CHANGES``, the tier that it changes (api, app, pool), where it changes one: inside a run it is then a step (_step.py);
* ``run(params, check_mode, say) -> dict``: the work; returns the result, raises Refusal; ``say(text)`` shows progress.

`plugins/modules/x.py` wraps it for a remote host, `plugins/action/in_process.py` for the controller itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Say = Callable[[str], None]


class Refusal(Exception):
    """Nothing (more) is done. The message is one sentence: the value, the rule, the fix. `details` join the result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


def silent(text: str) -> None:
    """Progress of a module that runs on another host: nobody could see it before the end."""


_safe_points: list[Callable[[], None]] = []


def safe_point() -> None:
    """Called where a long step may end without harm, at most 30 s apart. Raises Refusal where it must."""
    for ask in _safe_points:
        ask()


@contextmanager
def asked_at_safe_points(ask: Callable[[], None]) -> Iterator[None]:
    _safe_points.append(ask)
    try:
        yield
    finally:
        _safe_points.remove(ask)


def perform(package: str, module: str, params: dict, check_mode: bool, say: Say = silent, claim: dict | None = None) -> dict:
    """The result of a module's function; a refusal is a result, too. `claim`: of the run that it is a step of (module run_begin)."""
    logic = importlib.import_module(package + module)

    def work() -> dict:
        return logic.run(params, check_mode, say)

    try:
        if claim and not check_mode and hasattr(logic, "CHANGES"):
            step = importlib.import_module(package + "_step")
            follows = logic.followed_by(params) if hasattr(logic, "followed_by") else ()
            return step.guarded(claim, module, logic.CHANGES, work, getattr(logic, "LEASE_AFTER", step.LEASE_SECONDS), follows)
        return work()
    except Refusal as refusal:
        return {"failed": True, "msg": str(refusal), **refusal.details}


def run_as_module(module, run) -> None:
    """Run `run` with an AnsibleModule's parameters and leave through exit_json or fail_json."""
    try:
        result = run(module.params, module.check_mode, silent)
    except Refusal as refusal:
        module.fail_json(msg=str(refusal), **refusal.details)
    module.exit_json(**result)
