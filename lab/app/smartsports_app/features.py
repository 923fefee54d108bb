"""What feature flags switch: recommendations, fans' posts, analytics. A feature that is off does nothing at all."""

from __future__ import annotations

import json

from starlette.requests import Request

from smartsports_app.answers import Json
from smartsports_app.catalog import Catalog, event_id, json_object
from smartsports_app.cpu import compute
from smartsports_app.database import Database
from smartsports_app.ranking import Catalogue, fan_posts, recommend
from smartsports_app.settings import Settings

_PURCHASE_WEIGHT = 3.0


class Features:
    def __init__(self, settings: Settings, database: Database, catalog: Catalog) -> None:
        self._settings = settings
        self._database = database
        self._catalog = catalog

    def _on(self, name: str) -> bool:
        return self._settings["feature-flags"][name]

    async def page(self, request: Request, body: bytes, kind: str, event: int | None = None, social: bool = True) -> Json:
        """A catalogue page with the visitor's own blocks around it; as it is in the cache where there are none."""
        blocks = {}
        client = request.scope["state"]["client"]
        if self._on("recommendation_engine"):
            blocks["recommendations"] = await self._recommendations(client)
        if social and self._on("social_features"):
            blocks["social"] = await self._posts(event)
        await self.record(client, kind, event)
        if not blocks:
            return Json(body)
        return Json(await compute(lambda: json.dumps({**json.loads(body), **blocks}).encode()))

    async def record(self, client: str, kind: str, event: int | None) -> None:
        """analytics_tracking: remember the page view."""
        if self._on("analytics_tracking"):
            await self._database.primary.fetch(
                "INSERT INTO page_views (client, kind, event_id) VALUES ($1, $2, $3)", client, kind, event
            )

    async def _recommendations(self, client: str) -> list[dict]:
        rows = await self._database.read(
            "(SELECT event_id, 1.0::float AS weight FROM page_views WHERE client = $1 AND event_id IS NOT NULL ORDER BY id DESC LIMIT 30) UNION ALL "
            f"(SELECT event_id, {_PURCHASE_WEIGHT}::float FROM orders WHERE client = $1 AND status = 'confirmed' LIMIT 10)",
            client,
        )
        events = await self._catalog.event_list()
        return await compute(
            lambda: recommend(Catalogue(json.loads(events)["events"]), [(row["event_id"], row["weight"]) for row in rows])
        )

    async def _posts(self, event: int | None) -> dict:
        rows = await self._database.read(
            "SELECT id, author, body, likes, extract(epoch FROM now() - at)::float AS age FROM posts WHERE $1::int IS NULL OR event_id = $1 "
            "ORDER BY at DESC LIMIT 80",
            event,
        )
        return await compute(fan_posts, rows)

    async def recommendations(self, request: Request) -> Json:
        if not self._on("recommendation_engine"):
            return Json({"enabled": False, "recommendations": []})
        return Json({"enabled": True, "recommendations": await self._recommendations(request.scope["state"]["client"])})

    async def feed(self, request: Request) -> Json:
        if not self._on("social_features"):
            return Json({"enabled": False, "posts": [], "trending": []})
        return Json({"enabled": True, **await self._posts(None)})

    async def track(self, request: Request) -> Json:
        body = await json_object(request)
        if not self._on("analytics_tracking"):
            return Json({"enabled": False})
        event = body.get("event_id")
        await self.record(
            request.scope["state"]["client"],
            str(body.get("kind", "view"))[:40].replace("\0", ""),
            None if event is None else event_id(event),
        )
        return Json({"enabled": True})

    async def trending(self, request: Request) -> Json:
        if not self._on("analytics_tracking"):
            return Json({"enabled": False, "trending": []})
        rows = await self._database.read(
            "SELECT e.id, e.title, count(*) AS views, count(DISTINCT v.client) AS visitors FROM page_views v JOIN events e ON e.id = v.event_id "
            "WHERE v.at > now() - interval '5 minutes' GROUP BY e.id ORDER BY views DESC, e.id LIMIT 10"
        )
        return Json({"enabled": True, "trending": [dict(row) for row in rows]})
