"""Events, venues, teams, seats, search and static content: read from the replicas, kept in the cache."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

from starlette.requests import Request

from smartsports_app import settings as rules
from smartsports_app.answers import Problem
from smartsports_app.cache import Cache
from smartsports_app.cpu import compute
from smartsports_app.database import Database
from smartsports_app.ranking import search_results, words
from smartsports_app.settings import Settings

_EVENT = """
SELECT e.id, e.title, e.starts_at, e.competition, e.tags, e.from_price, e.description, e.home_id, e.away_id, h.name AS home, a.name AS away,
       v.name AS venue, v.city, e.seats, e.seats - coalesce(t.sold, 0) AS available
FROM events e JOIN teams h ON h.id = e.home_id JOIN teams a ON a.id = e.away_id JOIN venues v ON v.id = e.venue_id
LEFT JOIN (SELECT event_id, count(*) AS sold FROM tickets GROUP BY event_id) t ON t.event_id = e.id
"""


def event_id(value: Any) -> int:
    """The number of an event, or Problem."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 31:
        raise Problem(422, "invalid", "event_id must be the number of an event.")
    return value


async def json_object(request: Request) -> dict:
    try:
        body = rules.parse(await request.body())
    except rules.Invalid as error:
        raise Problem(422, "invalid", str(error)) from error
    if not isinstance(body, dict):
        raise Problem(422, "invalid", "The body must be a JSON object.")
    return body


def number_in_path(request: Request) -> int:
    number = request.path_params["id"]
    if not 0 < number < 1 << 31:
        raise Problem(404, "not_found", "There is nothing with this number.")
    return number


class Catalog:
    def __init__(self, settings: Settings, database: Database, cache: Cache) -> None:
        self._settings = settings
        self._database = database
        self._cache = cache

    @property
    def _brief(self) -> bool:
        return self._settings["performance-mode"]["high_performance_mode"]

    def _event(self, row: Any) -> dict:
        event = {**dict(row), "starts_at": row["starts_at"].isoformat()}
        if self._brief:
            del event["description"]
        return event

    def _key(self, name: str) -> str:
        return f"{name}:brief" if self._brief else name

    async def event_list(self) -> bytes:
        async def build() -> dict:
            rows = await self._database.read(f"{_EVENT} WHERE e.starts_at > now() ORDER BY e.starts_at")
            return await compute(lambda: {"events": [self._event(row) for row in rows]})

        return await self._cache.get(self._key("events"), "event_list_ttl", build)

    async def event(self, number: int) -> bytes:
        async def build() -> dict:
            rows = await self._database.read(f"{_EVENT} WHERE e.id = $1", number)
            if not rows:
                raise Problem(404, "not_found", f"There is no event {number}.")
            event = self._event(rows[0])
            if not self._brief:
                event["sections"] = [
                    dict(row)
                    for row in await self._database.read(
                        "SELECT section, min(price) AS price, count(*) FILTER (WHERE status = 'free') AS free FROM seats WHERE event_id = $1 "
                        "GROUP BY section ORDER BY section",
                        number,
                    )
                ]
                event["form_guide"] = {
                    side: _form(event[f"{side}_id"], await self._matches(event[f"{side}_id"])) for side in ("home", "away")
                }
            return event

        return await self._cache.get(self._key(f"event:{number}"), "event_list_ttl", build)

    async def _matches(self, team: int) -> list:
        return await self._database.read(
            "SELECT home_id, away_id, home_goals, away_goals FROM matches WHERE home_id = $1 OR away_id = $1 ORDER BY played_at DESC",
            team,
        )

    async def seats(self, number: int, limit: int) -> dict:
        """Free seats from a random place on, never from the cache: they are being sold."""
        rows = await self._database.read(
            "WITH start AS MATERIALIZED (SELECT (random() * 450)::int AS n) "
            "SELECT seat, section, price FROM seats WHERE event_id = $1 AND status = 'free' AND number >= (SELECT n FROM start) ORDER BY number LIMIT $2",
            number,
            limit,
        )
        if not rows:  # sold out from there on
            rows = await self._database.read(
                "SELECT seat, section, price FROM seats WHERE event_id = $1 AND status = 'free' ORDER BY number LIMIT $2",
                number,
                limit,
            )
        return {"event_id": number, "seats": [dict(row) for row in rows]}

    async def venues(self) -> bytes:
        async def build() -> dict:
            return {
                "venues": [
                    dict(row)
                    for row in await self._database.read(
                        "SELECT v.id, v.name, v.city, v.capacity, count(e.id) AS events FROM venues v LEFT JOIN events e ON e.venue_id = v.id "
                        "GROUP BY v.id ORDER BY v.id"
                    )
                ]
            }

        return await self._cache.get("venues", "venue_info_ttl", build)

    async def venue(self, number: int) -> bytes:
        async def build() -> dict:
            rows = await self._database.read("SELECT * FROM venues WHERE id = $1", number)
            if not rows:
                raise Problem(404, "not_found", f"There is no venue {number}.")
            events = await self._database.read(f"{_EVENT} WHERE e.venue_id = $1 ORDER BY e.starts_at", number)
            return {**dict(rows[0]), "events": [self._event(row) for row in events]}

        return await self._cache.get(f"venue:{number}", "venue_info_ttl", build)

    async def teams(self) -> bytes:
        async def build() -> dict:
            teams = await self._database.read("SELECT id, name, city, founded FROM teams ORDER BY id")
            matches = await self._database.read(
                "SELECT home_id, away_id, home_goals, away_goals FROM matches ORDER BY played_at DESC"
            )
            return await compute(lambda: {"teams": _table([dict(team) for team in teams], matches)})

        return await self._cache.get("teams", "team_info_ttl", build)

    async def team(self, number: int) -> bytes:
        async def build() -> dict:
            rows = await self._database.read("SELECT * FROM teams WHERE id = $1", number)
            if not rows:
                raise Problem(404, "not_found", f"There is no team {number}.")
            return {**dict(rows[0]), "form": _form(number, await self._matches(number))}

        return await self._cache.get(f"team:{number}", "team_info_ttl", build)

    async def content(self, slug: str) -> bytes:
        async def build() -> dict:
            rows = await self._database.read("SELECT title, body FROM pages WHERE slug = $1", slug)
            if not rows:
                raise Problem(404, "not_found", "There is no such page.")
            return {"slug": slug, "title": rows[0]["title"], "html": await compute(_html, rows[0]["body"])}

        return await self._cache.get(f"content:{slug}", "static_content_ttl", build)

    async def search(self, query: str) -> bytes:
        rows = await self._database.read(
            "SELECT id, title, description FROM events WHERE document @@ to_tsquery('english', $1) OR title ILIKE $2 "
            "ORDER BY ts_rank(document, to_tsquery('english', $1)) DESC, id LIMIT 40",
            " | ".join(words(query)),
            f"%{_like(query)}%",
        )
        return await compute(
            lambda: json.dumps({"query": query, "results": search_results(query, rows, not self._brief)}).encode()
        )


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _form(team: int, matches: list) -> dict:
    """The last five results, and goals over the season."""
    results = []
    scored = conceded = 0
    for match in matches:
        ours, theirs = (
            (match["home_goals"], match["away_goals"]) if match["home_id"] == team else (match["away_goals"], match["home_goals"])
        )
        results.append("W" if ours > theirs else "L" if ours < theirs else "D")
        scored, conceded = scored + ours, conceded + theirs
    return {"last": "".join(results[:5]), "played": len(results), "scored": scored, "conceded": conceded}


def _table(teams: list[dict], matches: list) -> list[dict]:
    """The league table."""
    for team in teams:
        team["points"] = 0
        team["goal_difference"] = 0
    known = {team["id"]: team for team in teams}
    for match in matches:
        home, away, difference = known[match["home_id"]], known[match["away_id"]], match["home_goals"] - match["away_goals"]
        home["points"] += 3 if difference > 0 else int(difference == 0)
        away["points"] += 3 if difference < 0 else int(difference == 0)
        home["goal_difference"] += difference
        away["goal_difference"] -= difference
    return sorted(teams, key=lambda team: (-team["points"], -team["goal_difference"], team["id"]))


def _html(text: str) -> str:
    """The little markup that static pages use, as HTML."""
    parts = []
    for raw in text.splitlines():
        line = re.sub(r"\*(.+?)\*", r"<em>\1</em>", re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(raw)))
        if line.startswith("## "):
            parts.append(f"<h2>{line[3:]}</h2>")
        elif line.startswith("- "):
            parts.append(f"<li>{line[2:]}</li>")
        elif line:
            parts.append(f"<p>{line}</p>")
    return re.sub(r"((?:<li>.*?</li>)+)", r"<ul>\1</ul>", "".join(parts))
