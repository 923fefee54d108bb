"""The admin token appears in no output at any verbosity, in no diff, in no process list and in no file others may read."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest

from lab import scenario
from lab.scenario import ROOT, Lab


@pytest.mark.parametrize("verbosity", ["-vvv", "-vvvv"])
def test_the_token_is_nowhere(calm: Lab, verbosity: str):
    token = calm.settings["ADMIN_TOKEN"]
    with ProcessWatch(token) as watch:
        played = scenario.play(calm, "respond", "-e", "profile=overload", "-e", "set=app.replicas=3", "--diff", verbosity)
    assert played.rc == 0, played.output
    assert played.changes
    assert token not in played.output
    assert token not in repr(played.results)
    assert watch.looks > 10
    assert watch.seen == []


def test_a_refused_token_is_not_repeated(calm: Lab):
    wrong = "wrong-token-9d1f"
    played = scenario.play(calm, "respond", "-e", "profile=overload", "-e", f"smartsports_admin_token={wrong}", "-vvv")
    assert played.rc != 0
    # Ansible itself shows, at -vvv, the command line's own -e; the rest must not.
    assert wrong not in repr(played.results)


def test_files_with_secrets_are_closed(lab: Lab):
    token = lab.settings["ADMIN_TOKEN"].encode()
    found = [path for path in lab.directory.rglob("*") if path.is_file() and token in path.read_bytes()]
    assert found, "the deployment's .env holds the token"
    for path in found:
        assert path.stat().st_mode & 0o077 == 0, f"{path} is readable by others"
    committed = subprocess.run(["git", "grep", "-lF", token.decode()], cwd=ROOT, capture_output=True, text=True, check=False)
    assert committed.stdout == ""


class ProcessWatch:
    """Looks at the process list, over and over, for a text."""

    def __init__(self, text: str) -> None:
        self.text, self.seen, self.looks = text, [], 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(self, *reason) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            listing = subprocess.run(["ps", "-eo", "args", "ww"], capture_output=True, text=True, check=True).stdout
            self.looks += 1
            self.seen += [line for line in listing.splitlines() if self.text in line]
            time.sleep(0.1)
