"""What happens before a request is worked on: operators pass, limits are kept, work is bounded, and who has left is not served.

An ASGI application of its own, so that a request that is held back costs next to nothing."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.exceptions import HTTPException
from starlette.routing import Router

from smartsports_app.answers import Problem, unavailable
from smartsports_app.database import Unavailable
from smartsports_app.limits import Limits
from smartsports_app.metrics import BACKLOG, ERRORS, HELD_BACK, IN_FLIGHT, Users, observe, watch
from smartsports_app.settings import Settings
from smartsports_app.slots import Full, Slots

CONCURRENCY = 6  # requests worked on at a time: enough to use the waits for databases, few enough that operators get their turn
_BACKLOG = 256
_LARGEST_BODY = 64 * 1024
_CONTROL = ("/health", "/internal/", "/admin/", "/simulated-payment-provider/")
_PURCHASES = "/api/v1/purchases"
_log = logging.getLogger("smartsports.gateway")


class Gateway:
    def __init__(self, router: Router, settings: Settings, limits: Limits, routes: dict) -> None:
        self._router = router
        self._settings = settings
        self._limits = limits
        self._routes = routes
        self._users = Users()
        self.work = Slots(CONCURRENCY, _BACKLOG)
        self.draining = False
        watch(IN_FLIGHT, lambda: self.work.used)
        watch(BACKLOG, lambda: self.work.waiting)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        scope["app"] = self  # unknown paths and methods are raised, and answered below
        started = time.perf_counter()
        status = 0

        async def send_and_note(message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.draining:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        try:
            problem = await self._serve(scope, receive, send_and_note)
            if problem and not status:
                await problem.answer()(scope, receive, send_and_note)
        except _Gone:
            status = 499
        finally:
            route = self._routes.get(scope.get("endpoint"), _held_route(scope["path"]))
            observe(scope["method"], route, status or 499, time.perf_counter() - started)

    async def _serve(self, scope, receive, send) -> Problem | None:
        """Have the request answered; a Problem is yet to be told. _Gone where nobody waits for it any more."""
        try:
            if scope["path"].startswith(_CONTROL):
                await self._router(scope, _Replay(await _body(receive), receive), send)
            else:
                await self._work(scope, receive, send)
        except Problem as problem:
            return problem
        except HTTPException as error:
            code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid")
            return Problem(error.status_code, code, f"{error.detail}.", **(error.headers or {}))
        except Full:
            ERRORS.labels("overload", "critical").inc()
            return Problem(503, "overloaded", "Too many requests are waiting; try again in a moment.", Retry_After="2")
        except (Unavailable, TimeoutError):
            ERRORS.labels("database", "critical").inc()
            return unavailable()
        except _Gone:
            raise
        except Exception:
            ERRORS.labels("internal", "critical").inc()
            _log.exception("A request failed.")
            return Problem(500, "internal", "Something went wrong here; it was logged.")
        return None

    async def _work(self, scope, receive, send) -> None:
        path = scope["path"]
        client = scope.setdefault("state", {})["client"] = _client(scope)
        self._users.saw(client)
        refusal = self._limits.refusal(path, client)
        if refusal:
            reason, seconds = refusal
            HELD_BACK.labels(reason).inc()
            raise Problem(429, reason, _HELD[reason], Retry_After=str(seconds))
        body = await _body(receive)
        await self._admitted(
            receive, path.startswith(_PURCHASES) and self._settings["queue-config"]["ticket_purchase_queue"]["enabled"]
        )
        try:
            await self._router(scope, _Replay(body, receive), send)
        finally:
            self.work.release()

    async def _admitted(self, receive, ahead: bool) -> None:
        """Wait for a turn, as long as the client waits."""
        if self.work.try_acquire():
            return
        turn = asyncio.ensure_future(self.work.acquire(ahead))
        gone = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
            if turn.done():
                turn.result()
                if gone.done():
                    self.work.release()
            if gone.done():
                raise _Gone
        finally:
            turn.cancel()
            gone.cancel()


class _Gone(Exception):
    """The client left."""


class _Replay:
    """A receive that begins with a body read before."""

    def __init__(self, body: bytes, receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self):
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _body(receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        if len(body) > _LARGEST_BODY:
            raise Problem(
                413, "too_large", f"The body is larger than {_LARGEST_BODY // 1024} KiB; send less.", Connection="close"
            )
        if not message.get("more_body"):
            return body


_HELD = {
    "rate_limited": "This client asks too often; wait as long as Retry-After says.",
    "shed": "This endpoint is switched off while the platform is busy; buying tickets works.",
}


def _client(scope) -> str:
    """X-Client-Id, else the address that the entry saw, else the peer's."""
    headers = dict(scope["headers"])
    name = headers.get(b"x-client-id") or headers.get(b"x-real-ip")
    if name:
        return name[:100].decode("latin-1").replace("\0", "")
    return scope["client"][0] if scope.get("client") else "unknown"


def _held_route(path: str) -> str:
    """A label for requests that never reached their endpoint."""
    parts = path.split("/")
    return "/".join(parts[:4]) if parts[1:3] == ["api", "v1"] and len(parts) > 3 and parts[3] in _KNOWN else "unmatched"


_KNOWN = frozenset(
    {"search", "analytics", "recommendations", "social", "events", "purchases", "venues", "teams", "content", "orders", "queue"}
)
