"""Shared state, on the one direct connection to PostgreSQL: settings, heartbeat, the waiting room's door.

LISTEN makes a change arrive at once, the tick makes up for a notification that was lost. Without the connection the instance goes on with what it knows."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import asyncpg

from smartsports_app import settings as rules
from smartsports_app.database import Unavailable
from smartsports_app.metrics import ERRORS, SETTING
from smartsports_app.settings import Settings

TICK = 0.5
ALIVE = "5 seconds"
_CHANNEL = "smartsports_settings"
_SCHEMA_LOCK = 72001
_SCHEMA_TIMEOUT = 300
_PATIENCE = 0.8  # an operator's request is answered within a second
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError)
_log = logging.getLogger("smartsports.store")

_BEAT = f"""
WITH beat AS (
    INSERT INTO instances VALUES ($1, clock_timestamp(), $2, $3, $4) ON CONFLICT (instance) DO UPDATE
    SET seen_at = excluded.seen_at, purchases = excluded.purchases, purchases_waiting = excluded.purchases_waiting, payments = excluded.payments
)
SELECT (SELECT count(*) FROM instances WHERE instance <> $1 AND seen_at > now() - interval '{ALIVE}') AS others,
       (SELECT json_object_agg(resource, version) FROM settings) AS versions
"""


class Store:
    def __init__(self, url: str, instance: str, settings: Settings, activity: Callable[[], tuple[int, int, int]]) -> None:
        self._url = url
        self._instance = instance
        self._settings = settings
        self._activity = activity
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()  # a connection does one thing at a time
        self._news = asyncio.Event()
        self._room_open = False
        self.instances = 1
        self.on_instances: Callable[[], None] = lambda: None

    @property
    def up(self) -> bool:
        return self._connection is not None

    async def run(self) -> None:
        """Stay connected, for ever."""
        while True:
            connection = None
            try:
                connection = await asyncpg.connect(self._url, timeout=3, command_timeout=10)
                await _ensure_schema(connection)
                await connection.add_listener(_CHANNEL, lambda *_: self._news.set())
                self._connection = connection
                while True:
                    await asyncio.wait_for(self._tick(), 3)
                    await self._wait_for_news()
            except _FAILURES as error:
                _log.warning("The database is away (%s); going on with the settings known.", type(error).__name__)
                ERRORS.labels("database", "critical").inc()
            finally:
                self._connection = None
                if connection:
                    connection.terminate()
            await asyncio.sleep(TICK)

    async def _wait_for_news(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), TICK)
        except TimeoutError:
            return
        finally:
            self._news.clear()

    async def _tick(self) -> None:
        async with self._turn:
            row = await self._connection.fetchrow(_BEAT, self._instance, *self._activity())
            versions = json.loads(row["versions"])
            if any(versions[name] != known for name, known in self._settings.versions.items()):
                await self._load()
            await self._mind_the_door()
        self._settings.loaded = True
        if self.instances != row["others"] + 1:
            self.instances = row["others"] + 1
            self.on_instances()

    async def _load(self) -> None:
        for row in await self._connection.fetch("SELECT resource, settings, version FROM settings"):
            self._apply(row)

    def _apply(self, row: asyncpg.Record) -> None:
        if row["resource"] in self._settings.versions:  # an instance of a newer version may keep more
            self._settings.apply(row["resource"], json.loads(row["settings"]), row["version"])
            SETTING.labels(row["resource"]).set(row["version"])

    async def _mind_the_door(self) -> None:
        room = self._settings["queue-config"]["virtual_queue"]
        if room["enabled"]:
            await self._connection.execute(
                "SELECT admit_waiting_room($1, $2)", room["max_concurrent_users"], room["queue_timeout"]
            )
        elif self._room_open or not self._settings.loaded:
            await self._connection.execute(
                "UPDATE waiting_room SET status = 'done', left_at = now() WHERE status IN ('waiting', 'admitted')"
            )
        self._room_open = room["enabled"]

    async def patch(self, resource: str, patch: object) -> None:
        """Merge, durably, and run with it. Invalid or Unavailable where that cannot be."""
        await self._ask(lambda connection: self._patch(connection, resource, patch))
        self._news.set()

    async def _patch(self, connection: asyncpg.Connection, resource: str, patch: object) -> None:
        while True:  # compare and swap: another instance may be faster
            row = await connection.fetchrow("SELECT resource, settings, version FROM settings WHERE resource = $1", resource)
            before = self._settings.complete(resource, json.loads(row["settings"]))
            after = rules.merged(resource, before, patch)
            if after != before:
                row = await connection.fetchrow(
                    "WITH swapped AS (UPDATE settings SET settings = $2, version = version + 1 WHERE resource = $1 AND version = $3 "
                    f"RETURNING resource, settings, version) SELECT *, pg_notify('{_CHANNEL}', resource) FROM swapped",
                    resource,
                    json.dumps(after),
                    row["version"],
                )
            if row:
                self._apply(row)
                return

    async def row(self, sql: str, *values) -> asyncpg.Record:
        """One row, from the primary itself."""
        return await self._ask(lambda connection: connection.fetchrow(sql, *values))

    async def _ask(self, question: Callable):
        connection = self._connection
        if connection is None:
            raise Unavailable
        try:
            async with asyncio.timeout(_PATIENCE), self._turn:
                return await question(connection)
        except _FAILURES as error:
            raise Unavailable from error

    async def leave(self) -> None:
        """Tell the others that this instance takes no share any more."""
        try:
            await self.row("DELETE FROM instances WHERE instance = $1", self._instance)
        except Unavailable:
            _log.warning("The database is away; the others notice after %s that this instance is gone.", ALIVE)


async def _ensure_schema(connection: asyncpg.Connection) -> None:
    """Make the tables, once; ten instances may start at the same time."""
    if await connection.fetchval("SELECT to_regclass('settings') IS NULL"):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK, timeout=_SCHEMA_TIMEOUT)
            if await connection.fetchval("SELECT to_regclass('settings') IS NULL"):
                await connection.execute(
                    Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"), timeout=_SCHEMA_TIMEOUT
                )
    await connection.executemany(
        "INSERT INTO settings (resource) VALUES ($1) ON CONFLICT DO NOTHING",
        [(name,) for name in (*rules.SHAPES, rules.PROVIDER)],
    )
