"""What the tests of the incident's memory share: what is journalled, who has the platform, and a recovery that does not wait."""

from __future__ import annotations

import json
import time
from pathlib import Path

from lab.scenario import Lab

# Calm is not what is proven where this is used: a recovery looks at its gates and goes on, and all settings are one stage.
_AT_ONCE = {f"recovery_{name}_minutes": 0 for name in ("quiet", "between", "feature")} | {"recovery_deadline_minutes": 1}
AT_ONCE = ["-e", json.dumps({**_AT_ONCE, "recovery_every": 1, "recovery_features": []})]
ENDS = ("step-end", "run-end", "killed")


def journal(lab: Lab, record: dict) -> list[dict]:
    return events(lab.directory / f"state/journal/{record['id']}.jsonl")


def events(path: Path) -> list[dict]:
    """Of a journal, as far as its lines are written to their end."""
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def unended(found: list[dict]) -> list[dict]:
    """What began and has no end."""
    going = {}
    for event in found:
        key = (event["run"], event["step"])
        if event["event"] in ("run-start", "step-start"):
            going[key] = event
        elif event["event"] in ENDS:
            going.pop(key, None)
    return list(going.values())


def holder(lab: Lab) -> dict | None:
    """Who has the platform as it is written, alive or not."""
    path = lab.directory / "state/lock.json"
    return json.loads(path.read_text())["holder"] if path.exists() else None


def await_step(lab: Lab, step: str) -> None:
    """Until the lock tells that this step works."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        held = holder(lab)
        if held and held["step"] == step:
            return
        time.sleep(0.02)
    raise AssertionError(f"no run came to {step} within 60 s")
