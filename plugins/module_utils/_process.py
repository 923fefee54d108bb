# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process that is recorded, found again and ended: pid and start time together, because pids are used again."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

KILL_SECONDS = 5.0


def identity(pid: int | None = None) -> dict:
    """{host, place, pid, start} of a process of this machine, of this one where no pid is given. ProcessLookupError: it is gone.

    `host` is for people; `place` (boot and pid namespace) tells where the pid means this process; `start` is in ticks since the boot.
    """
    pid = pid or os.getpid()
    found = _look(pid)
    if found is None:
        raise ProcessLookupError(pid)
    return {"host": socket.gethostname(), "place": _place(), "pid": pid, "start": found[1]}


def alive(process: dict) -> bool | None:
    """Whether it still runs; None where that cannot be seen from here (another machine, boot or container)."""
    return _runs(process["pid"], process["start"]) if process["place"] == _place() else None


def works(words: Sequence[str] | None) -> bool:
    """Whether something runs here with each of `words` on its command line, as an argument."""
    return bool(words) and any(set(words) <= set(arguments) for arguments in _command_lines())


def end(process: dict, seconds: float) -> None:
    """End a process and what it started: SIGTERM, after `seconds` SIGKILL; returns when all are gone. Refusal where one stays.

    Nothing is done to what is gone already, or is elsewhere.
    """
    if not alive(process):
        return
    family = _family(process["pid"], process["start"])
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
        for pid, start in family:
            if _runs(pid, start):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        deadline = time.monotonic() + patience
        while any(_runs(*member) for member in family):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return
    left = ", ".join(str(pid) for pid, start in family if _runs(pid, start))
    raise Refusal(
        f"process {left} of an earlier run cannot be ended, not even with SIGKILL; see what it waits for (ps -o stat,wchan -p {left})."
    )


def _place() -> str:
    return f"{_clock.boot_id()} {os.readlink('/proc/self/ns/pid')}"


def _runs(pid: int, start: int) -> bool:
    found = _look(pid)
    return found is not None and found[1] == start


def _look(pid: int) -> tuple[int, int] | None:
    """(parent, start) of a process that still does something: a zombie does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))  # its name, field 2, may contain blanks


def _command_lines() -> Iterator[list[str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (entry / "cmdline").read_text(errors="replace").split("\0")


def _family(pid: int, start: int) -> list[tuple[int, int]]:
    """(pid, start) of a process and its descendants: `docker compose` goes on without the module that started it."""
    children: dict[int, list[tuple[int, int]]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        found = _look(int(entry.name))
        if found:
            children.setdefault(found[0], []).append((int(entry.name), found[1]))
    family = [(pid, start)]
    for member, _start in family:
        family += children.get(member, [])
    return family
