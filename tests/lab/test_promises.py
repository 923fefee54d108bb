"""What must hold whatever happens: no seat sold twice, nothing acknowledged lost, settings that survive Redis."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from conftest import PREFIX, PROVIDER, eventually


def test_a_seat_is_sold_once(instances):
    seat = instances[0].free_seat(8)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: instances[number % 2].buy(8, seat), range(24)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 23


def test_the_same_purchase_sent_often_is_one_order(instances):
    seat, key, client = instances[0].free_seat(9), str(uuid.uuid4()), str(uuid.uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: instances[number % 2].buy(9, seat, key=key, client=client), range(8)))
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert instances[1].buy(9, seat, key=key, client=client).status_code == 201


def test_an_acknowledged_purchase_is_in_the_database(instances, lab):
    answer = instances[0].buy(10, instances[0].free_seat(10))
    assert answer.status_code == 201
    found = lab["postgres-primary"].exec_run(
        [
            "psql",
            "-U",
            "postgres",
            "-d",
            "smartsports",
            "-Atc",
            f"SELECT event_id, seat FROM tickets WHERE order_id = '{answer.json()['order_id']}'",
        ]
    )
    assert found.output.decode().strip() == f"10|{answer.json()['seat']}"


def test_settings_and_limits_survive_redis(instances, lab):
    instances[0].patch("rate-limits", {"search_endpoints": {"requests_per_minute": 4}})
    client = str(uuid.uuid4())
    while instances[0].get("/api/v1/search?q=cup", client=client).status_code == 200:
        pass
    version = instances[0].settings("rate-limits")["version"]
    assert lab["redis-primary"].exec_run(["redis-cli", "FLUSHALL"]).output.strip() == b"OK"
    assert instances[0].settings("rate-limits")["version"] == version
    assert instances[0].get("/api/v1/search?q=cup", client=client).status_code == 429
    assert instances[0].get("/api/v1/events").status_code == 200


def test_sigterm_sees_purchases_through(instances, leaving):
    """A buyer whose payment is under way when the instance is told to stop gets the ticket."""
    instances[0].patch(PROVIDER, {"delay_ms": 3000})
    container, instance = leaving
    eventually(lambda: instance.get(PROVIDER, admin=True).json()["settings"]["delay_ms"] == 3000, 2, "it knows the slow provider")
    seat = instance.free_seat(12)
    with ThreadPoolExecutor(1) as pool:
        buying = pool.submit(instance.buy, 12, seat)
        eventually(lambda: instance.counter("smartsports_reservations_active") == 1, 3, "the payment is under way")
        container.kill("SIGTERM")
        eventually(lambda: instance.get("/health").status_code == 503, 2, "it says that it leaves")
        assert buying.result().status_code == 201
    assert container.wait(timeout=20)["StatusCode"] == 0
    assert instances[0].buy(12, seat).status_code == 409


def test_the_token_is_in_no_log(engine, instances):
    own = {"ancestor": "smartsports/lab-app:dev", "network": f"{PREFIX}-network"}  # others come and go meanwhile
    for container in engine.containers.list(filters=own):
        assert instances[0].token.encode() not in container.logs()
