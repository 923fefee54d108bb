"""One request to the site, and the verdict on its answer."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass, field

import aiohttp

from lab.load.plan import TIMEOUT
from lab.load.record import Recorder, Sample


@dataclass(frozen=True)
class Answer:
    outcome: str
    status: int = 0
    body: dict = field(default_factory=dict)
    retry_after: float = 1.0

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


class Site:
    """Asks the site and records every answer. Each request has a connection of its own, as buyers' browsers do, so that the
    client library cannot quietly repeat one that was reset."""

    def __init__(self, base: str, recorder: Recorder, host: str = "", ca: str = "") -> None:
        self._base = base.rstrip("/")
        self._recorder = recorder
        self._headers = {"Host": host} if host else {}
        self._tls = {"server_hostname": host or None} if base.startswith("https:") else {}
        if self._tls and ca:
            self._tls["ssl"] = ssl.create_default_context(cafile=ca)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True), timeout=aiohttp.ClientTimeout(total=TIMEOUT)
        )

    async def close(self) -> None:
        await self._http.close()

    async def ask(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        client: str,
        due: float | None = None,
        must_have: tuple = (),
        body: dict | None = None,
        headers: dict | None = None,
    ) -> Answer:
        """Send one request. `due` is when it was meant to be sent (default: now); `must_have`: the members that a 2xx must bring."""
        sent = time.time()
        due = sent if due is None else due
        try:
            async with self._http.request(
                method,
                self._base + path,
                json=body,
                headers={"X-Client-Id": client, **self._headers, **(headers or {})},
                **self._tls,
            ) as response:
                answer, reason = _verdict(response.status, await response.read(), response.headers, must_have)
        except TimeoutError:
            answer, reason = Answer("failed"), "time-out"
        except (aiohttp.ClientError, OSError) as error:
            answer, reason = Answer("failed"), f"connection: {type(error).__name__}"
        self._recorder.sample(
            Sample(
                at=round(due, 4),
                latency=round(time.time() - due, 4),
                kind=kind,
                outcome=answer.outcome,
                status=answer.status,
                reason=reason,
                late=round(sent - due, 4),
            )
        )
        return answer

    async def look(self, path: str) -> dict:
        """One answer that is no part of the run; {} where there is none."""
        try:
            async with self._http.get(self._base + path, headers=self._headers, **self._tls) as response:
                return await response.json() if response.status == 200 else {}
        except (TimeoutError, aiohttp.ClientError, OSError):
            return {}

    def acknowledged(self, purchase: dict) -> None:
        self._recorder.acknowledged(purchase)


def _verdict(status: int, raw: bytes, headers, must_have: tuple) -> tuple[Answer, str]:
    """What an answer means, and why where it is a failure."""
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {"list": body}
    try:
        retry_after = float(headers.get("Retry-After", 1))
    except ValueError:
        return Answer("failed", status), "contract: Retry-After is no number"
    if status >= 500:
        return Answer("failed", status), str(status)
    if status == 429:
        return Answer("limited", status, body, retry_after), ""
    if status == 202:
        if not body.get("token") and not body.get("order_id"):
            return Answer("failed", status), "contract: queued without a token or an order"
        return Answer("queued", status, body, retry_after), ""
    if status in (402, 409):
        return Answer("declined", status, body), ""
    if status in (200, 201):
        missing = [name for name in must_have if name not in body]
        if missing:
            return Answer("failed", status), f"contract: {missing[0]} is missing"
        return Answer("off" if body.get("enabled") is False else "ok", status, body), ""
    return Answer("failed", status), f"contract: {status}"
