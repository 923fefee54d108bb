# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host's half of the way through SSH: its text is sent there as a program that runs one function of this collection.

It reads one line of JSON, {version, package, module, params, paths, check_mode, claim}, and the collection's code as a ZIP archive where it asked
for that before; it prints one line of JSON after ANSWER. Standard library only: nothing of the collection can be imported yet.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile

ANSWER = "smartsports.scaling:"
A_DAY = 24 * 3600


def main() -> None:
    call = json.loads(sys.stdin.buffer.readline())
    place = kept(call["version"])
    code = sys.stdin.buffer.read()
    if not os.path.isdir(place or "") and not code:
        return answer({"absent": True})
    passing = None if place else tempfile.mkdtemp()
    try:
        if passing:
            unpack(code, passing)
        elif code:
            keep(code, place)
        sys.path[0] = passing or place
        perform = importlib.import_module(call["package"] + "_lane").perform
        params = {name: expanded(value) if name in call["paths"] else value for name, value in call["params"].items()}
        return answer(perform(call["package"], call["module"], params, call["check_mode"], claim=call["claim"]))
    finally:
        if passing:
            shutil.rmtree(passing, ignore_errors=True)


def kept(version: str) -> str | None:
    """Where code of this version is kept: in the environment that prepare_host made, and goes with it. None elsewhere."""
    if sys.prefix == sys.base_prefix or os.stat(sys.prefix).st_uid != os.geteuid():
        return None
    return os.path.join(sys.prefix, "code", version)


def keep(code: bytes, place: str) -> None:
    """Complete or not there at all: two runs may bring the same version at once."""
    others = os.path.dirname(place)
    os.makedirs(others, mode=0o755, exist_ok=True)
    fresh = tempfile.mkdtemp(dir=others)
    unpack(code, fresh)
    try:
        os.rename(fresh, place)
    except OSError:  # the other one was first
        shutil.rmtree(fresh, ignore_errors=True)
    for entry in os.scandir(others):
        with contextlib.suppress(FileNotFoundError):  # another run has put it into its place meanwhile
            if entry.path != place and entry.stat().st_mtime < time.time() - A_DAY:  # runs of now may use what is younger
                shutil.rmtree(entry.path, ignore_errors=True)


def unpack(code: bytes, place: str) -> None:
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        archive.extractall(place)


def expanded(path):
    """As Ansible does for options of type path, but on the host that the path is of."""
    return os.path.expanduser(os.path.expandvars(path)) if isinstance(path, str) else path


def answer(result: dict) -> None:
    sys.stdout.write(ANSWER + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
