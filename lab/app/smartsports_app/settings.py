"""What can be set, within which ranges, and what a merge patch makes of it. docs/admin-api.openapi.yaml says the same; a test compares them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_ADDRESS = re.compile(rf"[A-Za-z0-9]([A-Za-z0-9.-]{{0,251}}[A-Za-z0-9])?:{_PORT}")


class Invalid(Exception):
    """A patch that cannot be applied: one sentence that names the member."""


@dataclass(frozen=True)
class Flag:
    default: bool

    def read(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid(f"{name} is {_show(value)}; it must be true or false.")
        return value


@dataclass(frozen=True)
class Whole:
    low: int
    high: int
    default: int

    def read(self, name: str, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON knows one kind of number: 30.0 is 30
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise Invalid(f"{name} is {_show(value)}; it must be a whole number from {self.low} to {self.high}.")
        return value


@dataclass(frozen=True)
class Rate:
    default: float

    def read(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise Invalid(f"{name} is {_show(value)}; it must be a number from 0 to 1.")
        return value


@dataclass(frozen=True)
class Addresses:
    least: int
    most: int
    default: tuple[str, ...] = ()  # Settings takes the deployment's own

    def read(self, name: str, value: Any) -> list[str]:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise Invalid(f"{name} is {_show(value)}; it must be a list of {self.least} to {self.most} host:port strings.")
        for entry in value:
            if not isinstance(entry, str) or not _ADDRESS.fullmatch(entry):
                raise Invalid(f"{name} contains {_show(entry)}; each entry must be host:port.")
        if len(set(value)) != len(value):
            raise Invalid(f"{name} names an address twice; name each once.")
        return value


SECONDS = (1, 86400)
SHAPES: dict[str, dict] = {
    "rate-limits": {
        "search_endpoints": {"requests_per_minute": Whole(1, 100_000, 600)},
        "analytics_endpoints": {"requests_per_minute": Whole(1, 100_000, 600)},
        "non_essential_endpoints": {"enabled": Flag(True)},
    },
    "queue-config": {
        "ticket_purchase_queue": {"enabled": Flag(False), "max_concurrent": Whole(1, 1_000_000, 1000)},
        "virtual_queue": {
            "enabled": Flag(False),
            "max_concurrent_users": Whole(1, 10_000_000, 5000),
            "queue_timeout": Whole(*SECONDS, 1800),
            "estimated_wait_time": Flag(True),
        },
    },
    "payment-queue": {
        "enabled": Flag(False),
        "max_concurrent_payments": Whole(1, 1_000_000, 1000),
        "retry_failed_payments": Flag(False),
        "queue_timeout": Whole(*SECONDS, 600),
    },
    "feature-flags": {
        "analytics_tracking": Flag(True),
        "recommendation_engine": Flag(True),
        "social_features": Flag(True),
        "email_notifications": Flag(True),
    },
    "cache-config": {
        "event_list_ttl": Whole(*SECONDS, 60),
        "venue_info_ttl": Whole(*SECONDS, 300),
        "team_info_ttl": Whole(*SECONDS, 300),
        "static_content_ttl": Whole(*SECONDS, 1800),
    },
    "database-config": {"read_replicas": Addresses(0, 16)},
    "redis-config": {"cluster_mode": Flag(False), "nodes": Addresses(1, 32)},
    "performance-mode": {"high_performance_mode": Flag(False)},
}
PROVIDER = "simulated-provider"  # of the lab, not of the admin API
_ALL = SHAPES | {PROVIDER: {"delay_ms": Whole(0, 30_000, 80), "failure_rate": Rate(0.0), "decline_rate": Rate(0.0)}}


def merged(resource: str, current: dict, patch: Any) -> dict:
    """The settings after a merge patch, or Invalid."""
    return _merge(_ALL[resource], current, patch, "")


def _merge(shape: dict, current: dict, patch: Any, path: str) -> dict:
    if not isinstance(patch, dict):
        raise Invalid(f"{path or 'the body'} is {_show(patch)}; it must be an object.")
    result = dict(current)
    for name, value in patch.items():
        full = f"{path}.{name}" if path else name
        if name not in shape:
            raise Invalid(f"{_show(full)} is no member; known here are {', '.join(shape)}.")
        if value is None:
            raise Invalid(f"{full} is null; it always has a value; leave it out to keep the present one.")
        inner = shape[name]
        result[name] = _merge(inner, current[name], value, full) if isinstance(inner, dict) else inner.read(full, value)
    return result


def parse(raw: bytes) -> Any:
    """JSON, or Invalid."""
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON; send a JSON object.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _show(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _defaults(shape: dict) -> dict:
    return {name: _defaults(inner) if isinstance(inner, dict) else _plain(inner.default) for name, inner in shape.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class Settings:
    """What this instance runs with. Nobody but the store changes it."""

    def __init__(self, read_replicas: tuple[str, ...], redis_nodes: tuple[str, ...]) -> None:
        self._values = {resource: _defaults(shape) for resource, shape in _ALL.items()}
        self._values["database-config"]["read_replicas"] = list(read_replicas)
        self._values["redis-config"]["nodes"] = list(redis_nodes)
        self._defaults = dict(self._values)
        self.versions = dict.fromkeys(_ALL, 0)
        self.loaded = False
        self._listeners: list[tuple[str, Callable[[dict], None]]] = []

    def __getitem__(self, resource: str) -> dict:
        return self._values[resource]

    def on_change(self, resource: str, listener: Callable[[dict], None]) -> None:
        """Call the listener with the settings now, and after each change."""
        self._listeners.append((resource, listener))
        listener(self[resource])

    def complete(self, resource: str, stored: dict) -> dict:
        """What is stored, with the defaults for the rest: a newer version may know more members."""
        return _fill(_ALL[resource], self._defaults[resource], stored)

    def apply(self, resource: str, stored: dict, version: int) -> None:
        if version == self.versions[resource]:
            return
        self._values[resource] = self.complete(resource, stored)
        self.versions[resource] = version
        for name, listener in self._listeners:
            if name == resource:
                listener(self[resource])


def _fill(shape: dict, defaults: dict, stored: dict) -> dict:
    return {
        name: _fill(inner, defaults[name], stored.get(name, {})) if isinstance(inner, dict) else stored.get(name, defaults[name])
        for name, inner in shape.items()
    }
