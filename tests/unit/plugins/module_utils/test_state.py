# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import subprocess
import threading

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _state
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.forked import fork, outcome

OLD, NEW = {"it": "is old"}, {"it": "is new"}
CALLS = ("open", "write", "fsync", "unlink", "link", "replace")  # what a write asks of the system


def mode(path):
    return path.stat().st_mode & 0o777


def at_call(number, happens):
    """Let `happens` take the place of the call to the system with this number, counted from 0."""
    counter = itertools.count()

    def wrap(call):
        def wrapped(*arguments, **options):
            if next(counter) == number:
                happens()
            return call(*arguments, **options)

        return wrapped

    for name in CALLS:
        setattr(os, name, wrap(getattr(os, name)))
    return counter


def interrupted(work, happens):
    """Exit codes of `work` in a process where `happens` at the first call to the system, at the second, and so on to the last."""

    def child(number):
        counter = at_call(number, happens)
        try:
            work()
        except Refusal:
            os._exit(3)
        os._exit(0 if next(counter) <= number else 4)

    for number in itertools.count():
        code = outcome(fork(lambda number=number: child(number)))
        if code == 0:
            return
        yield code


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def full():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_makes_a_directory_for_root_alone(tmp_path):
    state = State.open(tmp_path / "deep" / "state", "daemon-1")
    assert mode(state.directory) == 0o700
    state.write("records/x.json", OLD)
    state.append("journal/x.jsonl", OLD)
    assert {mode(state.directory / name) for name in ("records", "journal")} == {0o700}
    assert {mode(path) for path in state.directory.rglob("*") if path.is_file()} == {0o600}


def test_closes_open_modes(tmp_path):
    (tmp_path / "state").mkdir(mode=0o755)
    assert mode(State.open(tmp_path / "state", "daemon-1").directory) == 0o700


def test_a_preview_makes_and_mends_nothing(tmp_path):
    state = State.open(tmp_path / "state", "daemon-1", make=False)
    assert (state.read("lock.json"), state.lines("journal/x.jsonl"), state.names("records")) == (None, [], [])
    assert not state.directory.exists()
    state.directory.mkdir(mode=0o755)
    State.open(tmp_path / "state", "daemon-1", make=False)
    assert mode(state.directory) == 0o755
    assert list(state.directory.iterdir()) == []


def test_refuses_what_is_no_directory(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(Refusal, match=r"state cannot be made for root alone \(File exists\); correct that"):
        State.open(tmp_path / "state", "daemon-1")


def test_refuses_somebody_elses_directory(tmp_path):
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 1234, 1234)
    with pytest.raises(Refusal, match=r"belongs to uid 1234, and this is uid 0; .*chown -R 0 "):
        State.open(tmp_path / "state", "daemon-1")


def test_refuses_another_daemon(state):
    for make in (True, False):
        with pytest.raises(
            Refusal, match=r"belongs to the Docker daemon daemon-1, and here runs 4f6a2c9e-1b7; .* remove .*/daemon\."
        ):
            State.open(state.directory, "4f6a2c9e-1b7d-4c57-9a55", make=make)
    (state.directory / "daemon").unlink()
    State.open(state.directory, "4f6a2c9e-1b7d-4c57-9a55")


def test_refuses_a_read_only_file_system(small_disk):
    State.open(small_disk / "state", "daemon-1")
    state = State.open(small_disk / "state", "daemon-1")
    state.write("lock.json", OLD)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Refusal, match=r"nothing can be written to .*/state; make its file system writable"):
        State.open(small_disk / "state", "daemon-1")
    with pytest.raises(Refusal, match=r"cannot be made for root alone \(Read-only file system\)"):
        State.open(small_disk / "other", "daemon-1")
    with pytest.raises(Refusal, match=r"cannot be written \(Read-only file system\) and is as it was"):
        state.write("lock.json", NEW)
    assert state.read("lock.json") == OLD


def test_a_full_disk_is_told_before_and_changes_nothing(small_disk):
    state = State.open(small_disk / "state", "daemon-1")
    state.write("lock.json", OLD)
    state.append("journal/x.jsonl", OLD)
    state.room(1024)
    State.open(small_disk / "not/yet", "daemon-1", make=False).room(1024)
    with pytest.raises(
        Refusal, match=r"\d+ KiB are free where .*/state is, and a run needs 1024 KiB to keep its record; free some"
    ):
        state.room(1 << 20)
    big = {"big": "x" * 40_000}
    state.write("big.json", big)
    with pytest.raises(
        Refusal, match=r"lock\.json cannot be written \(No space left on device\) and is as it was; free some space"
    ):
        state.write("lock.json", big)
    with pytest.raises(Refusal, match=r"x\.jsonl cannot be written \(No space left on device\) and is as it was"):
        state.append("journal/x.jsonl", big)
    assert state.read("lock.json") == OLD
    assert (state.directory / "journal/x.jsonl").read_text() == json.dumps(OLD) + "\n"
    assert [path.name for path in state.directory.rglob(".*")] == []


def test_names_stay_in_the_directory(state):
    for name in ("../lock.json", "/etc/passwd", "a/b/c.json", ".hidden", "records/../lock.json", ""):
        with pytest.raises(Refusal, match="is no name of a file of the state"):
            state.read(name)


def test_reads_what_was_written(state):
    assert state.read("lock.json") is None
    state.write("lock.json", OLD)
    state.write("lock.json", NEW)
    assert state.read("lock.json") == NEW
    assert json.loads((state.directory / "lock.json.good").read_text()) == OLD


def test_lists_and_removes(state):
    for name in ("records/b.json", "records/a.json", "records/b.json"):
        state.write(name, OLD)
    assert state.names("records") == ["records/a.json", "records/b.json"]
    state.remove("records/b.json")
    state.remove("records/b.json")
    assert [path.name for path in (state.directory / "records").iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    "damage", [b"", b'{"it": "is', b"[1]", b"\x00\x00\xff"], ids=["empty", "truncated", "no object", "binary"]
)
def test_a_damaged_file_is_read_from_its_copy_and_told_once(state, damage):
    state.write("lock.json", OLD)
    state.write("lock.json", NEW)
    (state.directory / "lock.json").write_bytes(damage)
    assert [state.read("lock.json"), state.read("lock.json")] == [OLD, OLD]
    [sentence] = state.recovered
    assert sentence.startswith(f"{state.directory}/lock.json is damaged (")
    assert sentence.endswith("); its copy of before the last change was used.")
    state.write("lock.json", NEW)  # does not put the damaged file in place of the copy
    (state.directory / "lock.json").write_bytes(damage)
    assert state.read("lock.json") == OLD


def test_refuses_where_both_are_damaged(state):
    state.write("lock.json", OLD)
    (state.directory / "lock.json").write_bytes(b"")
    with pytest.raises(
        Refusal, match=r"/lock\.json is damaged \(.*\) and so is its copy lock\.json\.good; put back a backup, or move both"
    ):
        state.read("lock.json")


def test_killed_at_any_call_a_write_leaves_the_old_or_the_new(state):
    for before in (None, OLD):  # the first write, and one over another
        state.remove("records/x.json")
        if before:
            state.write("records/x.json", before)
        seen = []
        for code in interrupted(lambda: state.write("records/x.json", NEW), die):
            assert code == -signal.SIGKILL
            seen.append(state.read("records/x.json"))
            if seen[-1] == NEW:
                state.remove("records/x.json")
                if before:
                    state.write("records/x.json", before)
        assert len(seen) >= 7
        assert seen[0] == before
        assert seen[-1] == NEW
        assert [entry for entry in seen if entry not in (before, NEW)] == []
        assert state.read("records/x.json") == NEW
    assert state.recovered == []


def test_refused_at_any_call_a_write_changes_nothing(state):
    state.write("lock.json", OLD)
    refused = []
    for code in interrupted(lambda: state.write("lock.json", NEW), full):
        refused.append((code, state.read("lock.json")))
        state.write("lock.json", OLD)
        assert [path.name for path in state.directory.glob(".*")] == []
    # The last two calls come after the change: the directory could not be opened and synced.
    assert refused == [(3, OLD)] * (len(refused) - 2) + [(3, NEW)] * 2
    assert len(refused) >= 6


def test_lines_in_order(state):
    for number in range(3):
        state.append("journal/x.jsonl", {"number": number})
    assert state.lines("journal/x.jsonl") == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert state.lines("journal/none.jsonl") == []


def test_a_torn_line_is_left_out_and_the_next_is_whole(state):
    state.append("journal/x.jsonl", OLD)
    with open(state.directory / "journal/x.jsonl", "ab") as stream:
        stream.write('{"who": "Aliné"'.encode()[:-2])
    assert state.lines("journal/x.jsonl") == [OLD]
    state.append("journal/x.jsonl", NEW)
    assert state.lines("journal/x.jsonl") == [OLD, NEW]
    assert state.recovered == [f"{state.directory}/journal/x.jsonl: line 2 was not written to its end and is left out."]


def test_killed_at_any_call_an_append_adds_all_or_nothing(state):
    state.append("journal/x.jsonl", OLD)
    lengths = []
    for code in interrupted(lambda: state.append("journal/x.jsonl", NEW), die):
        assert code == -signal.SIGKILL
        found = state.lines("journal/x.jsonl")
        assert found == [OLD] + [NEW] * (len(found) - 1)
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert lengths[0] == 1 < lengths[-1]
    assert state.recovered == []


def test_many_writers_lose_nothing(state):
    def work():
        own = State.open(state.directory, "daemon-1")
        for _time in range(25):
            with own.locked():
                own.write("count.json", {"count": (own.read("count.json") or {"count": 0})["count"] + 1})
            own.append("journal/x.jsonl", {"pid": os.getpid()})

    assert [outcome(child) for child in [fork(work) for _writer in range(4)]] == [0] * 4
    assert state.read("count.json") == {"count": 100}
    assert len(state.lines("journal/x.jsonl")) == 100


def test_threads_are_kept_apart_as_processes_are(state):
    inside = threading.Event()
    waiting = threading.Thread(target=lambda: state.locked().__enter__() or inside.set())
    with state.locked(), state.locked():
        waiting.start()
        assert not inside.wait(0.1)
    assert inside.wait(5)
    waiting.join()


def test_a_guard_that_is_held_is_waited_for_and_then_named(state, monkeypatch):
    monkeypatch.setattr(_state, "GUARD_SECONDS", 0.1)
    ready, done = os.pipe(), os.pipe()

    def hold():
        with State(state.directory, state.daemon).locked():
            os.write(ready[1], b".")
            os.read(done[0], 1)

    child = fork(hold)
    os.read(ready[0], 1)
    with pytest.raises(
        Refusal, match=r"another process has held .*/guard for 0\.1 s, and milliseconds are usual; `fuser .*guard`"
    ):
        state.write("lock.json", OLD)
    os.kill(child, signal.SIGKILL)  # the kernel lets go for it
    assert outcome(child) == -signal.SIGKILL
    state.write("lock.json", OLD)
