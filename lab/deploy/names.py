"""What a lab is called and where it listens: all of it follows from its prefix, so that several run side by side."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from .shell import ROOT, LabError

DEFAULT_PREFIX = "smartsports"
_SLOTS = 511  # 172.30.1.0/24 to 172.31.255.0/24


@dataclass(frozen=True)
class Lab:
    """One lab's names, ports and network."""

    prefix: str
    app_port: int
    nginx_port: int
    prometheus_port: int
    ssh_port: int
    network: str  # the first three numbers of its addresses

    @property
    def directory(self) -> Path:
        return ROOT / ".lab" / self.prefix

    @property
    def ports(self) -> dict[str, int]:
        """Published ports by service."""
        return {"app": self.app_port, "nginx": self.nginx_port, "prometheus": self.prometheus_port}

    @property
    def settings(self) -> dict[str, str]:
        """The lines of its .env that are no secrets."""
        return {
            "COMPOSE_PROJECT_NAME": self.prefix,
            "LAB_APP_PORT": str(self.app_port),
            "LAB_NGINX_PORT": str(self.nginx_port),
            "LAB_PROMETHEUS_PORT": str(self.prometheus_port),
            "LAB_SSH_PORT": str(self.ssh_port),
            "LAB_NETWORK": self.network,
            "LAB_SUBNET": f"{self.network}.0/24",
        }


def lab_of(prefix: str) -> Lab:
    """The lab of a prefix; production's numbers for production's name, numbers derived from the name for all others."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", prefix):
        raise LabError(
            f"'{prefix}' is no prefix for a lab; use up to 32 lower-case letters, digits, dashes and underscores, beginning with a letter."
        )
    if prefix == DEFAULT_PREFIX:
        return Lab(prefix, 3000, 8080, 9090, 2222, "172.30.0")
    slot = zlib.crc32(prefix.encode()) % _SLOTS + 1
    return Lab(prefix, 20000 + slot, 21000 + slot, 22000 + slot, 24000 + slot, f"172.{30 + slot // 256}.{slot % 256}")
