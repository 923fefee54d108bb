"""What visitors do. Each behaviour starts at its intended time; what follows depends on the answers, as with people."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass

from lab.load.plan import Arrival, Plan
from lab.load.site import Answer, Site

QUEUE_TURNS = 8  # how often a queued buyer asks again before giving up
LONGEST_WAIT = 5.0  # seconds between two of those
WORDS = ("derby", "final", "kigali", "rayon", "apr", "women", "youth", "cup", "friendly", "stadium")
PAGES = ("/api/v1/events", "/api/v1/venues", "/api/v1/teams", "/api/v1/content/faq")
FEATURES = ("/api/v1/recommendations", "/api/v1/social/feed", "/api/v1/analytics/trending")


@dataclass(frozen=True)
class Visit:
    """One visitor, sent off at `due`."""

    site: Site
    plan: Plan
    arrival: Arrival
    due: float
    events: tuple

    @property
    def client(self) -> str:
        return self.arrival.client


async def ping(visit: Visit) -> None:
    await visit.site.ask("ping", "GET", visit.plan.path, client=visit.client, due=visit.due)


async def browse(visit: Visit) -> None:
    dice = random.Random(visit.arrival.seed)
    path = dice.choice(PAGES) if dice.random() < 0.4 else f"/api/v1/events/{dice.choice(visit.events)}"
    await visit.site.ask("browse", "GET", path, client=visit.client, due=visit.due)


async def search(visit: Visit) -> None:
    word = random.Random(visit.arrival.seed).choice(WORDS)
    await visit.site.ask(
        visit.arrival.kind, "GET", f"/api/v1/search?q={word}", client=visit.client, due=visit.due, must_have=("results",)
    )


async def features(visit: Visit) -> None:
    """What surrounds the sale and sells nothing."""
    dice = random.Random(visit.arrival.seed)
    if dice.random() < 0.5:
        body = {"kind": "page_view", "event_id": dice.choice(visit.events)}
        await visit.site.ask("analytics", "POST", "/api/v1/analytics/track", client=visit.client, due=visit.due, body=body)
    else:
        await visit.site.ask("features", "GET", dice.choice(FEATURES), client=visit.client, due=visit.due, must_have=("enabled",))


async def buy(visit: Visit) -> None:
    """Look for a free seat, then buy it; one more try where somebody else was quicker."""
    dice = random.Random(visit.arrival.seed)
    event = dice.choice(visit.events)
    free = await visit.site.ask(
        "seats", "GET", f"/api/v1/events/{event}/seats?limit=20", client=visit.client, due=visit.due, must_have=("seats",)
    )
    if not free.ok or not free.body["seats"]:
        return
    for seat in dice.sample(free.body["seats"], min(2, len(free.body["seats"]))):
        answer = await _purchase(visit, {"event_id": event, "seat": seat["seat"]}, key=uuid.uuid4().hex)
        if answer.status != 409:
            return


async def _purchase(visit: Visit, wanted: dict, key: str) -> Answer:
    """Buy one seat: repeat once, under the same key, what was left unanswered; wait in line where asked to."""
    headers, repeated = {"Idempotency-Key": key}, False
    for _ in range(QUEUE_TURNS):
        answer = await visit.site.ask(
            "purchase",
            "POST",
            "/api/v1/purchases",
            client=visit.client,
            body=wanted,
            headers=headers,
            must_have=("order_id", "event_id", "seat"),
        )
        if answer.ok:
            visit.site.acknowledged({"order_id": answer.body["order_id"], **wanted, "client": visit.client, "key": key})
            return answer
        if answer.outcome == "queued":
            if "order_id" in answer.body:
                return await _watch_order(visit, answer, wanted, key)
            headers["X-Queue-Token"] = answer.body["token"]
            await asyncio.sleep(min(answer.retry_after, LONGEST_WAIT))
        elif answer.outcome == "failed" and answer.status == 0 and not repeated:
            repeated = True  # nobody knows whether it was bought
        else:
            return answer
    return answer


async def _watch_order(visit: Visit, answer: Answer, wanted: dict, key: str) -> Answer:
    """The seat is reserved and its payment queued: ask for the order until it is decided."""
    order = answer.body["order_id"]
    for _ in range(QUEUE_TURNS):
        await asyncio.sleep(min(answer.retry_after, LONGEST_WAIT))
        answer = await visit.site.ask("order", "GET", f"/api/v1/orders/{order}", client=visit.client, must_have=("status",))
        if answer.ok and answer.body["status"] == "confirmed":
            visit.site.acknowledged({"order_id": order, **wanted, "client": visit.client, "key": key})
            return answer
    return answer


BEHAVIOURS = {"ping": ping, "browse": browse, "search": search, "bot": search, "features": features, "buy": buy}
