"""Puts the application together, starts it and stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import asynccontextmanager

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from smartsports_app import metrics
from smartsports_app.admin import Admin
from smartsports_app.answers import Json, Problem
from smartsports_app.cache import Cache
from smartsports_app.catalog import Catalog, number_in_path
from smartsports_app.database import Database
from smartsports_app.environment import Environment
from smartsports_app.features import Features
from smartsports_app.gateway import Gateway
from smartsports_app.limits import Limits
from smartsports_app.payment import Provider, SimulatedProvider
from smartsports_app.purchase import Purchases
from smartsports_app.settings import SHAPES, Settings
from smartsports_app.store import Store
from smartsports_app.waiting_room import WaitingRoom
from smartsports_app.workers import Workers

_LONGEST_STOP = 10


class Application:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.settings = Settings(environment.read_replicas, environment.redis_nodes)
        self.database = Database(environment.database_url)
        self.cache = Cache(self.settings)
        self.limits = Limits(self.settings)
        self.catalog = Catalog(self.settings, self.database, self.cache)
        self.features = Features(self.settings, self.database, self.catalog)
        self.provider = Provider(environment.payment_url, self.settings)
        self.room = WaitingRoom(self.settings, self.database)
        self.purchases = Purchases(self.settings, self.database, self.provider, self.room, self.features)
        self.workers = Workers(self.settings, self.database, self.provider, self.purchases)
        self.store = Store(
            environment.direct_url,
            environment.instance,
            self.settings,
            lambda: (self.purchases.slots.used, self.purchases.slots.waiting, self.provider.slots.used),
        )
        self.store.on_instances = self._share
        self.admin = Admin(self.settings, self.store, environment.admin_token, environment.instance)
        routes = self._routes()
        router = Router(routes=routes, lifespan=self._lifespan, redirect_slashes=False)
        self.gateway = Gateway(router, self.settings, self.limits, {route.endpoint: route.path for route in routes})

    def _share(self) -> None:
        for part in (self.limits, self.purchases, self.provider):
            part.use_instances(self.store.instances)

    @asynccontextmanager
    async def _lifespan(self, _):
        await self.provider.start()
        for resource, listener in (
            ("database-config", self.database.use_replicas),
            ("redis-config", self.cache.use_redis),
            ("performance-mode", self.database.use_performance_mode),
            ("performance-mode", self.cache.use_performance_mode),
        ):
            self.settings.on_change(resource, listener)
        tasks = [asyncio.create_task(self.store.run()), asyncio.create_task(self.database.start())]
        self.workers.start()
        yield
        await self.workers.stop()
        await self.store.leave()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(self.provider.stop(), self.cache.stop(), self.database.stop())

    def _routes(self) -> list[Route]:
        catalog, features = self.catalog, self.features

        async def events(request: Request) -> Json:
            return await features.page(request, await catalog.event_list(), "events")

        async def event(request: Request) -> Json:
            number = number_in_path(request)
            return await features.page(request, await catalog.event(number), "event", number)

        async def seats(request: Request) -> Json:
            limit = request.query_params.get("limit", "20")
            if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:4]) <= 100 or len(limit) > 3:
                raise Problem(422, "invalid", "limit must be a whole number from 1 to 100.")
            return Json(await catalog.seats(number_in_path(request), int(limit)))

        async def venues(request: Request) -> Json:
            return await features.page(request, await catalog.venues(), "venues")

        async def venue(request: Request) -> Json:
            return await features.page(request, await catalog.venue(number_in_path(request)), "venue")

        async def teams(request: Request) -> Json:
            return await features.page(request, await catalog.teams(), "teams")

        async def team(request: Request) -> Json:
            return await features.page(request, await catalog.team(number_in_path(request)), "team")

        async def content(request: Request) -> Json:
            return Json(await catalog.content(request.path_params["slug"].replace("\0", "")))

        async def search(request: Request) -> Json:
            query = request.query_params.get("q", "").replace("\0", "").strip()[:100]
            if not query:
                raise Problem(422, "invalid", "q is empty; say what to search for.")
            return await features.page(request, await catalog.search(query), "search", social=False)

        async def place(request: Request) -> Json:
            answer = await self.room.look(request.path_params["token"])
            if answer is None:
                raise Problem(404, "not_found", "This place in the queue is gone; ask for the purchase again.")
            return answer

        admin = [Route(f"/admin/{name}", _bound(self.admin.resource, name), methods=["GET", "POST"]) for name in SHAPES]
        provider = SimulatedProvider(self.settings)
        return [
            Route("/health", self._health),
            Route("/internal/metrics", _metrics),
            *admin,
            Route("/admin/queue-status", self.admin.queue_status),
            Route("/simulated-payment-provider/charges", provider.charges, methods=["POST"]),
            Route("/simulated-payment-provider/behaviour", self.admin.behaviour, methods=["GET", "POST"]),
            Route("/api/v1/events", events),
            Route("/api/v1/events/{id:int}", event),
            Route("/api/v1/events/{id:int}/seats", seats),
            Route("/api/v1/venues", venues),
            Route("/api/v1/venues/{id:int}", venue),
            Route("/api/v1/teams", teams),
            Route("/api/v1/teams/{id:int}", team),
            Route("/api/v1/content/{slug}", content),
            Route("/api/v1/search", search),
            Route("/api/v1/recommendations", features.recommendations),
            Route("/api/v1/social/feed", features.feed),
            Route("/api/v1/analytics/track", features.track, methods=["POST"]),
            Route("/api/v1/analytics/trending", features.trending),
            Route("/api/v1/purchases", self.purchases.buy, methods=["POST"]),
            Route("/api/v1/orders/{id}", self.purchases.order),
            Route("/api/v1/queue/{token}", place),
        ]

    async def _health(self, _: Request) -> Json:
        """Ready: the pools are started, the settings are known, and it is not on its way out."""
        ready = self.database.started and self.settings.loaded and not self.gateway.draining
        return Json(
            {
                "status": "draining" if self.gateway.draining else "ok" if ready else "starting",
                "instance": self.environment.instance,
                "database": "up" if self.store.up else "down",
                "cache": "up" if self.cache.connected else "down",
                "read_replicas": {
                    address: "up" if replica.connected else "down" for address, replica in self.database.replicas.items()
                },
            },
            status_code=200 if ready else 503,
            headers={} if ready else {"Retry-After": "1"},
        )

    async def drained(self) -> None:
        """Say that it leaves, go on accepting while the entry takes notice, and see purchases through."""
        self.gateway.draining = True
        await asyncio.sleep(self.environment.drain_seconds)
        try:
            async with asyncio.timeout(_LONGEST_STOP):
                while self.gateway.work.used or self.provider.slots.used:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            logging.getLogger("smartsports").warning("Requests were still being worked on after %s seconds.", _LONGEST_STOP)


def _bound(handler, resource: str):
    async def endpoint(request: Request) -> Json:
        return await handler(request, resource)

    return endpoint


async def _metrics(_: Request) -> Response:
    return Response(metrics.page(), media_type="text/plain; version=0.0.4")


class _Server(uvicorn.Server):
    """Stops after a drain: the signal first takes the instance out of the entry's sight."""

    def __init__(self, application: Application) -> None:
        super().__init__(
            uvicorn.Config(
                application.gateway,
                host="0.0.0.0",
                port=application.environment.port,
                access_log=False,
                log_level="warning",
                lifespan="on",
                backlog=1024,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=5,
                server_header=False,
                ws="none",
                proxy_headers=False,
            )
        )
        self._application = application
        self._stopping: asyncio.Task | None = None

    async def main_loop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._drain)
        await super().main_loop()

    def _drain(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._application.drained())
            self._stopping.add_done_callback(lambda _: setattr(self, "should_exit", True))


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    _Server(Application(Environment.read())).run()
