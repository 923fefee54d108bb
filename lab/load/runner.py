"""Runs a plan: sends every visitor off when their time has come, whatever became of those before."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

from lab.load.buyers import BEHAVIOURS, Visit
from lab.load.plan import TIMEOUT, Plan, PlanError
from lab.load.record import Recorder, read_acknowledged, read_samples, series, summary
from lab.load.site import Site

GRACE = 2 * TIMEOUT + 2  # after the last arrival: the slowest purchase (reserve, then pay) ends within it


def run(plan: Plan, directory: Path) -> dict:
    """Run a checked plan to its end, or until SIGINT or SIGTERM stops further arrivals; returns and writes the result."""
    return asyncio.run(_run(plan, directory))


async def _run(plan: Plan, directory: Path) -> dict:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    recorder = Recorder(directory)
    site = Site(plan.target, recorder, plan.host, plan.ca)
    visitors: set[asyncio.Task] = set()
    try:
        events = await _on_sale(site) if plan.crowd == "buyers" else ()
        started = time.time() + 0.2
        write(directory / "plan.json", {**plan.as_dict(), "started": started})
        for arrival in plan.schedule():
            if await _stopped_before(stop, started + arrival.at):
                break
            visit = Visit(site, plan, arrival, started + arrival.at, events)
            visitors.add(asyncio.create_task(BEHAVIOURS[arrival.kind](visit)))
        ended = min(time.time(), started + plan.seconds)
        unfinished = await _see_out(visitors)
    finally:
        await site.close()
        recorder.close()
    samples = read_samples(directory)
    result = {
        "plan": plan.as_dict(),
        "started": started,
        "ended": ended,
        "unfinished_visitors": unfinished,
        "acknowledged": len(read_acknowledged(directory)),
        **summary(samples, max(ended - started, 0.001)),
    }
    write(directory / "series.json", series(samples, started))
    write(directory / "result.json", result)
    return result


async def _on_sale(site: Site) -> tuple:
    """The ids of the events, asked for once before the run: buyers come from elsewhere and know what they want."""
    events = await site.look("/api/v1/events")
    if not events.get("events"):
        raise PlanError("the site lists no events; is the lab up (make lab)?")
    return tuple(event["id"] for event in events["events"])


async def _stopped_before(stop: asyncio.Event, moment: float) -> bool:
    """Wait for the moment; true as soon as somebody stops the run."""
    wait = moment - time.time()
    if wait <= 0:
        await asyncio.sleep(0)  # late: let answers in, but never skip an arrival
        return stop.is_set()
    try:
        await asyncio.wait_for(stop.wait(), wait)
        return True
    except TimeoutError:
        return False


async def _see_out(visitors: set[asyncio.Task]) -> int:
    """Let the visitors finish; who still queues after the grace is sent home. Raises what a visitor raised: a bug here."""
    if not visitors:
        return 0
    done, waiting = await asyncio.wait(visitors, timeout=GRACE)
    for visitor in waiting:
        visitor.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for visitor in done:
        visitor.result()
    return len(waiting)


def write(path: Path, value) -> None:
    """Put JSON in place in one step: a reader never sees half a file."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(draft, path)
