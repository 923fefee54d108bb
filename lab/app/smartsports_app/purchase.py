"""Selling a numbered seat: reserve, pay, confirm. What the buyer is told is committed before."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import asynccontextmanager

import asyncpg
from starlette.requests import Request

from smartsports_app.answers import Json, Problem, queued
from smartsports_app.catalog import event_id, json_object
from smartsports_app.database import Database
from smartsports_app.features import Features
from smartsports_app.metrics import ERRORS, HELD_BACK, RESERVATIONS, TICKETS, watch
from smartsports_app.payment import Provider
from smartsports_app.settings import Settings
from smartsports_app.slots import Slots
from smartsports_app.waiting_room import WaitingRoom

_HOLD = "60 seconds"  # how long a seat is held for a purchase in progress; longer than any charge takes
_PATIENCE = 2.0
_UNLIMITED = 1 << 31
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_ORDER = "SELECT id, event_id, seat, price, status FROM orders"


class Purchases:
    def __init__(self, settings: Settings, database: Database, provider: Provider, room: WaitingRoom, features: Features) -> None:
        self._settings = settings
        self._database = database
        self._provider = provider
        self._room = room
        self._features = features
        self._instances = 1
        self.slots = Slots(_UNLIMITED)
        settings.on_change("queue-config", lambda _: self._share())
        watch(RESERVATIONS, lambda: self.slots.used)

    def use_instances(self, count: int) -> None:
        self._instances = count
        self._share()

    def _share(self) -> None:
        queue = self._settings["queue-config"]["ticket_purchase_queue"]
        self.slots.limit = max(1, queue["max_concurrent"] // self._instances) if queue["enabled"] else _UNLIMITED

    async def buy(self, request: Request) -> Json:
        client = request.scope["state"]["client"]
        key = request.headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            raise Problem(422, "invalid", "Idempotency-Key must be 1 to 100 visible characters; make one for each purchase.")
        body = await json_object(request)
        event, seat, email = event_id(body.get("event_id")), body.get("seat"), body.get("email", f"{client}@example.com")
        if (
            not isinstance(seat, str)
            or not re.fullmatch(r"[A-Z]-[0-9]{1,4}", seat)
            or not isinstance(email, str)
            or "\0" in email
        ):
            raise Problem(422, "invalid", "seat must be like A-12, and email a string.")
        known = await self._known(client, key, event, seat)
        if known:
            return known
        if self._room.open:
            wait = await self._room.enter(client, request.headers.get("x-queue-token"))
            if wait:
                return wait
        async with self._turn() as granted:
            if not granted:
                HELD_BACK.labels("queued").inc()
                return queued("purchase_queue", request.headers.get("x-queue-token") or key)
            return await self._sell(client, key, event, seat, email[:200])

    @asynccontextmanager
    async def _turn(self):
        """ticket_purchase_queue: a place among the purchases in progress, if one gets free soon."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.slots.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            self.slots.release()

    async def _known(self, client: str, key: str, event: int, seat: str) -> Json | None:
        """The answer to a purchase that was asked for before."""
        order = await self._database.primary.fetchrow(f"{_ORDER} WHERE client = $1 AND idempotency_key = $2", client, key)
        if order is None:
            return None
        if (order["event_id"], order["seat"]) != (event, seat):
            raise Problem(422, "invalid", "This Idempotency-Key was used for another seat; make a new one for each purchase.")
        return _told(order)

    async def _sell(self, client: str, key: str, event: int, seat: str, email: str) -> Json:
        try:
            order = await self._reserve(client, key, event, seat, email)
        except asyncpg.UniqueViolationError:  # the same purchase, sent twice at the same time
            return await self._known(client, key, event, seat)
        except asyncpg.ForeignKeyViolationError as error:
            raise Problem(422, "invalid", f"Event {event} has no seat {seat}.") from error
        queue = self._settings["payment-queue"]
        if queue["enabled"] and not self._provider.slots.try_acquire():
            return await self._queue(order)
        if not queue["enabled"]:
            await self._provider.slots.acquire()
        try:
            outcome = await self._provider.charge(order["id"], order["price"], 1)
        finally:
            self._provider.slots.release()
        if outcome == "failed" and queue["enabled"] and queue["retry_failed_payments"]:
            return await self._queue(order)
        status = await self.settle(order["id"], outcome)
        if status == "confirmed":
            await self._features.record(client, "purchase", event)
        return _told({**dict(order), "status": status})

    async def _reserve(self, client: str, key: str, event: int, seat: str, email: str) -> dict:
        """The order and its seat, or nothing of both. The order comes first: its key keeps a second one out."""
        order = uuid.uuid4()
        async with self._database.primary.transaction() as transaction:
            await transaction.execute(
                f"INSERT INTO orders (id, client, idempotency_key, event_id, seat, email, hold_until, give_up_at) "
                f"VALUES ($1, $2, $3, $4, $5, $6, now() + interval '{_HOLD}', now() + make_interval(secs => $7))",
                order,
                client,
                key,
                event,
                seat,
                email,
                self._settings["payment-queue"]["queue_timeout"],
            )
            price = await transaction.fetchval(
                "WITH taken AS (UPDATE seats SET status = 'reserved', order_id = $1 WHERE event_id = $2 AND seat = $3 AND status = 'free' RETURNING price) "
                "UPDATE orders SET price = taken.price FROM taken WHERE id = $1 RETURNING orders.price",
                order,
                event,
                seat,
            )
            if price is None:
                raise Problem(409, "seat_taken", f"Seat {seat} of event {event} is taken; choose another one.")
        return {"id": order, "event_id": event, "seat": seat, "price": price, "status": "reserved"}

    async def _queue(self, order: dict) -> Json:
        await self._database.primary.fetch(
            "UPDATE orders SET status = 'queued', attempts = attempts + 1, hold_until = give_up_at WHERE id = $1 AND status = 'reserved'",
            order["id"],
        )
        HELD_BACK.labels("queued").inc()
        return _told({**order, "status": "queued"})

    async def settle(self, order: uuid.UUID, outcome: str) -> str:
        """Write down what became of a payment: the ticket, or the free seat. Committed when this returns."""
        status = {"paid": "confirmed", "declined": "declined"}.get(outcome, "failed")
        async with self._database.primary.transaction() as transaction:
            if status != "confirmed":
                await transaction.execute(
                    "WITH freed AS (UPDATE seats SET status = 'free', order_id = NULL WHERE order_id = $1 AND status = 'reserved') "
                    "UPDATE orders SET status = $2 WHERE id = $1",
                    order,
                    status,
                )
                return status
            sold = await transaction.fetchval(
                "WITH sold AS (UPDATE seats SET status = 'sold' WHERE order_id = $1 AND status = 'reserved' RETURNING event_id, seat), "
                "ticket AS (INSERT INTO tickets (event_id, seat, order_id) SELECT event_id, seat, $1 FROM sold RETURNING order_id) "
                "UPDATE orders SET status = 'confirmed' FROM ticket WHERE orders.id = ticket.order_id AND orders.status = 'reserved' RETURNING id",
                order,
            )
            if sold is None:  # paid, but held no longer: roll back, and let somebody look
                ERRORS.labels("payment", "critical").inc()
                raise Problem(502, "payment_failed", "The seat was not held any more; the payment will be returned.")
            if self._settings["feature-flags"]["email_notifications"]:
                await transaction.execute("INSERT INTO mails (order_id) VALUES ($1)", order)
        TICKETS.inc()
        if self._room.open:
            await self._database.primary.fetch(
                "UPDATE waiting_room SET status = 'done', left_at = now() "
                "WHERE status = 'admitted' AND client = (SELECT client FROM orders WHERE id = $1)",
                order,
            )
        return status

    async def order(self, request: Request) -> Json:
        try:
            number = uuid.UUID(request.path_params["id"])
        except ValueError as error:
            raise Problem(404, "not_found", "There is no such order.") from error
        order = await self._database.primary.fetchrow(f"{_ORDER} WHERE id = $1", number)
        if order is None:
            raise Problem(404, "not_found", "There is no such order.")
        return Json(_members(order))


def _members(order) -> dict:
    return {
        "order_id": str(order["id"]),
        "event_id": order["event_id"],
        "seat": order["seat"],
        "price": order["price"],
        "status": order["status"],
    }


def _told(order) -> Json:
    """What a buyer is told about an order."""
    match order["status"]:
        case "confirmed":
            return Json(_members(order), status_code=201)
        case "reserved" | "queued":
            return queued("payment_queue", str(order["id"]), order_id=str(order["id"]))
        case "declined":
            raise Problem(402, "payment_declined", "The payment was declined; the seat is free again.")
        case _:
            raise Problem(
                502,
                "payment_failed",
                "The payment provider failed; the seat is free again; try again with a new Idempotency-Key.",
            )
