# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules that change a Docker host share: its commands, and one run at a time. The host's own Python runs this, and has nothing installed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

_DEADLINE = 300  # seconds for a run before this one to end


def ran(*command: str | Path) -> subprocess.CompletedProcess:
    """A command, with nobody to answer its questions and its messages in English."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env, check=False
    )


def complaint(done: subprocess.CompletedProcess, *beginnings: str) -> str:
    """The first line that begins like an error, or the last line there is; without its full stop, as it goes into a sentence."""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(beginnings)), (lines or ["it gave no reason"])[-1]).rstrip(".")


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One run at a time: one that was killed on the controller goes on here, and is waited for."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        began = time.monotonic()
        while not _locked(handle):
            if time.monotonic() - began > _DEADLINE:
                raise Refusal(
                    f"another run has been changing {directory} for more than {_DEADLINE} s; see what it is doing (ps faux), and run this again."
                )
            time.sleep(0.2)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
