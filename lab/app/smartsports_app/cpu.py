"""One long computation at a time, and the event loop's turn after each: an operator never waits behind more than one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from smartsports_app.slots import Slots

_turns = Slots(1)
Result = TypeVar("Result")


async def compute(function: Callable[..., Result], *values) -> Result:
    async with _turns.turn():
        return function(*values)
