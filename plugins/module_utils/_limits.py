# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""CPUs and memory of a container, as people write them, as Docker counts them, and what the host can hold."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

NANO = 10**9
_NUMBER = re.compile(r"\d+(?:\.\d{1,9})?|\.\d{1,9}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE)


def nano_cpus(value: Any) -> int | None:
    """CPUs as Docker counts them, in billionths; None where nothing was asked."""
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise Refusal(f"cpus={value} is not a number; say how many CPUs each replica may use, for example -e cpus=4.0.")
    return round(float(text) * NANO)


def size(value: Any) -> int | None:
    """Bytes of 8G, 512M, 1.5g or a bare number, read as Docker does (powers of 1024); None where nothing was asked."""
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    match = None if isinstance(value, bool) else _SIZE.fullmatch(text)
    if not match:
        raise Refusal(f"memory={value} is not a size; say how much memory each replica may use, for example -e memory=8G.")
    return int(float(match.group(1)) * 1024 ** " kmgt".index(match.group(2).lower() or " "))


def cpus_text(nano: int) -> str:
    return f"{nano / NANO:.9f}".rstrip("0").rstrip(".")


def size_text(count: int) -> str:
    """The shortest text that Docker reads as exactly this many bytes."""
    power = next(power for power in (3, 2, 1, 0) if count % 1024**power == 0)
    return f"{count // 1024**power}{['', 'K', 'M', 'G'][power]}"


def of(config: dict) -> dict[str, str | None]:
    """The limits in a container's HostConfig, as people write them; None for one without a limit."""
    quota = max(0, config.get("CpuQuota") or 0)
    cpus = config.get("NanoCpus") or quota * NANO // (config.get("CpuPeriod") or 100_000)
    memory = config.get("Memory") or 0
    return {"cpus": cpus_text(cpus) if cpus else None, "memory": size_text(memory) if memory else None}


def rounded(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def refuse_beyond_host(replicas: int, memory: int, host_memory: int, fix: str) -> None:
    """All replicas at their memory limit must fit into the host."""
    if replicas * memory > host_memory:
        raise Refusal(
            f"replicas={replicas} x {rounded(memory)} each (their memory limit) is {rounded(replicas * memory)}, "
            f"more than the {rounded(host_memory)} of this host; {fix}."
        )
