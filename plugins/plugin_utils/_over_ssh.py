# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's half of the way to another host: one command through the task's connection runs one function there.

Starting an ordinary module costs 0.7 s there, most of it for unpacking and compiling the same code again; this way the code stays on the host,
under a name that is the hash of its text. Options go through standard input, so that they are in no process list and no log.
"""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import zipfile
from functools import cache
from pathlib import Path

import ansible.module_utils
from ansible.release import __version__
from ansible_collections.smartsports.scaling.plugins.module_utils import _host_side

PACKAGE = _host_side.__name__.removesuffix("_host_side")
_UTILS = Path(_host_side.__file__).parent
_ANSIBLE = Path(ansible.module_utils.__file__).parent
_LEFT_OUT = {"facts", "distro", "csharp", "powershell"}  # large, and of no use to us
# The program is longer than what a process list should show: it comes first through standard input.
_START = "import sys; exec(compile(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())), 'host_side', 'exec'))"


def perform(
    execute, python: str, module: str, params: dict, paths: list[str], check_mode: bool, claim: dict | None = None
) -> dict:
    """The result of a module's function on the host. `execute(command, input) -> {rc, stdout, stderr}` reaches it."""
    program = Path(_host_side.__file__).read_bytes()
    call = {"version": version(), "package": PACKAGE, "module": module, "params": params, "paths": paths}
    call |= {"check_mode": check_mode, "claim": claim}
    said = b"%d\n%s%s\n" % (len(program), program, json.dumps(call).encode())
    command = f"{shlex.quote(python)} -c {shlex.quote(_START)}"
    result = _answer(execute(command, said), module, python)
    if result.get("absent"):
        result = _answer(execute(command, said + archive()), module, python)
    return result


def _answer(ran: dict, module: str, python: str) -> dict:
    lines = [line for line in ran["stdout"].splitlines() if line.startswith(_host_side.ANSWER)]
    if lines:
        return json.loads(lines[-1].removeprefix(_host_side.ANSWER))
    complaint = (ran["stderr"].strip() or ran["stdout"].strip() or "it said nothing").splitlines()[-1]
    if ran["rc"] in (126, 127):
        return {
            "failed": True,
            "msg": f"ansible_python_interpreter is '{python}', which this host cannot run ({complaint}); prepare it with "
            "playbooks/prepare_host.yml, or name a Python that is there.",
        }
    return {
        "failed": True,
        "msg": f"{module} broke on the host with rc {ran['rc']} ({complaint}).",
        "exception": ran["stderr"],
    }


@cache
def version() -> str:
    """The hash of the code's text: another checkout, another version."""
    texts = (path.name.encode() + b"\0" + path.read_bytes() for path in sorted(_UTILS.glob("*.py")))
    return hashlib.sha256(__version__.encode() + b"".join(texts)).hexdigest()[:16]


def archive() -> bytes:
    """Both module_utils, this collection's and the part of Ansible's own that it imports, under their full names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in _UTILS.glob("*.py"):
            zipped.write(path, PACKAGE.replace(".", "/") + path.name)
        for path in _ANSIBLE.rglob("*.py"):
            if not _LEFT_OUT & set(path.relative_to(_ANSIBLE).parts):
                zipped.write(path, f"ansible/module_utils/{path.relative_to(_ANSIBLE)}")
        zipped.writestr("ansible/__init__.py", "")  # the real one wants all of Ansible
    return packed.getvalue()
