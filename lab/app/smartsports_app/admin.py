"""The admin API: docs/admin-api.openapi.yaml."""

from __future__ import annotations

import hmac
import time

from starlette.requests import Request

from smartsports_app import settings as rules
from smartsports_app.answers import Json, Problem, unavailable
from smartsports_app.database import Unavailable
from smartsports_app.settings import PROVIDER, Settings
from smartsports_app.store import ALIVE, Store

_WRONG_TOKENS = 60  # a minute, from one address

_STATUS = f"""
SELECT coalesce(sum(i.purchases), 0) AS purchases, coalesce(sum(i.purchases_waiting), 0) AS purchases_waiting, coalesce(sum(i.payments), 0) AS payments,
       greatest(count(*), 1) AS instances,
       (SELECT row_to_json(w) FROM (
           SELECT count(*) FILTER (WHERE status = 'waiting') AS length,
                  count(*) FILTER (WHERE status = 'admitted') AS admitted,
                  coalesce(extract(epoch FROM avg(admitted_at - joined_at)
                      FILTER (WHERE queued AND admitted_at > now() - interval '5 minutes')), 0) AS mean_wait,
                  coalesce(extract(epoch FROM now() - min(joined_at) FILTER (WHERE status = 'waiting')), 0) AS longest_wait,
                  count(*) FILTER (WHERE queued AND admitted_at > now() - interval '1 minute') AS last_minute,
                  count(*) FILTER (WHERE queued AND admitted_at > now() - interval '1 hour') AS admitted_total,
                  count(*) FILTER (WHERE status = 'abandoned') AS abandoned_total
           FROM waiting_room) w) AS room,
       (SELECT row_to_json(o) FROM (
           SELECT count(*) AS length, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS oldest FROM orders WHERE status = 'queued') o) AS unpaid
FROM instances i WHERE i.seen_at > now() - interval '{ALIVE}'
"""


class Admin:
    def __init__(self, settings: Settings, store: Store, token: str, instance: str) -> None:
        self._settings = settings
        self._store = store
        self._token = token.encode()
        self._instance = instance
        self._wrong: dict[str, list[float]] = {}

    async def behaviour(self, request: Request) -> Json:
        """How the simulated payment provider behaves; not part of the admin API, but kept in the same way."""
        return await self.resource(request, PROVIDER)

    async def resource(self, request: Request, resource: str) -> Json:
        self._authorize(request)
        if request.method == "POST":
            try:
                patch = rules.parse(await request.body())
                rules.merged(resource, self._settings[resource], patch)  # a wrong patch is wrong whether or not the store is up
                await self._store.patch(resource, patch)
            except rules.Invalid as error:
                raise Problem(422, "invalid", str(error)) from error
            except Unavailable as error:
                raise unavailable() from error
        elif not self._settings.loaded:
            raise unavailable("This instance has just started and has no settings yet; try again in a moment.")
        return Json(
            {"settings": self._settings[resource], "version": self._settings.versions[resource], "instance": self._instance}
        )

    async def queue_status(self, request: Request) -> Json:
        self._authorize(request)
        try:
            row = await self._store.row(_STATUS)
        except Unavailable as error:
            raise unavailable("The database cannot be reached; the queues are kept there; try again in a moment.") from error
        tickets, room = self._settings["queue-config"]["ticket_purchase_queue"], self._settings["queue-config"]["virtual_queue"]
        payments = self._settings["payment-queue"]
        counts, unpaid = rules.parse(row["room"]), rules.parse(row["unpaid"])
        served = counts["admitted_total"] + counts["abandoned_total"]
        return Json(
            {
                "ticket_purchase_queue": {**tickets, "in_progress": row["purchases"], "waiting": row["purchases_waiting"]},
                "virtual_queue": {
                    "enabled": room["enabled"],
                    "max_concurrent_users": room["max_concurrent_users"],
                    "length": counts["length"],
                    "admitted": counts["admitted"],
                    "mean_wait_seconds": round(counts["mean_wait"], 1),
                    "longest_wait_seconds": round(counts["longest_wait"], 1),
                    "estimated_wait_seconds": _estimate(room, counts),
                    "admitted_total": counts["admitted_total"],
                    "abandoned_total": counts["abandoned_total"],
                    "abandonment_rate": round(counts["abandoned_total"] / served, 4) if served else 0,
                },
                "payment_queue": {
                    "enabled": payments["enabled"],
                    "max_concurrent_payments": payments["max_concurrent_payments"],
                    "in_progress": row["payments"],
                    "length": unpaid["length"],
                    "oldest_wait_seconds": round(unpaid["oldest"], 1),
                },
                "instances": row["instances"],
                "instance": self._instance,
            }
        )

    def _authorize(self, request: Request) -> None:
        """The right token passes, always; wrong ones are counted."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise Problem(
                401, "unauthorized", "Send the admin token as Authorization: Bearer <token>.", WWW_Authenticate="Bearer"
            )
        if hmac.compare_digest(token.encode("latin-1", "replace"), self._token):
            return
        address = request.client.host if request.client else "unknown"
        now = time.monotonic()
        recent = [at for at in self._wrong.get(address, []) if at > now - 60]
        if len(self._wrong) > 1000:
            self._wrong.clear()
        self._wrong[address] = recent
        if len(recent) >= _WRONG_TOKENS:
            raise Problem(429, "rate_limited", "Too many wrong tokens from this address; wait a minute.", Retry_After="60")
        recent.append(now)
        raise Problem(403, "forbidden", "This is not the admin token.")


def _estimate(room: dict, counts: dict) -> float | None:
    """What somebody who joins now is told."""
    if not room["enabled"] or not room["estimated_wait_time"]:
        return None
    if not counts["length"] and counts["admitted"] < room["max_concurrent_users"]:
        return 0
    return round(60 * (counts["length"] + 1) / counts["last_minute"]) if counts["last_minute"] else None
