# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a module's function inside the controller's process where the target is the controller itself.

Starting a module costs ten times more than its work (0.23 s against 0.02 s). Over SSH, or where become is asked for, the
same function runs as an ordinary module: same arguments, same validation, same result. One that only computes (COMPUTES) needs no
host and always runs here. meta/runtime.yml routes modules here.
"""

from __future__ import annotations

import importlib
import time

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Imported here: callback preload imports this file in the process that forks the workers, so that no task pays for it again.
from ansible_collections.smartsports.scaling.plugins.module_utils import _docker  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.plugin_utils import _report

_UTILS = "ansible_collections.smartsports.scaling.plugins.module_utils."


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        result = self._run_once(self._task.args, task_vars)
        # A table that grows: its module runs once for each row, so that rows are seen as they come, also over SSH.
        while again := result.pop("again", None):
            time.sleep(again.pop("pause"))
            result = self._run_once({**self._task.args, **again}, task_vars)
        if result.get("failed"):
            result.pop("report", None)  # shown: in the dump of a failure it would bury the sentence that counts
        return result

    def _run_once(self, options: dict, task_vars) -> dict:
        logic = importlib.import_module(_UTILS + self._task.action.rpartition(".")[2])
        here = self._connection.transport == "local" and not self._play_context.become
        if here or getattr(logic, "COMPUTES", False):
            result = self._run_here(logic, options)
        else:
            result = self._execute_module(module_args=options, task_vars=task_vars)
        _report.show(result.get("report"))
        return result

    def _run_here(self, logic, options: dict) -> dict:
        spec = dict(logic.SPEC)
        spec.pop("supports_check_mode")
        checked = ArgumentSpecValidator(**spec).validate(options)
        secrets = checked._no_log_values  # no public accessor exists (ansible-core 2.19)
        if checked.error_messages:
            raise AnsibleActionFail(str(remove_values("; ".join(checked.error_messages), secrets)))
        try:
            result = logic.run(checked.validated_parameters, self._task.check_mode, Display().display)
        except Refusal as refusal:
            result = {"failed": True, "msg": str(refusal), **refusal.details}
        if not self._task.diff:
            result.pop("diff", None)
        return remove_values(result, secrets)
