"""End-to-end tests: the playbooks as an engineer runs them, on a lab of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import scenario
from lab.scenario import ROOT, Lab


@pytest.fixture(scope="session")
def lab() -> Lab:
    """A lab with two replicas, taken down afterwards unless E2E_KEEP is set."""
    here = Lab(os.environ.get("E2E_PREFIX", "e2e"))
    manage = [sys.executable, str(ROOT / "lab/lab.py")]
    kept = bool(os.environ.get("E2E_KEEP"))
    subprocess.run([*manage, "up", *([] if kept else ["--fresh"]), "--prefix", here.prefix], check=True)
    scenario.settle(here)
    yield here
    if not kept:
        subprocess.run([*manage, "down", "--prefix", here.prefix], check=True)


@pytest.fixture
def calm(lab: Lab) -> Lab:
    """The lab at the normal profile: two replicas, normal settings, nobody before the gate."""
    scenario.settle(lab)
    return lab


@pytest.fixture
def proof():
    """proof(name, figures) keeps what a test measured: printed, and in $PROOF_DIR where that is set."""

    def keep(name: str, figures: dict) -> None:
        print(f"\nproof {name}: {json.dumps(figures)}")
        if os.environ.get("PROOF_DIR"):
            directory = Path(os.environ["PROOF_DIR"])
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")

    return keep
