# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes every task's result as a JSON line to $LAB_RESULTS, beside whatever the screen shows: what the demo and the
end-to-end tests look at instead of parsing text."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: lab_results
type: notification
short_description: Task results as JSON lines
description: Appends one line a task result to the file that the environment variable LAB_RESULTS names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "lab_results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, outcome: str, task: str, action: str, result: dict) -> None:
        line = json.dumps({"outcome": outcome, "task": task, "action": action, "result": result}, default=str)
        with open(os.environ["LAB_RESULTS"], "a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def _task(self, outcome: str, result) -> None:
        self._write(outcome, result.task_name, result.task.resolved_action or result.task.action, dict(result.result))

    def v2_runner_on_ok(self, result):
        self._task("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._task("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result):
        self._task("unreachable", result)

    def v2_playbook_on_stats(self, stats):
        hosts = {host: stats.summarize(host) for host in stats.processed}
        self._write("stats", "", "", hosts)
