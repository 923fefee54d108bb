"""What the deployment says, read once at the start."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Environment:
    database_url: str = field(repr=False)
    direct_url: str = field(repr=False)
    admin_token: str = field(repr=False)
    read_replicas: tuple[str, ...]
    redis_nodes: tuple[str, ...]
    port: int
    payment_url: str
    drain_seconds: float
    instance: str

    @classmethod
    def read(cls) -> Environment:
        """The environment, or SystemExit with one sentence."""
        port = _whole("PORT", "3000")
        redis = urlsplit(_required("REDIS_URL"))
        return cls(
            database_url=_required("DATABASE_URL"),
            direct_url=_required("DATABASE_DIRECT_URL"),
            admin_token=_required("ADMIN_TOKEN"),
            read_replicas=tuple(part for part in os.environ.get("READ_REPLICAS", "").replace(" ", "").split(",") if part),
            redis_nodes=(f"{redis.hostname}:{redis.port or 6379}",),
            port=port,
            payment_url=os.environ.get("PAYMENT_URL") or f"http://127.0.0.1:{port}/simulated-payment-provider/charges",
            drain_seconds=_whole("DRAIN_SECONDS", "2"),
            instance=socket.gethostname(),
        )


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SystemExit(f"{name} is empty; the application needs it; set it in its environment.")
    return value


def _whole(name: str, default: str) -> int:
    value = os.environ.get(name, default)
    if not value.isdigit():
        raise SystemExit(f"{name} is {value!r}; it must be a whole number; correct it in the environment.")
    return int(value)
