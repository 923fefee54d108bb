# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lets the tests import the files beside them, and run plays."""

import sys
from pathlib import Path

import pytest
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import Platform

sys.path.insert(0, str(Path(__file__).parent))

from plays import Engine, Runner


@pytest.fixture
def runner(tmp_path):
    platform = Platform()
    platform.start(2)
    engine = Engine(platform)
    yield Runner(platform, engine, tmp_path)
    engine.shutdown()
    engine.server_close()
    for instance in platform.instances:
        instance.stop()
