"""Each setting does what the contract says."""

from __future__ import annotations

import time
import uuid

from conftest import PROVIDER, eventually

BLOCKS = {"recommendations", "social"}


def test_a_change_reaches_every_instance_within_a_second(instances):
    first, second = instances
    for ttl in (71, 72, 73):
        version = first.patch("cache-config", {"event_list_ttl": ttl})["version"]
        eventually(
            lambda version=version: second.settings("cache-config")["version"] == version, 1.0, "the other instance runs with it"
        )
        assert second.settings("cache-config")["settings"]["event_list_ttl"] == ttl


def test_rate_limits_hold_for_each_client(app):
    app.patch("rate-limits", {"search_endpoints": {"requests_per_minute": 4}, "analytics_endpoints": {"requests_per_minute": 4}})
    client = str(uuid.uuid4())
    for path in ("/api/v1/search?q=derby", "/api/v1/analytics/trending"):
        answers = [app.get(path, client=client) for _ in range(6)]
        assert [answer.status_code for answer in answers][-1] == 429
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert answers[-1].json()["error"] == "rate_limited"
        assert app.get(path, client=str(uuid.uuid4())).status_code == 200


def test_non_essential_endpoints_are_shed_and_operators_never(app):
    app.patch("rate-limits", {"non_essential_endpoints": {"enabled": False}})
    for path in ("/api/v1/recommendations", "/api/v1/social/feed"):
        answer = app.get(path)
        assert (answer.status_code, answer.json()["error"]) == (429, "shed")
    assert (
        app.get("/health").status_code == app.get("/internal/metrics").status_code == app.get("/api/v1/events").status_code == 200
    )


def test_flags_remove_the_work(app):
    assert set(app.get("/api/v1/events").json()) >= BLOCKS
    app.patch(
        "feature-flags",
        dict.fromkeys(("analytics_tracking", "recommendation_engine", "social_features", "email_notifications"), False),
    )
    assert not set(app.get("/api/v1/events").json()) & BLOCKS
    for path in ("/api/v1/recommendations", "/api/v1/social/feed", "/api/v1/analytics/trending"):
        assert app.get(path).json()["enabled"] is False
    off = _cpu(app)
    app.patch(
        "feature-flags",
        dict.fromkeys(("analytics_tracking", "recommendation_engine", "social_features", "email_notifications"), True),
    )
    assert off < 0.6 * _cpu(app)


def _cpu(app) -> float:
    """CPU seconds of thirty event pages."""
    before = app.counter("smartsports_process_cpu_seconds_total")
    for _ in range(30):
        assert app.get("/api/v1/events").status_code == 200
    return app.counter("smartsports_process_cpu_seconds_total") - before


def test_cache_ttl_counts_from_when_an_entry_was_made(app):
    app.patch("cache-config", {"static_content_ttl": 3600})
    hits = app.counter("smartsports_redis_cache_hits_total")
    deadline = time.monotonic() + 10  # an instance that missed Redis leaves it alone for two seconds
    while app.counter("smartsports_redis_cache_hits_total") == hits and time.monotonic() < deadline:
        app.get("/api/v1/content/terms")
    hits = app.counter("smartsports_redis_cache_hits_total")
    app.get("/api/v1/content/terms")
    assert app.counter("smartsports_redis_cache_hits_total") == hits + 1
    app.patch("cache-config", {"static_content_ttl": 1})
    time.sleep(1.1)  # the entry grows old
    misses = app.counter("smartsports_redis_cache_misses_total")
    app.get("/api/v1/content/terms")
    assert app.counter("smartsports_redis_cache_misses_total") == misses + 1


def test_performance_mode_leaves_details_out(app):
    event = app.get("/api/v1/events/2").json()
    assert {"description", "form_guide", "sections"} <= set(event)
    app.patch("performance-mode", {"high_performance_mode": True})
    assert not {"description", "form_guide", "sections"} & set(app.get("/api/v1/events/2").json())


def test_purchase_queue_bounds_purchases_in_progress(app):
    app.patch("queue-config", {"ticket_purchase_queue": {"enabled": True, "max_concurrent": 1}})
    app.patch(PROVIDER, {"delay_ms": 3000})
    seats = [seat["seat"] for seat in app.get("/api/v1/events/4/seats?limit=2").json()["seats"]]
    first, second = _together(lambda seat: app.buy(4, seat), seats)
    queued = next(answer for answer in (first, second) if answer.status_code == 202)
    assert queued.json()["reason"] == "purchase_queue" and queued.headers["Retry-After"]
    assert {first.status_code, second.status_code} == {201, 202}


def test_waiting_room_admits_in_order(app):
    app.patch("queue-config", {"virtual_queue": {"enabled": True, "max_concurrent_users": 1, "queue_timeout": 60}})
    app.patch(PROVIDER, {"delay_ms": 2000})
    clients = [f"room-{uuid.uuid4()}" for _ in range(3)]
    (answer,) = [app.buy(5, "Z-1", client=clients[0])]  # admitted; no such seat, so the place stays taken
    assert answer.status_code == 422
    waiting = [app.buy(5, app.free_seat(5), client=client) for client in clients[1:]]
    assert [(answer.status_code, answer.json()["reason"], answer.json()["position"]) for answer in waiting] == [
        (202, "waiting_room", 1),
        (202, "waiting_room", 2),
    ]
    status = app.get("/admin/queue-status", admin=True).json()["virtual_queue"]
    assert (status["length"], status["admitted"]) == (2, 1)
    assert app.buy(5, app.free_seat(5), client=clients[0]).status_code == 201
    token = waiting[0].json()["token"]
    eventually(lambda: app.get(f"/api/v1/queue/{token}").json()["status"] == "admitted", 5, "the next one is admitted")
    assert app.get(f"/api/v1/queue/{waiting[1].json()['token']}").status_code == 202
    bought = app.buy(5, app.free_seat(5), client=clients[1], **{"X-Queue-Token": token})
    assert bought.status_code == 201


def test_failing_payments_are_retried_from_the_queue(app):
    app.patch(PROVIDER, {"delay_ms": 0, "failure_rate": 1.0})
    assert app.buy(6, app.free_seat(6)).status_code == 502
    app.patch("payment-queue", {"enabled": True, "retry_failed_payments": True, "queue_timeout": 120})
    answer = app.buy(6, app.free_seat(6))
    assert (answer.status_code, answer.json()["reason"]) == (202, "payment_queue")
    assert app.get("/admin/queue-status", admin=True).json()["payment_queue"]["enabled"] is True
    app.patch(PROVIDER, {"failure_rate": 0})
    order = f"/api/v1/orders/{answer.json()['order_id']}"
    eventually(lambda: app.get(order).json()["status"] == "confirmed", 15, "the order is paid from the queue")


def test_declined_payment_frees_the_seat(app):
    app.patch(PROVIDER, {"decline_rate": 1.0})
    seat = app.free_seat(7)
    assert app.buy(7, seat).status_code == 402
    app.patch(PROVIDER, {"decline_rate": 0})
    assert app.buy(7, seat).status_code == 201


def test_replicas_and_redis_that_are_away_cost_nothing(app):
    app.patch("database-config", {"read_replicas": ["127.0.0.1:1"]})
    app.patch("redis-config", {"nodes": ["127.0.0.1:1"]})
    assert app.get("/api/v1/events").status_code == 200
    assert app.get("/health").json()["read_replicas"] == {"127.0.0.1:1": "down"}


def test_the_cache_works_on_a_cluster(app, cluster):
    app.patch("redis-config", {"cluster_mode": True, "nodes": [f"{cluster}:6379"]})
    eventually(lambda: app.get("/health").json()["cache"] == "up", 5, "the cache is connected")
    name = "smartsports_redis_cache_hits_total"
    hits = app.counter(name)
    eventually(lambda: app.get("/api/v1/content/terms").ok and app.counter(name) > hits, 10, "the cluster answers")


def _together(call, values) -> list:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(call, values))
