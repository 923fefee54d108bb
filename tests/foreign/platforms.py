"""Platforms that are unlike the lab: each is started from its own compose files, with secrets made for this run, and removed afterwards."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import docker
import requests

from lab import scenario
from lab.scenario import Lab

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Foreign(Lab):
    """One of them, and what a test has to know of it: the product itself knows nothing but its inventory."""

    project: str = ""
    app: str = ""  # service
    port: int = 0
    replicas: int = 0  # as its compose files have it
    upstreams: tuple = ()  # files that hold them
    target: str = ""
    start: tuple = ()  # options of docker compose
    crowd: tuple = ()  # kind, arrivals a second
    site: dict = field(default_factory=dict)  # how the crowd asks for it
    secrets: list = field(default_factory=list)

    @property
    def entry(self) -> str:
        return self.target

    def play(self, playbook: str, *arguments: str) -> scenario.Played:
        """A playbook with this platform's inventory and nothing else; no secret is in what it says."""
        played = scenario.play(self, playbook, "-i", str(HERE / self.name / "inventory.yml"), "--diff", "-vvv", *arguments)
        assert played.rc == 0, played.output
        said = played.output + json.dumps(played.results)
        assert [secret for secret in self.secrets if secret in said] == []
        return played

    @property
    def name(self) -> str:
        return self.prefix.removeprefix("foreign-")

    def containers(self, service: str) -> list:
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        found = docker.from_env().containers.list(filters={"label": labels})
        return sorted(found, key=lambda container: int(container.labels["com.docker.compose.container-number"]))

    def state(self) -> dict:
        """What scaling changes: the containers, and the text of the upstreams."""
        return {
            "containers": [container.id for container in self.containers(self.app)],
            "upstreams": {name: (self.directory / name).read_text() for name in self.upstreams},
        }

    def served(self) -> dict[str, float]:
        """What each replica has answered to visitors, by its own count."""
        return {container.name: _visits(self._metrics(container)) for container in self.containers(self.app)}

    def _metrics(self, container) -> str:
        address = scenario.address(container)
        return requests.get(f"http://{address}:{self.port}/internal/metrics", timeout=10).text

    def compose(self, *arguments: str, check: bool = True) -> None:
        """docker compose as the platform's owners type it."""
        command = ["docker", "compose", *self.start, *arguments]
        done = subprocess.run(command, cwd=self.directory, env=_clean(), capture_output=True, text=True, check=False, timeout=150)
        assert not check or done.returncode == 0, done.stderr


PLATFORMS = {
    "two_upstreams": {
        "project": "ticketshop",
        "app": "web",
        "port": 5000,
        "replicas": 2,
        "upstreams": ("proxy/sites/10-browsing.conf", "proxy/selling.upstream"),
        "target": "http://127.0.0.1:23101",
        "start": ("-f", "docker-compose.yml", "-f", "docker-compose.production.yml"),
        "crowd": ("buyers", 20),  # they send what is no GET: the second upstream
    },
    "locked_redis": {
        "project": "boxoffice",
        "app": "api",
        "port": 8000,
        "replicas": 3,
        "upstreams": ("edge/boxoffice.conf",),
        "target": "http://127.0.0.1:23102",
        "start": ("--profile", "core"),
        "crowd": ("steady", 20),  # without its cache every answer is built
        "site": {"path": "/api/v1/venues"},
    },
    "tls_frontend": {
        "project": "estadio_prod",
        "app": "aplicacion",
        "port": 3000,
        "replicas": 1,
        "upstreams": ("puerta/estadio.conf",),
        "target": "https://127.0.0.1:23103",
        "crowd": ("steady", 20),  # at first there is one replica
        "site": {"path": "/api/v1/events", "host": "entradas.estadio.example", "ca": "ca.pem"},
    },
}


def deploy(here: Foreign) -> None:
    """The fixture's files; *.template with secrets in place of ${NAME}, readable by nobody else."""
    if here.directory.exists():  # of a run that was killed
        here.compose("down", "--volumes", "--remove-orphans", check=False)
        shutil.rmtree(here.directory)
    shutil.copytree(HERE / here.name, here.directory, ignore=shutil.ignore_patterns("inventory.yml"))
    made: dict = defaultdict(lambda: secrets.token_hex(20))
    for template in here.directory.rglob("*.template"):
        text = template.read_text()
        path = template.with_suffix("")
        path.touch(0o600)
        path.write_text(Template(text).substitute(made))
        template.unlink()
    here.secrets.extend(made.values())
    for path in (here.directory, *here.directory.rglob("*")):
        if path.stat().st_mode & 0o077:  # the containers' users read what is no secret
            path.chmod(0o755 if path.is_dir() else 0o644)
    if "ca" in here.site:
        certify(here.directory, here.site["host"])


def certify(directory: Path, name: str) -> None:
    """A CA, and a certificate of it for a site and its sister."""
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    authority = [*new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=estadio"]
    site = [
        *new,
        "-keyout",
        "puerta/site.key",
        "-out",
        "puerta/site.pem",
        "-subj",
        f"/CN={name}",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
    ]
    names = f"subjectAltName=DNS:{name},DNS:prensa.{name.partition('.')[2]}"
    for command in (authority, [*site, "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"]):
        subprocess.run(command, cwd=directory, check=True, capture_output=True)


def _visits(text: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith("smartsports_http_requests_total{") and 'route="/api/' in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
