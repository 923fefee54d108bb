"""End-to-end tests: the playbooks as an engineer runs them, on a lab of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from chat import Chat
from sizes import in_sample

from lab import scenario
from lab.figures import keep
from lab.scenario import ROOT, Lab


@pytest.fixture(scope="session")
def platform() -> str:
    """A lab with two replicas, its host prepared and reached by SSH as well; taken down afterwards unless E2E_KEEP is set."""
    here = Lab(os.environ.get("E2E_PREFIX", "e2e"))
    manage = [sys.executable, str(ROOT / "lab/lab.py")]
    kept = bool(os.environ.get("E2E_KEEP"))
    subprocess.run([*manage, "up", "--ssh", *([] if kept else ["--fresh"]), "--prefix", here.prefix], check=True)
    scenario.must(scenario.play(Lab(here.prefix, "ssh"), "prepare_host"))
    scenario.settle(here)
    yield here.prefix
    if not kept:
        subprocess.run([*manage, "down", "--prefix", here.prefix], check=True)


@pytest.fixture(scope="session", params=["local", "ssh"])
def lab(request, platform: str) -> Lab:
    """The same lab both ways: from the controller itself, and through SSH as production is reached."""
    return Lab(platform, request.param)


def pytest_collection_modifyitems(config, items) -> None:
    """Through SSH `make test` runs a sample (sizes.py), `make proof` everything."""
    left = [item for item in items if in_sample(item.name)]
    config.hook.pytest_deselected(items=[item for item in items if item not in left])
    items[:] = left


@pytest.fixture
def calm(lab: Lab) -> Lab:
    """The lab at the normal profile: two replicas, normal settings, nobody before the gate."""
    scenario.settle(lab)
    return lab


@pytest.fixture
def chat() -> Iterator[Chat]:
    served = Chat()
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture
def proof(request):
    """proof(name, figures) keeps what a test measured, each way by itself."""
    through = "_ssh" if "[ssh" in request.node.name else ""

    return lambda name, figures: keep(name + through, figures)
