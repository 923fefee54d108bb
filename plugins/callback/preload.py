# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports what the modules need once, in the process that forks a worker for every task.

Without it each task imports the Docker and HTTP libraries anew, 0.1 s a task. It shows and changes nothing.
"""

from __future__ import annotations

DOCUMENTATION = """
name: preload
type: notification
short_description: Makes playbooks of this collection faster
version_added: 0.1.0
description:
  - Imports the libraries of the modules once, instead of once a task. It shows nothing and changes nothing.
requirements:
  - enable it in C(callbacks_enabled) of ansible.cfg
"""

from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.action import in_process  # noqa: E402, F401  # pylint: disable=unused-import


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "smartsports.scaling.preload"
    CALLBACK_NEEDS_ENABLED = True
