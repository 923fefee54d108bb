# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a module's function inside the controller's process where the target is the controller itself.

Starting a module costs ten times more than its work (0.23 s against 0.02 s). Over SSH, or where become is asked for, the
same function runs there by plugin_utils/_over_ssh.py: same arguments, same validation, same result. One that only computes (COMPUTES)
needs no host and always runs here. meta/runtime.yml routes modules here.
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
from ansible_collections.smartsports.scaling.plugins.module_utils import _docker, _lane, _step  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.smartsports.scaling.plugins.plugin_utils import _over_ssh, _report

_CLAIM = "incident_run"  # what role incident registers when a run begins: every step of the run shows its claim to the lock


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
        module = self._task.action.rpartition(".")[2]
        logic = importlib.import_module(_over_ssh.PACKAGE + module)
        here = self._connection.transport == "local" and not self._play_context.become
        here = here or getattr(logic, "COMPUTES", False)
        paths = [] if here else [name for name, option in logic.SPEC["argument_spec"].items() if option.get("type") == "path"]
        params, secrets = self._validated(logic.SPEC, options, paths)
        check_mode = self._task.check_mode
        claim = (task_vars.get(_CLAIM) or {}).get("claim")
        if here:
            result = _lane.perform(_over_ssh.PACKAGE, module, params, check_mode, Display().display, claim)
        else:
            result = _over_ssh.perform(self._execute, self._python(task_vars), module, params, paths, check_mode, claim)
        if not self._task.diff:
            result.pop("diff", None)
        result = remove_values(result, secrets)
        _report.show(result.get("report"))
        return result

    def _validated(self, spec: dict, options: dict, paths: list[str]) -> tuple[dict, set]:
        """The parameters, and the secrets among them. `paths` are of another host and stay as they are."""
        spec = {name: value for name, value in spec.items() if name != "supports_check_mode"}
        spec["argument_spec"] = {
            name: {**option, "type": "str"} if name in paths else option for name, option in spec["argument_spec"].items()
        }
        checked = ArgumentSpecValidator(**spec).validate(options)
        secrets = checked._no_log_values  # no public accessor exists (ansible-core 2.19)
        if checked.error_messages:
            raise AnsibleActionFail(str(remove_values("; ".join(checked.error_messages), secrets)))
        return checked.validated_parameters, secrets

    def _execute(self, command: str, said: bytes) -> dict:
        return self._low_level_execute_command(command, in_data=said)

    def _python(self, task_vars) -> str:
        """The interpreter that the inventory names; the system's where it leaves that to Ansible."""
        named = str(self._templar.template(task_vars.get("ansible_python_interpreter") or ""))
        return named if named.startswith("/") else "/usr/bin/python3"
