"""Commands, progress lines and the lab's one kind of error."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "lab"


class LabError(Exception):
    """One sentence for the operator."""


def say(text: str) -> None:
    """A progress line."""
    dim, plain = ("\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"{dim}· {text}{plain}", flush=True)


def output(command: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a command prints. Raises LabError with the last line of its complaint."""
    try:
        done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, text=True, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise LabError(f"'{command[0]}' is not installed; install it and run this again.") from error
    if done.returncode:
        raise LabError(f"'{' '.join(str(part) for part in command[:3])}' failed: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it gave no reason.")


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One lab.py at a time does what `name` says; the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run of lab.py ({name})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def follow(process: subprocess.Popen, what: str, every: float = 10) -> None:
    """Wait for a process and say now and then that it still runs."""
    started = time.monotonic()
    while True:
        try:
            process.wait(every)
            return
        except subprocess.TimeoutExpired:
            say(f"{what} ({time.monotonic() - started:.0f} s)")


def without(names: Mapping[str, str]) -> dict[str, str]:
    """This process's environment less `names` and Compose's own: the deployment's .env alone decides."""
    return {key: value for key, value in os.environ.items() if key not in names and not key.startswith("COMPOSE_")}
