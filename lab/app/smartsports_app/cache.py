"""Answers kept in Redis, standalone or cluster. Redis away means: build every answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError

from smartsports_app.metrics import CACHE_HITS, CACHE_MISSES, ERRORS, REDIS_ACTIVE, watch
from smartsports_app.names import look_up
from smartsports_app.settings import Settings

STALE = 10  # an entry outlives its time to live by this factor, for a longer one and for performance mode
_AWAY = 2.0
_FAILURES = (RedisError, OSError, asyncio.TimeoutError)


class Cache:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Redis | RedisCluster | None = None
        self._away_until = 0.0
        self._building: dict[str, asyncio.Task] = {}
        self._memory: dict[str, tuple[float, bytes]] = {}
        self._closing: set[asyncio.Task] = set()
        self._connecting: asyncio.Task | None = None
        watch(REDIS_ACTIVE, self._connections)

    @property
    def connected(self) -> bool:
        return self._client is not None and time.monotonic() >= self._away_until

    def use_redis(self, settings: dict) -> None:
        """redis-config: the new client takes over as soon as one of its nodes has an address."""
        if self._connecting:
            self._connecting.cancel()
        old, self._client = self._client, None
        if old:
            closing = asyncio.create_task(old.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._connecting = asyncio.create_task(self._connect(settings))

    async def _connect(self, settings: dict) -> None:
        addresses = settings["nodes"]
        while not (nodes := list(itertools.compress(addresses, await asyncio.gather(*map(_known, addresses))))):
            ERRORS.labels("cache", "warning").inc()
            await asyncio.sleep(_AWAY)
        self._client = _client(nodes, settings["cluster_mode"])
        self._away_until = 0.0

    def use_performance_mode(self, settings: dict) -> None:
        self._memory.clear()

    async def stop(self) -> None:
        if self._connecting:
            self._connecting.cancel()
        if self._client:
            await self._client.aclose()

    async def get(self, key: str, ttl_name: str, build: Callable[[], Awaitable[Any]]) -> bytes:
        """The JSON of what `build` makes, at most the configured time old."""
        ttl = self._settings["cache-config"][ttl_name]
        fast = self._settings["performance-mode"]["high_performance_mode"]
        made, body = (self._memory.get(key) if fast else None) or await self._ask(key)
        age = time.time() - made
        if body and age < ttl:
            CACHE_HITS.inc()
            if fast:
                self._memory[key] = (made, body)
            return body
        building = self._building.get(key)
        if building is None:
            CACHE_MISSES.inc()
            building = self._building[key] = asyncio.create_task(self._build(key, ttl, build, fast))
            building.add_done_callback(lambda task: self._built(key, task))
        if fast and body and age < STALE * ttl:
            return body
        return await asyncio.shield(building)

    def _built(self, key: str, task: asyncio.Task) -> None:
        self._building.pop(key, None)
        if not task.cancelled():
            task.exception()  # who waits gets it; nobody may be waiting

    async def _build(self, key: str, ttl: int, build: Callable[[], Awaitable[Any]], fast: bool) -> bytes:
        body = json.dumps(await build()).encode()
        made = time.time()
        if fast:
            self._memory[key] = (made, body)
        await self._tell(key, STALE * ttl, b"%.3f\n%b" % (made, body))
        return body

    async def _ask(self, key: str) -> tuple[float, bytes]:
        if self._client and self.connected:
            try:
                made, _, body = (await self._client.get(key) or b"0\n").partition(b"\n")
                return float(made), body
            except (*_FAILURES, ValueError):
                self._failed()
        return 0.0, b""

    async def _tell(self, key: str, seconds: int, value: bytes) -> None:
        if self._client and self.connected:
            try:
                await self._client.set(key, value, ex=seconds)
            except _FAILURES:
                self._failed()

    def _failed(self) -> None:
        self._away_until = time.monotonic() + _AWAY
        ERRORS.labels("cache", "warning").inc()

    def _connections(self) -> int:
        if isinstance(self._client, RedisCluster):
            return sum(len(node._connections) - len(node._free) for node in self._client.get_nodes())
        return len(self._client.connection_pool._in_use_connections) if self._client else 0


async def _known(address: str) -> bool:
    try:
        await look_up(address)
    except OSError:
        return False
    return True


def _client(addresses: list[str], cluster_mode: bool) -> Redis | RedisCluster:
    nodes = [address.rpartition(":")[::2] for address in addresses]
    options = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_connections": 32}
    if cluster_mode:
        return RedisCluster(
            startup_nodes=[ClusterNode(host, int(port)) for host, port in nodes], require_full_coverage=False, **options
        )
    host, port = nodes[0]
    return Redis(host=host, port=int(port), **options)
