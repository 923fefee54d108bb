# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many short questions side by side, none of which may hold up the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

Jobs = dict[Any, Callable[[], Any]]


def gather(jobs: Jobs, seconds: float) -> dict[Any, Any]:
    """What each job returned, or the exception it ended with: TimeoutError for one that is not done after `seconds`."""
    return Started(jobs).collect(seconds)


class Started:
    """Jobs that run beside. The threads are daemons: a server that sends a byte a second keeps no process alive."""

    def __init__(self, jobs: Jobs) -> None:
        self._began = time.monotonic()
        self._results: dict[Any, Any] = {}
        self._threads = {key: threading.Thread(target=self._work, args=(key, job), daemon=True) for key, job in jobs.items()}
        for thread in self._threads.values():
            thread.start()

    @property
    def working(self) -> bool:
        """Whether one of them is not done yet."""
        return any(thread.is_alive() for thread in self._threads.values())

    def collect(self, seconds: float) -> dict[Any, Any]:
        """The results at most `seconds` after the start."""
        for thread in self._threads.values():
            thread.join(max(0.0, self._began + seconds - time.monotonic()))
        done = dict(self._results)
        return {key: done.get(key, TimeoutError(f"no answer within {seconds:g} s")) for key in self._threads}

    def _work(self, key: Any, job: Callable[[], Any]) -> None:
        try:
            self._results[key] = job()
        except Exception as error:  # it is the caller's evidence that this source failed
            self._results[key] = error
