# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process of the test's own: what a kill does to files and locks is seen by killing."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def fork(work: Callable[[], object]) -> int:
    """The pid of a child that does `work` and leaves: with 0 where it returned, with 1 where it raised."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def outcome(pid: int) -> int:
    """The exit code of a child once it is gone, -9 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
