# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module docker_host_environment: a virtual environment with pinned packages, for the modules that run on the host.

Not ansible.builtin.pip: it needs Python's packaging on the host, outside of the environment.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils._host import alone, complaint, ran
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say

SPEC = {
    "argument_spec": {
        "directory": {"type": "path", "required": True},
        "packages": {"type": "list", "elements": "str", "required": True},
        "python": {"type": "path", "default": "/usr/bin/python3"},
    },
    "supports_check_mode": True,
}
# Nothing where one is half there: its RECORD is what pip writes last.
_LIST = """
import importlib.metadata, json
found = list(importlib.metadata.distributions())
whole = all(each.read_text("RECORD") for each in found)
print(json.dumps({each.metadata["Name"]: each.version for each in found if whole}))
"""


def run(params: dict, check_mode: bool, say: Say) -> dict:
    directory, packages = Path(params["directory"]), params["packages"]
    before = _present(directory / "venv", packages)
    if before != packages and not check_mode:
        with alone(directory):
            _make(directory / "venv", params["python"], packages)
    texts = {name: "".join(f"{package}\n" for package in listed) for name, listed in (("before", before), ("after", packages))}
    return {"changed": before != packages, "diff": texts}


def _make(venv: Path, python: str, packages: list[str]) -> None:
    if not _versions(venv):
        made = ran(python, "-m", "venv", "--clear", venv)
        if made.returncode:
            raise Refusal(
                f"{python} could not make the environment {venv}: {complaint(made, 'Error')}; mend that, and run this again."
            )
    done = ran(venv / "bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *packages)
    if done.returncode:
        raise Refusal(
            f"pip could not install {', '.join(packages)}: {complaint(done, 'ERROR: ')}; let the host reach its package index (/etc/pip.conf), "
            "and run this again."
        )


def _present(venv: Path, packages: list[str]) -> list[str]:
    """Those of the packages that are there, as name==version."""
    have = _versions(venv)
    names = [package.partition("==")[0] for package in packages]
    return [f"{name}=={have[_normal(name)]}" for name in names if _normal(name) in have]


def _versions(venv: Path) -> dict[str, str]:
    """Nothing where there is no environment, or half of one; without its pyvenv.cfg it is the system's Python."""
    whole = all((venv / name).exists() for name in ("pyvenv.cfg", "bin/python", "bin/pip"))
    listed = ran(venv / "bin/python", "-c", _LIST) if whole else None
    return (
        {_normal(name): version for name, version in json.loads(listed.stdout).items()}
        if listed and not listed.returncode
        else {}
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
