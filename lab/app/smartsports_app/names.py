"""Looking up the names that operators set. The event loop's own look-ups are two at a time and cannot be taken back: one name
that no resolver answers for would hold up every new connection, also those to the databases that are well."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

_threads = ThreadPoolExecutor(8, "names")


async def look_up(address: str) -> None:
    """Return once the host of host:port has an address. Raises OSError where it has none."""
    host, _, port = address.rpartition(":")
    await asyncio.get_running_loop().run_in_executor(_threads, socket.getaddrinfo, host, int(port))
