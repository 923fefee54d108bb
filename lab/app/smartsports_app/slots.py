"""A bounded number of turns, first come first served. The one way in which this application limits anything that runs at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager


class Full(Exception):
    """More are waiting than may wait."""


class Slots:
    """The bound may change at any time; `ahead` is a lane that is served first."""

    def __init__(self, limit: int, backlog: int | None = None) -> None:
        self._limit = limit
        self._backlog = backlog
        self._waiting: tuple[deque[asyncio.Future], deque[asyncio.Future]] = (deque(), deque())
        self.used = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting[0]) + len(self._waiting[1])

    @property
    def limit(self) -> int:
        return self._limit

    @limit.setter
    def limit(self, value: int) -> None:
        self._limit = value
        self._wake()

    def try_acquire(self) -> bool:
        if self.used < self._limit and not self.waiting:
            self.used += 1
            return True
        return False

    async def acquire(self, ahead: bool = False) -> None:
        """Wait for a turn; Full where too many wait already. Cancelling gives the place up."""
        if self.try_acquire():
            return
        if self._backlog is not None and self.waiting >= self._backlog:
            raise Full
        turn = asyncio.get_running_loop().create_future()
        lane = self._waiting[0 if ahead else 1]
        lane.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # the turn came together with the cancellation: hand it on
            elif turn in lane:  # not yet skipped
                lane.remove(turn)
            raise

    def release(self) -> None:
        self.used -= 1
        self._wake()

    @asynccontextmanager
    async def turn(self):
        await self.acquire()
        try:
            yield
        finally:
            self.release()

    def _wake(self) -> None:
        for lane in self._waiting:
            while lane and self.used < self._limit:
                turn = lane.popleft()
                if not turn.done():  # a cancelled one gave its place up
                    self.used += 1
                    turn.set_result(None)
