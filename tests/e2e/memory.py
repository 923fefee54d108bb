"""What the tests of the incident's memory share: what is journalled, who has the platform, and a recovery that does not wait."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from lab.scenario import Lab

# Calm is not what is proven where this is used: a recovery looks at its gates and goes on, and all settings are one stage.
_AT_ONCE = {f"recovery_{name}_minutes": 0 for name in ("quiet", "between", "feature")} | {"recovery_deadline_minutes": 1}
AT_ONCE = ["-e", json.dumps({**_AT_ONCE, "recovery_every": 1, "recovery_features": []})]
# A minute is the shortest that a rate can look back; the real times are in the role's defaults.
MINUTE = {"recovery_quiet_minutes": 1, "recovery_between_minutes": 0.1, "recovery_feature_minutes": 0.1, "recovery_every": 3}
# A profile that is named asks no metric for the severity: Prometheus may not see yet what a run has started. Normal strengthens nothing by itself.
RESPOND = ["respond", "-e", "profile=normal", "-e"]
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
    _await(lambda: (holder(lab) or {}).get("step") == step, f"a run comes to {step}")


def interleaved(found: list[dict]) -> list[dict]:
    """What a run did within another."""
    inside, mixed = "", []
    for event in found:
        if event["event"] == "run-start":
            mixed += [event] if inside else []
            inside = event["run"]
        elif event["event"] in ("step-start", "step-end", "run-end") and event["run"] != inside:
            mixed.append(event)
        inside = "" if event["event"] == "run-end" else inside
    return mixed


def await_holder(lab: Lab, playbook: str) -> None:
    """Until this playbook has the platform."""
    _await(lambda: (holder(lab) or {}).get("playbook") == f"{playbook}.yml", f"{playbook} has the platform")


def await_text(path: Path, text: str) -> None:
    """Until a run that writes there has said this; its screen may break lines anywhere."""
    _await(lambda: text in spoken(path.read_text()), f"'{text}' is said")


def spoken(output: str) -> str:
    return " ".join(output.split())


def _await(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, f"not within 60 s: {what}"
        time.sleep(0.02)


def differences(before: dict, after: dict) -> list[str]:
    """Which parts of scenario.state differ. Files: a new lab's are Compose's and nginx's own until somebody scales, and are held elsewhere."""
    return [part for part in ("containers", "limits", "settings") if before[part] != after[part]]
