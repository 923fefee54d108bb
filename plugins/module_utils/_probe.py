# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks as a buyer does, through nginx: the application cannot see what waits before it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather
from ansible_collections.smartsports.scaling.plugins.module_utils._web import session

try:
    import requests
except ImportError:  # docker needs it too: connect() says so
    requests = None


@dataclass(frozen=True)
class Probes:
    """What a few requests at the same time met."""

    count: int
    failures: tuple[str, ...]  # 5xx, refused, reset: each a clause
    seconds: float | None  # median; of those that were given up, the time they waited. None: all failed at once
    given_up: int  # still without an answer when we stopped waiting
    redirected: str = ""  # where to: nginx alone answers so, and it proves nothing of the application

    @property
    def failed_percent(self) -> float:
        return 100 * len(self.failures) / self.count


def probe(url: str, count: int, timeout: float, connect: Callable = session) -> Probes:
    """`connect` makes the session of one buyer."""
    answers = gather({number: lambda: _ask(url, timeout, connect) for number in range(count)}, timeout + 0.1)
    redirects = [str(answer) for answer in answers.values() if isinstance(answer, _Redirected)]
    answers = [("", timeout) if isinstance(answer, Exception) else answer for answer in answers.values()]
    waited = [seconds for failure, seconds in answers if not failure]
    return Probes(
        count=count,
        failures=tuple(failure for failure, _seconds in answers if failure),
        seconds=statistics.median(waited) if waited else None,
        given_up=sum(1 for seconds in waited if seconds >= timeout),
        redirected=next(iter(redirects), ""),
    )


class _Redirected(Exception):
    """Where to."""


def _ask(url: str, timeout: float, connect: Callable) -> tuple[str, float]:
    """(why it failed or '', seconds). 4xx and "you are queued" are answers."""
    began = time.monotonic()
    try:
        with connect() as asking:
            answer = asking.get(url, timeout=timeout, allow_redirects=False)
    except requests.exceptions.Timeout:
        return "", timeout
    except requests.exceptions.SSLError:
        return "does not prove its identity; see smartsports_entry_server_name and smartsports_entry_ca_path", 0.0
    except requests.exceptions.ConnectionError:
        return "refused or broke the connection", 0.0
    except (requests.exceptions.RequestException, ValueError):
        return "has a URL that cannot be used; correct smartsports_entry_url", 0.0
    if answer.is_redirect:
        raise _Redirected(answer.headers["Location"])
    return (f"answered {answer.status_code}" if answer.status_code >= 500 else "", time.monotonic() - began)
