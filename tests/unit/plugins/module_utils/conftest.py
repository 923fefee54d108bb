# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of the modules' tests."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _admin_client
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import Platform
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.chat import Chat
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.host import Host


@pytest.fixture
def platform(monkeypatch):
    """A platform without instances yet, found in place of the Docker engine's containers."""
    served = Platform()
    monkeypatch.setattr(_admin_client, "connect", lambda: None)
    monkeypatch.setattr(_admin_client, "containers", served.containers)
    monkeypatch.setattr(_admin_client, "PAUSES", (0.02, 0.05, 0.1))
    yield served
    for instance in served.instances:
        instance.stop()


@pytest.fixture
def state(tmp_path):
    """A new state directory of the Docker daemon `daemon-1`."""
    return State.open(tmp_path / "state", "daemon-1")


@pytest.fixture
def chat():
    served = Chat()
    yield served
    served.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB of its own: it really gets full, and really read-only, for root as well."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A Docker host of which the settings are what `settings` says; its state directory is of the daemon `daemon-1`."""
    return Host(tmp_path / "state", monkeypatch)
