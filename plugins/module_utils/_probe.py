# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks as a buyer does, through nginx: the application cannot see what waits before it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather

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

    @property
    def failed_percent(self) -> float:
        return 100 * len(self.failures) / self.count


def probe(url: str, count: int, timeout: float) -> Probes:
    answers = gather({number: lambda: _ask(url, timeout) for number in range(count)}, timeout + 0.1)
    answers = [("", timeout) if isinstance(answer, Exception) else answer for answer in answers.values()]
    waited = [seconds for failure, seconds in answers if not failure]
    return Probes(
        count=count,
        failures=tuple(failure for failure, _seconds in answers if failure),
        seconds=statistics.median(waited) if waited else None,
        given_up=sum(1 for seconds in waited if seconds >= timeout),
    )


def _ask(url: str, timeout: float) -> tuple[str, float]:
    """(why it failed or '', seconds). 4xx and "you are queued" are answers."""
    began = time.monotonic()
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=timeout, allow_redirects=False)
    except requests.exceptions.Timeout:
        return "", timeout
    except requests.exceptions.ConnectionError:
        return "refused or broke the connection", 0.0
    except (requests.exceptions.RequestException, ValueError):
        return "has a URL that cannot be used; correct smartsports_entry_url", 0.0
    return (f"answered {answer.status_code}" if answer.status_code >= 500 else "", time.monotonic() - began)
