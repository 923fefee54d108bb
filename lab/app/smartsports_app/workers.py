"""What happens behind the answers: queued payments, mails, and putting away what is over. Every instance does its part; rows are taken with SKIP LOCKED."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import asyncpg
from jinja2 import Environment as Templates
from jinja2 import PackageLoader

from smartsports_app.answers import Problem
from smartsports_app.cpu import compute
from smartsports_app.database import Database, Unavailable
from smartsports_app.payment import Provider
from smartsports_app.purchase import Purchases
from smartsports_app.settings import Settings

_BATCH = 4
_log = logging.getLogger("smartsports.workers")
_templates = Templates(loader=PackageLoader("smartsports_app"), autoescape=True)


class Workers:
    def __init__(self, settings: Settings, database: Database, provider: Provider, purchases: Purchases) -> None:
        self._settings = settings
        self._database = database
        self._provider = provider
        self._purchases = purchases
        self._tasks: set[asyncio.Task] = set()
        self._payments: set[asyncio.Task] = set()

    def start(self) -> None:
        for work, seconds in ((self._pay, 1.0), (self._mail, 1.0), (self._expire, 5.0), (self._forget, 60.0)):
            self._tasks.add(asyncio.create_task(self._every(seconds, work)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._payments, return_exceptions=True)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again and again; while the database is away, later."""
        while True:
            await asyncio.sleep(seconds)
            if not self._settings.loaded:
                continue
            try:
                await work()
            except (TimeoutError, Unavailable, asyncpg.PostgresError, OSError) as error:
                _log.warning("%s: the database is away (%s).", work.__name__, type(error).__name__)

    async def _pay(self) -> None:
        """Charge the orders that wait, as many as this instance may."""
        room = min(_BATCH * 2, self._provider.slots.limit - self._provider.slots.used)
        if room < 1:
            return
        orders = await self._database.primary.fetch(
            "UPDATE orders SET status = 'reserved', attempts = attempts + 1, hold_until = greatest(hold_until, now() + interval '60 seconds') "
            "WHERE id IN (SELECT id FROM orders WHERE status = 'queued' AND give_up_at > now() ORDER BY attempts, created_at LIMIT $1 FOR UPDATE SKIP LOCKED) "
            "RETURNING id, price, attempts",
            room,
        )
        for order in orders:
            await self._provider.slots.acquire()
            payment = asyncio.create_task(self._charge(order))
            self._payments.add(payment)
            payment.add_done_callback(self._payments.discard)

    async def _charge(self, order: asyncpg.Record) -> None:
        try:
            outcome = await self._provider.charge(order["id"], order["price"], order["attempts"])
        finally:
            self._provider.slots.release()
        queue = self._settings["payment-queue"]
        try:
            if outcome == "failed" and queue["enabled"] and queue["retry_failed_payments"]:
                await self._database.primary.fetch(
                    "UPDATE orders SET status = 'queued', hold_until = greatest(give_up_at, now()) WHERE id = $1 AND status = 'reserved'",
                    order["id"],
                )
            else:
                await self._purchases.settle(order["id"], outcome)
        except (Unavailable, asyncpg.PostgresError, Problem):
            _log.warning("The payment of order %s could not be written down; the order expires or is paid again.", order["id"])

    async def _mail(self) -> None:
        """email_notifications: render and deliver the confirmations that wait."""
        if not self._settings["feature-flags"]["email_notifications"]:
            return
        async with self._database.primary.transaction() as transaction:
            rows = await transaction.fetch(
                "SELECT o.id, o.email, o.seat, o.price, e.title, e.starts_at, v.name AS venue, v.city, v.description FROM mails m "
                "JOIN orders o ON o.id = m.order_id JOIN events e ON e.id = o.event_id JOIN venues v ON v.id = e.venue_id "
                "WHERE m.status = 'queued' ORDER BY m.queued_at LIMIT $1 FOR UPDATE OF m SKIP LOCKED",
                _BATCH,
            )
            for row in rows:
                await transaction.execute(
                    "UPDATE mails SET status = 'delivered', message = $2 WHERE order_id = $1",
                    row["id"],
                    await compute(_message, row),
                )

    async def _expire(self) -> None:
        """Free the seats of purchases that never ended."""
        await self._database.primary.fetch(
            "WITH over AS (UPDATE orders SET status = 'expired' WHERE status IN ('reserved', 'queued') AND hold_until < now() RETURNING id) "
            "UPDATE seats SET status = 'free', order_id = NULL FROM over WHERE seats.order_id = over.id AND seats.status = 'reserved'"
        )

    async def _forget(self) -> None:
        await self._database.primary.fetch("DELETE FROM page_views WHERE at < now() - interval '1 hour'")


def _message(order: asyncpg.Record) -> str:
    message = EmailMessage()
    message["To"] = order["email"].replace("\r", "").replace("\n", "")
    message["From"] = "tickets@smartsports.example"
    message["Subject"] = f"Your seat {order['seat']}"
    values = dict(order)
    message.set_content(_templates.get_template("confirmation.txt").render(values))
    message.add_alternative(_templates.get_template("confirmation.html").render(values), subtype="html")
    return message.as_string()
