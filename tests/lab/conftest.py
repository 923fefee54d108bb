"""Two instances of the application beside those of a running lab (LAB_PREFIX), without their CPU limit, on the lab's own databases."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker
import pytest
import requests

ROOT = Path(__file__).parents[2]
PREFIX = os.environ.get("LAB_PREFIX", "smartsports")
RESOURCES = (
    "rate-limits",
    "queue-config",
    "payment-queue",
    "feature-flags",
    "cache-config",
    "database-config",
    "redis-config",
    "performance-mode",
)
PROVIDER = "/simulated-payment-provider/behaviour"


class Instance:
    """One instance, asked directly."""

    def __init__(self, address: str, token: str) -> None:
        self.url = f"http://{address}:3000"
        self.token = token

    def ask(
        self, method: str, path: str, client: str = "test", admin: bool = False, timeout: float = 20, **options
    ) -> requests.Response:
        headers = {
            "X-Client-Id": client,
            **({"Authorization": f"Bearer {self.token}"} if admin else {}),
            **options.pop("headers", {}),
        }
        return requests.request(method, self.url + path, headers=headers, timeout=timeout, **options)

    def get(self, path: str, **options) -> requests.Response:
        return self.ask("GET", path, **options)

    def settings(self, resource: str) -> dict:
        return self.get(f"/admin/{resource}", admin=True).json()

    def patch(self, resource: str, patch: dict) -> dict:
        answer = self.ask("POST", resource if resource.startswith("/") else f"/admin/{resource}", admin=True, json=patch)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def free_seat(self, event: int = 1) -> dict:
        return self.get(f"/api/v1/events/{event}/seats?limit=1").json()["seats"][0]["seat"]

    def buy(self, event: int, seat: str, key: str | None = None, client: str | None = None, **headers) -> requests.Response:
        return self.ask(
            "POST",
            "/api/v1/purchases",
            client=client or f"buyer-{uuid.uuid4()}",
            json={"event_id": event, "seat": seat},
            headers={"Idempotency-Key": key or str(uuid.uuid4()), **headers},
        )

    def counter(self, name: str) -> float:
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in self.get("/internal/metrics").text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        )


def eventually(check, seconds: float, what: str):
    """The first truthy answer within the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def engine():
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def lab(engine):
    """The lab's containers by service."""
    found = engine.containers.list(filters={"label": f"com.docker.compose.project={PREFIX}"})
    services = {container.labels["com.docker.compose.service"]: container for container in found}
    assert "app" in services, f"no lab {PREFIX!r} is running; start it with: python lab/lab.py up --prefix {PREFIX}"
    return services


@pytest.fixture(scope="session")
def instances(engine, lab):
    with ExitStack() as stack:
        yield [stack.enter_context(_instance(engine, lab))[1] for _ in range(2)]


@pytest.fixture
def leaving(engine, lab):
    """An instance, with its container, that a test may stop."""
    with _instance(engine, lab) as found:
        yield found


@contextmanager
def _instance(engine, lab):
    app, network = lab["app"], f"{PREFIX}-network"
    environment = app.attrs["Config"]["Env"]
    token = next(entry.partition("=")[2] for entry in environment if entry.startswith("ADMIN_TOKEN="))
    container = engine.containers.run(app.attrs["Config"]["Image"], environment=environment, network=network, detach=True)
    try:
        container.reload()
        instance = Instance(container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"], token)
        eventually(lambda: _healthy(instance), 120, f"{container.name} is healthy")
        yield container, instance
    finally:
        container.remove(force=True, v=True)


@pytest.fixture
def cluster(engine, lab):
    """The name of a Redis cluster of one node that has all slots."""
    name = f"{PREFIX}-test-cluster"
    container = engine.containers.run(
        lab["redis-primary"].attrs["Config"]["Image"],
        ["redis-server", "--cluster-enabled", "yes", "--save", "", "--protected-mode", "no"],
        name=name,
        network=f"{PREFIX}-network",
        detach=True,
    )
    try:

        def ask(*words: str) -> str:
            return container.exec_run(["redis-cli", *words]).output.decode()

        eventually(lambda: ask("PING").strip() == "PONG", 10, "redis-server answers")
        assert ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383").strip() == "OK"
        eventually(lambda: "cluster_state:ok" in ask("CLUSTER", "INFO"), 10, "the cluster is ok")
        yield name
    finally:
        container.remove(force=True, v=True)


@pytest.fixture
def app(instances):
    return instances[0]


@pytest.fixture(autouse=True)
def settings_restored(instances):
    """Whatever a test sets is set back, and every instance is as well as before."""
    before = {resource: instances[0].settings(resource)["settings"] for resource in RESOURCES}
    provider = instances[0].get(PROVIDER, admin=True).json()["settings"]
    yield
    for resource, settings in before.items():
        instances[0].patch(resource, settings)
    instances[0].patch(PROVIDER, provider)
    for instance in instances:
        eventually(lambda instance=instance: _well(instance), 40, f"{instance.url} reaches its databases and its cache")


def _well(instance: Instance) -> bool:
    health = instance.get("/health").json()
    return {health["database"], health["cache"], *health["read_replicas"].values()} == {"up"}


def _healthy(instance: Instance) -> bool:
    try:
        return instance.get("/health", timeout=3).status_code == 200
    except requests.RequestException:
        return False
