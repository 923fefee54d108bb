# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that outlive whoever writes them: killed at any moment, or on a full disk, what was there is still whole.

Two writers of one file must be kept apart by the caller: the temporary file has one name, so that none is left behind.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace(path: Path, data: bytes, keep: Path | None = None) -> None:
    """Put `data` (mode 0600) in place of `path` in one step; `keep`: the name under which the present file stays.

    OSError: `path` is as it was. Only a directory that cannot be synced says so after the change.
    """
    candidate = path.with_name(f".{path.name}.candidate")
    try:
        descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            _write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if keep:
            keep.unlink(missing_ok=True)
            os.link(path, keep)
        os.replace(candidate, path)
    except OSError:
        with suppress(OSError):
            candidate.unlink(missing_ok=True)
        raise
    sync(path.parent)


def append(path: Path, line: bytes) -> None:
    """Add one line (with its newline; a new file has mode 0600). A line that was torn before is ended first.

    OSError: `path` is as it was.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        try:
            _write(descriptor, b"\n" + line if torn else line)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if size == 0:
        sync(path.parent)


def sync(directory: Path) -> None:
    """Names that were changed in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    while data:  # a disk that gets full takes a part first
        data = data[os.write(descriptor, data) :]
