"""What a host does to its state: its disk is full, or gets full half way, and its clock is put right."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from kills import start
from memory import AT_ONCE, await_step, differences, journal, spoken, unended

from lab import scenario
from lab.scenario import Lab

THREE = ["scale_app", "-e", "replicas=3"]
MIB = 2**20
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_a_full_disk_is_told_before_anything_is_changed(calm: Lab, tmp_path, proof):
    before = scenario.state(calm)
    with disk(calm, tmp_path, 3 * MIB):
        refused = scenario.play(calm, *THREE)
    assert refused.rc != 0 and "KiB are free where" in refused.failure and "free some space" in refused.failure, refused.output
    assert scenario.state(calm) == before
    proof("full_disk", {"error": refused.failure, "changed": refused.changed})


def test_a_disk_that_gets_full_stops_a_run_which_goes_on_when_there_is_room(calm: Lab, tmp_path, proof):
    before = scenario.state(calm)
    with disk(calm, tmp_path, 16 * MIB) as state:
        log = tmp_path / "log"
        running = start(calm, log, *THREE)
        await_step(calm, "app_wait")
        filler = state / "filler"
        with filler.open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space left"):
            while True:
                stream.write(bytes(4096))
        assert running.wait(timeout=120) != 0 and "No space left on device" in spoken(log.read_text()), log.read_text()
        filler.unlink()
        again = scenario.must(scenario.play(calm, *THREE))
        assert len(scenario.containers(calm)) == 3
        record = scenario.records(calm)[-1]
        assert record["baseline"]["app.replicas"] == 2 and unended(journal(calm, record)) == []
        scenario.must(scenario.play(calm, "recover", *AT_ONCE))
        left = differences(before, scenario.state(calm))
    proof("disk_gets_full", {"taken_over": "taken over from scale_app.yml" in again.output, "differences": left})
    assert left == []


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_was_put_right_holds_up_nobody(calm: Lab, tmp_path, proof, days: int):
    """All that a killed run has written down is moved by a day: what it left had its clock been a day ahead, or behind, and been corrected since."""
    before = scenario.state(calm)
    log = tmp_path / "log"
    running = start(calm, log, *THREE)
    await_step(calm, "app_wait")
    running.kill()
    running.wait()
    moved = move(calm, days)
    try:
        again = scenario.must(scenario.play(calm, *THREE))
        assert "taken over from scale_app.yml" in again.output
        # Six seconds have to pass since the last change, by whatever clock.
        done = scenario.must(scenario.play(calm, "recover", *AT_ONCE, "-e", '{"recovery_between_minutes": 0.1}'))
        left = differences(before, scenario.state(calm))
        [record] = [each for each in scenario.records(calm) if each["id"] == moved]
        assert record["closed"] and record["baseline"]["app.replicas"] == 2 and unended(journal(calm, record)) == []
    finally:
        for path in (calm.directory / "state").glob(f"*/{moved}*"):
            path.unlink()  # the newest for a day
    proof(
        f"clock_{'ahead' if days > 0 else 'behind'}",
        {"days": days, "recover_seconds": round(done.seconds, 1), "differences": left},
    )
    assert left == []


@contextmanager
def disk(lab: Lab, scratch: Path, size: int) -> Iterator[Path]:
    """The state, on a small file system of its own as long as this lasts."""
    state, copy = lab.directory / "state", scratch / "state"
    shutil.copytree(state, copy)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", state], check=True)
    try:
        shutil.copytree(copy, state, dirs_exist_ok=True)
        yield state
    finally:
        subprocess.run(["umount", state], check=True)


def move(lab: Lab, days: int) -> str:
    """Move the open record, its journal and the lock in time; the record's id then."""
    state = lab.directory / "state"
    [record] = [each["id"] for each in scenario.records(lab) if not each["closed"]]
    day = datetime.strptime(record[:8], "%Y%m%d") + timedelta(days=days)
    moved = f"{day:%Y%m%d}{record[8:]}"
    for path in (state / "lock.json", *state.glob(f"*/{record}.json*")):
        text = TIME.sub(lambda found: shifted(found[0], days), path.read_text()).replace(record, moved)
        path.unlink()
        there = path.with_name(path.name.replace(record, moved))
        there.write_text(text)
        there.chmod(0o600)
    return moved


def shifted(text: str, days: int) -> str:
    return (datetime.fromisoformat(text) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
