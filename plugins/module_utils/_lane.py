# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every module shares: a failure an operator can act on, and the wrapper that runs a pure function as a module.

A module `x` is `module_utils/x.py` with

* ``SPEC``: the keyword arguments of AnsibleModule (argument_spec, supports_check_mode, ...);
* ``COMPUTES = True``, where it looks at nothing but its options;
* ``run(params, check_mode, say) -> dict``: the work; returns the result, raises Refusal; ``say(text)`` shows progress.

`plugins/modules/x.py` wraps it for a remote host, `plugins/action/in_process.py` for the controller itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

Say = Callable[[str], None]


class Refusal(Exception):
    """Nothing (more) is done. The message is one sentence: the value, the rule, the fix. `details` join the result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


def silent(text: str) -> None:
    """Progress of a module that runs on another host: nobody could see it before the end."""


def perform(package: str, module: str, params: dict, check_mode: bool, say: Say = silent) -> dict:
    """The result of a module's function; a refusal is a result, too."""
    logic = importlib.import_module(package + module)
    try:
        return logic.run(params, check_mode, say)
    except Refusal as refusal:
        return {"failed": True, "msg": str(refusal), **refusal.details}


def run_as_module(module, run) -> None:
    """Run `run` with an AnsibleModule's parameters and leave through exit_json or fail_json."""
    try:
        result = run(module.params, module.check_mode, silent)
    except Refusal as refusal:
        module.fail_json(msg=str(refusal), **refusal.details)
    module.exit_json(**result)
