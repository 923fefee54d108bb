"""What a run will do, decided before it starts: who arrives when. Seeded, bounded, and only ever against this machine."""

from __future__ import annotations

import ipaddress
import random
import socket
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

TIMEOUT = 10.0  # seconds; a visitor who waited that long has left
MAX_RATE = 300.0
MAX_SECONDS = 900.0
MAX_ARRIVALS = 60_000

# Who arrives, in parts. Bots are impatient clients: few identities, many searches, so that a limit per client reaches them.
CROWDS = {
    "buyers": {"browse": 34, "search": 10, "features": 12, "buy": 12, "bot": 32},
    "steady": {"ping": 1},
}
BOTS = 4
VISITORS = 400


class PlanError(Exception):
    """The plan cannot be run; one sentence: the value, the rule, the fix."""


@dataclass(frozen=True)
class Arrival:
    at: float  # seconds after the start
    kind: str
    client: str
    seed: int  # every choice the visitor makes comes from here


@dataclass(frozen=True)
class Plan:
    target: str
    rate: float  # arrivals a second
    seconds: float
    crowd: str = "buyers"
    arrivals: str = "poisson"  # or even
    seed: int = 1
    path: str = "/health"  # what the steady crowd asks for
    host: str = ""  # the name of the site, where the target is an address that knows several
    ca: str = ""  # PEM file with the CA of an https target; the system's where none is given

    def checked(self) -> Plan:
        """This plan, or PlanError."""
        if self.crowd not in CROWDS:
            raise PlanError(f"crowd is {self.crowd!r}; it must be one of {', '.join(sorted(CROWDS))}.")
        if self.arrivals not in ("poisson", "even"):
            raise PlanError(f"arrivals is {self.arrivals!r}; it must be poisson or even.")
        if not 0 < self.rate <= MAX_RATE:
            raise PlanError(
                f"rate is {self.rate:g}; it must lie above 0 and at most {MAX_RATE:g} a second, this is a laboratory."
            )
        if not 0 < self.seconds <= MAX_SECONDS:
            raise PlanError(f"seconds is {self.seconds:g}; it must lie above 0 and at most {MAX_SECONDS:g}.")
        if self.rate * self.seconds > MAX_ARRIVALS:
            raise PlanError(
                f"{self.rate:g} a second for {self.seconds:g} s is more than {MAX_ARRIVALS} arrivals; lower one of them."
            )
        _require_loopback(self.target)
        return self

    def schedule(self) -> list[Arrival]:
        """Every arrival, in order; the same plan gives the same schedule."""
        dice = random.Random(self.seed)
        kinds, weights = list(CROWDS[self.crowd]), list(CROWDS[self.crowd].values())
        result = []
        at = 0.0
        while True:
            at += dice.expovariate(self.rate) if self.arrivals == "poisson" else 1 / self.rate
            if at > self.seconds:
                return result
            kind = dice.choices(kinds, weights)[0]
            client = f"bot-{dice.randrange(BOTS)}" if kind == "bot" else f"visitor-{self.seed}-{dice.randrange(VISITORS)}"
            result.append(Arrival(at, kind, client, dice.getrandbits(48)))

    def as_dict(self) -> dict:
        return asdict(self)


def _require_loopback(target: str) -> None:
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PlanError(f"target is {target!r}; it must be a URL such as http://127.0.0.1:8080.")
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise PlanError(f"target {target!r} cannot be resolved ({error}); use http://127.0.0.1:PORT.") from error
    strangers = [address for address in sorted(found) if not ipaddress.ip_address(address).is_loopback]
    if strangers:
        raise PlanError(
            f"target {target!r} is {strangers[0]}; load is only sent to this machine's loopback, use http://127.0.0.1:PORT."
        )
