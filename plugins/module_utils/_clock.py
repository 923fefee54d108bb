# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two clocks: the kernel's, by which leases are measured and which nobody can set, and the wall's, which is only shown."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path


def boottime() -> float:
    """Seconds since this kernel started, those of a suspended machine included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Another one than before: every process of before is gone, and boottime() began again."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def now() -> datetime:
    """The wall's time, in UTC and whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def text(moment: datetime | None = None) -> str:
    """A time in UTC as files and people see it: 2026-11-25T20:31:07Z; now where none is given."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")
