"""The virtual queue: who may buy now, and who waits for how long."""

from __future__ import annotations

import uuid

from smartsports_app.answers import Json, queued
from smartsports_app.database import Database
from smartsports_app.metrics import HELD_BACK
from smartsports_app.settings import Settings

_RETRY = 3


class WaitingRoom:
    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    @property
    def _room(self) -> dict:
        return self._settings["queue-config"]["virtual_queue"]

    @property
    def open(self) -> bool:
        return self._room["enabled"]

    async def enter(self, client: str, token: str | None) -> Json | None:
        """None lets the buyer in; otherwise the answer that tells how far they have got."""
        row = await self._database.primary.fetchrow(
            "SELECT * FROM enter_waiting_room($1, $2, $3)", _uuid(token), client, self._room["max_concurrent_users"]
        )
        if row["status"] == "admitted":
            return None
        HELD_BACK.labels("queued").inc()
        return await self._wait(row)

    async def _wait(self, row) -> Json:
        position, rate = await self._database.primary.fetchrow(
            "SELECT (SELECT count(*) FROM waiting_room WHERE status = 'waiting' AND place <= $1), "
            "(SELECT count(*) FROM waiting_room WHERE queued AND admitted_at > now() - interval '1 minute')",
            row["place"],
        )
        estimate = (
            {"estimated_wait_seconds": round(60 * position / rate) if rate else None} if self._room["estimated_wait_time"] else {}
        )
        return queued("waiting_room", str(row["token"]), _RETRY, position=position, **estimate)

    async def look(self, token: str) -> Json | None:
        """Where the holder of a token stands; None where the place is gone. Asking keeps it."""
        row = await self._database.primary.fetchrow(
            "UPDATE waiting_room SET seen_at = now() WHERE token = $1 AND status IN ('waiting', 'admitted') RETURNING token, status, place",
            _uuid(token),
        )
        if row is None:
            return None
        return Json({"status": "admitted", "token": token}) if row["status"] == "admitted" else await self._wait(row)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
