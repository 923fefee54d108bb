# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A configuration file that the host mounts into a container: where it is, and how it is replaced so that the container sees it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal


@dataclass(frozen=True)
class HostFile:
    """A configuration file of the container as the host has it."""

    inside: str
    path: Path
    alone: bool  # mounted as a single file: a new inode would never be seen in the container

    def read(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def changed_at(self) -> float:
        status = self.path.stat()
        return max(status.st_mtime, status.st_ctime)

    def replace(self, text: str) -> None:
        """Put `text` in, so that a run killed at any moment leaves the old or the new text, never a part."""
        if self.alone:
            self._overwrite(text.encode())
        else:
            os.replace(self.candidate(text), self.path)

    def candidate(self, text: str) -> Path:
        """`text` in a file beside it, with its mode and owner; the leading dot keeps it out of `include *.conf`."""
        path = self.path.with_name(f".{self.path.name}.candidate")
        status = self.path.stat()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), status.st_mode & 0o777)
            os.fchown(stream.fileno(), status.st_uid, status.st_gid)
            stream.flush()
            os.fsync(stream.fileno())
        return path

    def _overwrite(self, data: bytes) -> None:
        # One write of at least the old length, then the cut of what are only newlines: no moment shows half of a file.
        with open(self.path, "r+b", buffering=0) as stream:
            stream.write(data.ljust(os.fstat(stream.fileno()).st_size, b"\n"))
            stream.truncate(len(data))
            os.fsync(stream.fileno())


def host_file(details: dict, inside: str) -> HostFile:
    """Where the host keeps a file of the container that the engine describes with `details`."""
    mounts = {mount["Destination"].rstrip("/"): mount["Source"] for mount in details["Mounts"] if mount.get("Source")}
    where = next((path for path in (inside, *map(str, PurePosixPath(inside).parents)) if path in mounts), None)
    if where is None:
        raise Refusal(
            f"{inside} in {details['Name'].lstrip('/')} comes from its image, so a change would be lost with the container; mount it from the "
            f"host (volumes: ./config/{PurePosixPath(inside).parent.name}:{PurePosixPath(inside).parent}:ro)."
        )
    path = Path(mounts[where]) / PurePosixPath(inside).relative_to(where)
    if path.is_symlink():
        return host_file(details, os.path.normpath(PurePosixPath(inside).parent / os.readlink(path)))
    return HostFile(inside, path, alone=where == inside)
