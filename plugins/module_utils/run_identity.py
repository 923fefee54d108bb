# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module run_identity: who runs which playbook, from where, as the lock and the journal tell it."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import uuid

from ansible_collections.smartsports.scaling.plugins.module_utils import _process
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

COMPUTES = True  # of the controller itself
SPEC = {
    "argument_spec": {
        "who": {"type": "str", "default": ""},
        "source": {"type": "str", "default": "", "choices": ["", "person", "awx", "schedule", "alert"]},
        "playbook": {"type": "str", "default": ""},
    },
    "supports_check_mode": True,
}


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """{identity: {run, playbook, who, source, controller}}."""
    awx = os.environ.get("AWX_HOST") or os.environ.get("TOWER_HOST")
    person = params["who"] or os.environ.get("SUDO_USER") or getpass.getuser()
    return {
        "changed": False,
        "identity": {
            "run": str(uuid.uuid4()),
            "playbook": params["playbook"] or _playbook(),
            "who": person if "@" in person else f"{person}@{socket.gethostname()}",
            "source": params["source"] or ("awx" if awx else "person"),
            # A task runs in a worker that ansible-playbook forked.
            "controller": _process.identity(os.getppid()),
        },
    }


def _playbook() -> str:
    """The playbook's name as it was started, and never an option's value, which may be a secret: Ansible knows which is which."""
    context = sys.modules.get("ansible.context")
    arguments = context.CLIARGS.get("args") if context else ()
    # A text is the pattern of an ad-hoc command.
    return "ansible" if isinstance(arguments, str) else " ".join(map(os.path.basename, arguments or ())) or "ansible"
