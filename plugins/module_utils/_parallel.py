# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many short questions side by side, none of which may hold up the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


def gather(jobs: dict[Any, Callable[[], Any]], seconds: float) -> dict[Any, Any]:
    """What each job returned, or the exception it ended with: TimeoutError for one that is not done after `seconds`.

    The threads are daemons: a server that sends a byte a second keeps no process alive.
    """
    results: dict[Any, Any] = {}

    def work(key, job) -> None:
        try:
            results[key] = job()
        except Exception as error:  # it is the caller's evidence that this source failed
            results[key] = error

    threads = [threading.Thread(target=work, args=item, daemon=True) for item in jobs.items()]
    end = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    done = dict(results)
    return {key: done.get(key, TimeoutError(f"no answer within {seconds:g} s")) for key in jobs}
