# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state directory on the Docker host: what one run leaves for the next, as plain JSON that an engineer can read."""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import _durable
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

GUARD_SECONDS = 5.0
DAEMON = "daemon"
_NAME = re.compile(r"([a-z]+/)?\w[\w.-]*")


class State:
    """Files by name, of which a folder may be a part: `lock.json`, `records/x.json`, `journal/x.jsonl`.

    `recovered`: a sentence for each file that was damaged and of which a copy, or the sound part, was used.
    """

    def __init__(self, directory: Path, daemon: str) -> None:
        self.directory = directory
        self.daemon = daemon
        self.recovered: list[str] = []
        self._threads = threading.RLock()
        self._held = False

    @classmethod
    def open(cls, directory: str | Path, daemon_id: str, make: bool = True) -> State:
        """The state of the platform of this Docker daemon (`docker info`: ID).

        A missing directory is made, open modes are closed. `make=False`, for a preview: nothing is made or mended, and a missing
        directory is an empty state. Refusal: not ours, unwritable, or another daemon's.
        """
        state = cls(Path(directory), daemon_id)
        if make:
            state._make()
        elif not state.directory.exists():
            return state
        state._ours()
        if make and state.read(DAEMON) is None:
            with state.locked():
                if state.read(DAEMON) is None:
                    state.write(DAEMON, {"id": daemon_id})
        known = state.read(DAEMON)
        if known is not None and known.get("id") != daemon_id:
            raise Refusal(
                f"{directory} belongs to the Docker daemon {str(known.get('id'))[:12]}, and here runs {daemon_id[:12]}; name another state "
                f"directory, or, where the platform moved here together with its state, remove {state.directory / DAEMON}."
            )
        return state

    def read(self, name: str) -> dict | None:
        """The content of a file, None where there is none. Refusal where neither it nor its last good copy can be read."""
        path = self._path(name)
        try:
            return _load(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as damage:
            try:
                content = _load(_good(path))
            except (OSError, ValueError):
                raise Refusal(
                    f"{path} is damaged ({damage}) and so is its copy {_good(path).name}; put back a backup, or move both away, which forgets "
                    "what they say."
                ) from damage
            self._remember(f"{path} is damaged ({damage}); its copy of before the last change was used.")
            return content

    def write(self, name: str, content: dict) -> None:
        """Replace a file, atomically and durably. Refusal: it cannot be written, and is as it was."""
        path = self._path(name)
        data = (json.dumps(content, indent=1) + "\n").encode()
        with self.locked(), _changing(path):
            self._folder(path)
            _durable.replace(path, data, keep=_good(path) if _sound(path) else None)

    def remove(self, name: str) -> None:
        """Take a file away, and its copy; none is none."""
        path = self._path(name)
        with self.locked(), _changing(path):
            _good(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _durable.sync(path.parent)

    def append(self, name: str, entry: dict) -> None:
        """Add a line to a file, durably. Refusal: it cannot be written, and is as it was."""
        path = self._path(name)
        data = (json.dumps(entry) + "\n").encode()
        with self.locked(), _changing(path):
            self._folder(path)
            _durable.append(path, data)

    def lines(self, name: str) -> list[dict]:
        """What was appended, in order; a line that was torn, or is damaged, is left out and remembered."""
        path = self._path(name)
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found += [_parse(line)] if line else []
            except ValueError:
                self._remember(f"{path}: line {number} was not written to its end and is left out.")
        return found

    def names(self, folder: str) -> list[str]:
        """The names of the JSON files in a folder, sorted."""
        return sorted(f"{folder}/{path.name}" for path in (self.directory / folder).glob("[!.]*.json"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads, changes and writes meanwhile; for milliseconds. May be nested. Refusal after GUARD_SECONDS."""
        guard = self.directory / "guard"
        with self._threads:
            if self._held:
                yield
                return
            with _changing(guard):
                descriptor = os.open(guard, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                _flock(descriptor, guard)
                self._held = True
                yield
            finally:
                self._held = False
                os.close(descriptor)

    def room(self, size: int) -> None:
        """Refusal where the file system has less than `size` bytes, or no file more: told before anything is changed."""
        disk = os.statvfs(next(path for path in (self.directory, *self.directory.parents) if path.exists()))
        free = disk.f_bfree * disk.f_frsize  # root's: it may use what is reserved
        if free < size:
            raise Refusal(
                f"{free // 1024} KiB are free where {self.directory} is, and a run needs {-(-size // 1024)} KiB to keep its record; free some space."
            )
        if disk.f_files and not disk.f_ffree:
            raise Refusal(f"the file system of {self.directory} takes no further file; remove some.")

    def _make(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.directory.stat().st_uid == os.geteuid() and self.directory.stat().st_mode & 0o077:
                self.directory.chmod(0o700)
        except OSError as error:
            raise Refusal(
                f"the state directory {self.directory} cannot be made for root alone ({error.strerror}); correct that, or name another."
            ) from error

    def _ours(self) -> None:
        owner = self.directory.stat().st_uid
        if owner != os.geteuid():
            raise Refusal(
                f"{self.directory} belongs to uid {owner}, and this is uid {os.geteuid()}; name another state directory, or give it over with "
                f"chown -R {os.geteuid()} {self.directory}."
            )
        if not os.access(self.directory, os.W_OK | os.X_OK):  # false for root as well, where the file system is read-only
            raise Refusal(
                f"nothing can be written to {self.directory}; make its file system writable, or name another state directory."
            )

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Refusal(
                f"'{name}' is no name of a file of the state; use letters, digits, '-', '_' and '.', and at most one folder."
            )
        return self.directory / name

    def _folder(self, path: Path) -> None:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700)
            _durable.sync(self.directory)

    def _remember(self, sentence: str) -> None:
        if sentence not in self.recovered:
            self.recovered.append(sentence)


def _good(path: Path) -> Path:
    return path.with_name(f"{path.name}.good")


def _load(path: Path) -> dict:
    return _parse(path.read_bytes())


def _parse(data: bytes) -> dict:
    content = json.loads(data.decode())
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return content


def _sound(path: Path) -> bool:
    """A damaged file does not take the place of its good copy."""
    try:
        _load(path)
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal(
            f"{path} cannot be written ({error.strerror}) and is as it was; free some space or make its file system writable, then run this again."
        ) from error


def _flock(descriptor: int, guard: Path) -> None:
    deadline = time.monotonic() + GUARD_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Refusal(
                    f"another process has held {guard} for {GUARD_SECONDS:g} s, and milliseconds are usual; `fuser {guard}` names it, end it."
                ) from None
            time.sleep(0.01)
