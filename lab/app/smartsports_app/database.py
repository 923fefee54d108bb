"""Pools: to the primary through the pooler, and to each read replica."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from smartsports_app.metrics import DB_ACTIVE, DB_MAX, ERRORS, QUERY_SECONDS, watch
from smartsports_app.names import look_up
from smartsports_app.slots import Slots

POOL_SIZE = 8
STATEMENT_TIMEOUT = 8
RETRY_REPLICA = 2.0
_LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
)


class Unavailable(Exception):
    """The database cannot be reached."""


class _Connection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        return ""  # the pooler's transactions leave nothing to reset


class Pool:
    """One server's connections. How many may be in use at a time can be changed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self.slots = Slots(POOL_SIZE)

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=2 * POOL_SIZE,
            statement_cache_size=0,
            command_timeout=STATEMENT_TIMEOUT,
            timeout=3,
            connection_class=_Connection,
            max_inactive_connection_lifetime=60,
        )

    async def stop(self) -> None:
        if self._pool:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self):
        if self._pool is None:
            raise Unavailable
        try:
            async with self.slots.turn(), self._pool.acquire() as connection:
                yield connection
        except (TimeoutError, *_LOST) as error:
            raise Unavailable from error

    @asynccontextmanager
    async def transaction(self):
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, sql: str, *values) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            with QUERY_SECONDS.time():
                return await connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values) -> asyncpg.Record | None:
        rows = await self.fetch(sql, *values)
        return rows[0] if rows else None


class Replica:
    """A read replica that is probed, so that no request ever waits for one that is away."""

    def __init__(self, address: str, url: str) -> None:
        self.address = address
        self.pool = Pool(url)
        self.connected = False
        self._started = False
        self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        while True:
            try:
                if not self._started:
                    await look_up(self.address)
                    await self.pool.start()
                    self._started = True
                await self.pool.fetch("SELECT 1 FROM events LIMIT 1")
                self.connected = True
            except (TimeoutError, Unavailable, asyncpg.PostgresError, *_LOST):
                self.connected = False
            await asyncio.sleep(RETRY_REPLICA)

    async def stop(self) -> None:
        self._probing.cancel()
        await self.pool.stop()


class Database:
    def __init__(self, url: str) -> None:
        self._url = url
        self.primary = Pool(url)
        self.replicas: dict[str, Replica] = {}
        self._turn = itertools.count()
        self._size = POOL_SIZE
        self._stopping: set[asyncio.Task] = set()
        self.started = False
        watch(DB_ACTIVE, lambda: sum(pool.slots.used for pool in self._pools()))
        watch(DB_MAX, lambda: sum(pool.slots.limit for pool in self._pools()))

    def _pools(self) -> list[Pool]:
        return [self.primary, *(replica.pool for replica in self.replicas.values())]

    async def start(self) -> None:
        """Wait for the primary, however long it takes."""
        while not self.started:
            try:
                await self.primary.start()
                self.started = True
            except (TimeoutError, *_LOST, asyncpg.PostgresError):
                await asyncio.sleep(0.5)

    async def stop(self) -> None:
        await asyncio.gather(self.primary.stop(), *(replica.stop() for replica in self.replicas.values()))

    def use_replicas(self, settings: dict) -> None:
        """database-config: keep the pools that stay, open the new ones, close the others."""
        wanted = settings["read_replicas"]
        for address in [address for address in self.replicas if address not in wanted]:
            stopping = asyncio.create_task(self.replicas.pop(address).stop())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
        for address in wanted:
            if address not in self.replicas:
                self.replicas[address] = Replica(address, _at(self._url, address))
        self._resize()

    def use_performance_mode(self, settings: dict) -> None:
        self._size = 2 * POOL_SIZE if settings["high_performance_mode"] else POOL_SIZE
        self._resize()

    def _resize(self) -> None:
        for pool in self._pools():
            pool.slots.limit = self._size

    async def read(self, sql: str, *values) -> list[asyncpg.Record]:
        """From the next replica that is connected; from the primary where none is."""
        connected = [replica for replica in self.replicas.values() if replica.connected]
        if connected:
            replica = connected[next(self._turn) % len(connected)]
            try:
                return await replica.pool.fetch(sql, *values)
            except (Unavailable, asyncpg.PostgresError):
                replica.connected = False  # until the next probe
                ERRORS.labels("database", "warning").inc()
        return await self.primary.fetch(sql, *values)


def _at(url: str, address: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{address}"))
