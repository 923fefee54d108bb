# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _process
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal


@pytest.fixture
def started():
    """Starts a command and gives its process once it says a line; what is left of it in the end is killed."""
    processes = []

    def start(command):
        process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, text=True, start_new_session=True)
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_clocks():
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", _clock.text())
    assert re.fullmatch(r"[0-9a-f-]{36}", _clock.boot_id())
    before = _clock.boottime()
    time.sleep(0.01)
    assert 0.01 <= _clock.boottime() - before < 10


def test_this_process_lives():
    assert _process.alive(_process.identity()) is True


def test_a_zombie_and_what_is_gone_are_dead(started):
    process, _line = started("echo ready; exec sleep 60")
    identity = _process.identity(process.pid)
    process.kill()
    while _process.alive(identity):
        time.sleep(0.01)
    assert Path(f"/proc/{process.pid}").exists()  # nobody asked for its exit code yet
    process.wait()
    assert _process.alive(identity) is False
    with pytest.raises(ProcessLookupError):
        _process.identity(process.pid)


def test_a_pid_that_is_used_again_is_another_process(started):
    process, _line = started("echo ready; exec sleep 60")
    earlier = {**_process.identity(process.pid), "start": 1}
    assert _process.alive(earlier) is False
    _process.end(earlier, 0)
    assert process.poll() is None


def test_elsewhere_nothing_is_known_and_nothing_ended(started):
    process, _line = started("echo ready; exec sleep 60")
    elsewhere = {**_process.identity(process.pid), "place": "another boot"}
    assert _process.alive(elsewhere) is None
    _process.end(elsewhere, 0)
    assert process.poll() is None


def test_ends_a_process_and_what_it_started(started):
    process, child = started("sleep 60 & echo $!; wait; true")
    child = _process.identity(int(child))
    _process.end(_process.identity(process.pid), 5)
    assert _process.alive(child) is False
    assert process.wait() == -signal.SIGTERM


def test_kills_what_does_not_listen(started):
    process, _line = started("trap '' TERM; echo ready; while :; do sleep 1; done")
    _process.end(_process.identity(process.pid), 0.1)
    assert process.wait() == -signal.SIGKILL


def test_refuses_where_one_stays(started, monkeypatch):
    process, _line = started("echo ready; exec sleep 60")
    monkeypatch.setattr(_process, "KILL_SECONDS", 0.05)
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    with pytest.raises(
        Refusal, match=rf"process {process.pid} of an earlier run cannot be ended, not even with SIGKILL; see what it waits"
    ):
        _process.end(_process.identity(process.pid), 0.05)
