"""One platform at a time: started from its own compose files, and removed afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from platforms import PLATFORMS, Foreign, deploy


@pytest.fixture(scope="module", params=PLATFORMS)
def platform(request) -> Iterator[Foreign]:
    here = Foreign(f"foreign-{request.param}", **PLATFORMS[request.param])
    deploy(here)
    try:
        here.compose("up", "--detach", "--wait", "--wait-timeout", "120")
        yield here
    finally:
        here.compose("down", "--volumes", "--remove-orphans", check=False)
        shutil.rmtree(here.directory)
