"""Requests a minute of each client, and endpoints that are shed. Decided from memory, before any work is done."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from smartsports_app.settings import Settings

_MOST_CLIENTS = 50_000
_LIMITED = (("/api/v1/search", "search_endpoints"), ("/api/v1/analytics/", "analytics_endpoints"))
_NON_ESSENTIAL = ("/api/v1/recommendations", "/api/v1/social/")


class Limits:
    """A token bucket for each client and kind of endpoint; each instance grants its share of the platform's limit."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._rates: dict[str, float] = {}
        self.instances = 1
        settings.on_change("rate-limits", lambda _: self._recompute())

    def use_instances(self, count: int) -> None:
        self.instances = count
        self._recompute()

    def _recompute(self) -> None:
        configured = self._settings["rate-limits"]
        self._rates = {kind: max(1.0, configured[kind]["requests_per_minute"] / self.instances) for _, kind in _LIMITED}

    def refusal(self, path: str, client: str) -> tuple[str, int] | None:
        """Why a request is held back and after how many seconds to come again; None lets it in."""
        if path.startswith(_NON_ESSENTIAL) and not self._settings["rate-limits"]["non_essential_endpoints"]["enabled"]:
            return "shed", 30
        for prefix, kind in _LIMITED:
            if path.startswith(prefix):
                wait = self._take(kind, client)
                return ("rate_limited", wait) if wait else None
        return None

    def _take(self, kind: str, client: str) -> int:
        """Take one token; 0, or the seconds until there is one."""
        most = self._rates[kind]
        now = time.monotonic()
        tokens, at = self._buckets.pop((kind, client), (most, now))
        tokens = min(most, tokens + (now - at) * most / 60)
        taken = tokens >= 1
        self._buckets[kind, client] = (tokens - 1 if taken else tokens, now)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0 if taken else math.ceil((1 - tokens) * 60 / most)
