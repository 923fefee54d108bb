"""Payments: the provider, how many calls at a time, and the queue of orders that are paid later."""

from __future__ import annotations

import asyncio
import uuid
import zlib

import aiohttp
from starlette.requests import Request

from smartsports_app.answers import Json
from smartsports_app.catalog import json_object
from smartsports_app.metrics import ERRORS, PAYMENTS
from smartsports_app.settings import PROVIDER, Settings
from smartsports_app.slots import Slots

_TIMEOUT = 8
_UNLIMITED = 1 << 31


class Provider:
    """The provider as this application calls it. A charge is known by its order: the same order is never charged twice."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._instances = 1
        self.slots = Slots(_UNLIMITED)
        settings.on_change("payment-queue", lambda _: self._share())

    def use_instances(self, count: int) -> None:
        self._instances = count
        self._share()

    def _share(self) -> None:
        queue = self._settings["payment-queue"]
        self.slots.limit = max(1, queue["max_concurrent_payments"] // self._instances) if queue["enabled"] else _UNLIMITED

    async def start(self) -> None:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT), connector=aiohttp.TCPConnector(limit=0))

    async def stop(self) -> None:
        if self._http:
            await self._http.close()

    async def charge(self, order: uuid.UUID, amount: int, attempt: int) -> str:
        """paid, declined or failed. The caller holds one of the slots."""
        try:
            async with self._http.post(
                self._url, json={"order_id": str(order), "amount": amount, "attempt": attempt}
            ) as response:
                outcome = {200: "paid", 402: "declined"}.get(response.status, "failed")
        except (TimeoutError, aiohttp.ClientError, OSError):
            outcome = "failed"
        PAYMENTS.labels(outcome).inc()
        if outcome == "failed":
            ERRORS.labels("payment", "critical").inc()
        return outcome


class SimulatedProvider:
    """A provider for a lab: slow, failing or declining as it is told. What it decides follows from the order, so asking twice charges once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def charges(self, request: Request) -> Json:
        body = await json_object(request)
        behaviour = self._settings[PROVIDER]
        await asyncio.sleep(behaviour["delay_ms"] / 1000)
        if _chance(f"decline {body.get('order_id')}") < behaviour["decline_rate"]:
            return Json({"outcome": "declined"}, status_code=402)
        if _chance(f"fail {body.get('order_id')} {body.get('attempt')}") < behaviour["failure_rate"]:
            return Json({"outcome": "failed"}, status_code=503)
        return Json({"outcome": "paid"})


def _chance(text: str) -> float:
    return zlib.crc32(text.encode()) / (1 << 32)
