# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests of all scenarios look at: the scenario's lab, seen from outside and without the collection's own code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

_LABS = Path(__file__).parent.parent / ".lab"

# Molecule forces colours on what it starts; the tests read plain text.
os.environ.update(ANSIBLE_FORCE_COLOR="0", ANSIBLE_NOCOLOR="1")


class Platform:
    """The lab deployment of this scenario."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.directory = _LABS / prefix
        lines = (self.directory / ".env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        self.entry_url = f"http://127.0.0.1:{self.env['LAB_NGINX_PORT']}"
        self._engine = docker.from_env()

    def containers(self, service: str) -> list[Any]:
        """The running containers of a Compose service, oldest number first."""
        labels = [f"com.docker.compose.project={self.prefix}", f"com.docker.compose.service={service}"]
        found = self._engine.containers.list(filters={"label": labels})
        return sorted(found, key=lambda container: int(container.labels["com.docker.compose.container-number"]))

    def addresses(self, service: str) -> list[str]:
        """The IP addresses of a service's running containers."""
        found = [container.attrs["NetworkSettings"]["Networks"] for container in self.containers(service)]
        return [next(iter(networks.values()))["IPAddress"] for networks in found]

    def admin(self, resource: str) -> list[dict]:
        """What every app instance reports for a resource of the admin API."""
        headers = {"Authorization": f"Bearer {self.env['ADMIN_TOKEN']}"}
        urls = [f"http://{address}:3000/admin/{resource}" for address in self.addresses("app")]
        answers = [requests.get(url, headers=headers, timeout=5) for url in urls]
        for answer in answers:
            answer.raise_for_status()
        return [answer.json() for answer in answers]


@pytest.fixture(scope="session")
def platform() -> Platform:
    return Platform(os.environ["LAB_PREFIX"])
