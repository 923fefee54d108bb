# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform's containers, found by their Compose labels: numbers have gaps and names are other people's."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

try:
    import docker
    from docker.errors import DockerException

    DOCKER_IMPORT_ERROR = None
except ImportError as error:  # the module runs on a host without the pinned venv
    docker = None
    DockerException = Exception
    DOCKER_IMPORT_ERROR = error

_FILES = "com.docker.compose.project.config_files"
_HEALTH = re.compile(r"\((?:health: )?(healthy|unhealthy|starting)\)")


@dataclass(frozen=True)
class Container:
    """One container of a Compose service, as the engine lists it."""

    id: str
    name: str
    number: int  # Compose's container number, from 1, with gaps
    state: str  # running, exited, created, ...
    health: str  # healthy, unhealthy, starting, none
    addresses: dict  # network name -> IPv4 address; empty while it does not run
    image: str
    files: tuple = ()  # names of the Compose files that it was made from

    @property
    def runs(self) -> bool:
        return self.state in ("running", "restarting", "paused")

    @property
    def address(self) -> str:
        """The address on the alphabetically first network, '' while there is none."""
        return self.address_on("")

    def address_on(self, network: str) -> str:
        """The address on a network, where one is named; Refusal where the container is not in it."""
        if network and self.addresses and network not in self.addresses:
            raise Refusal(
                f"smartsports_network is '{network}', but {self.name} is in {', '.join(sorted(self.addresses))}; name one of these, or leave it "
                "empty."
            )
        return self.addresses.get(network or min(self.addresses, default=""), "")


def connect(timeout: float = 10):
    """A client of the local engine. Raises Refusal where the SDK is missing or no engine answers."""
    if DOCKER_IMPORT_ERROR is not None:
        raise Refusal(
            f"the Python package 'docker' cannot be imported ({DOCKER_IMPORT_ERROR}); prepare this host with "
            "playbooks/prepare_host.yml, or set ansible_python_interpreter to a Python that has it."
        )
    try:
        return docker.from_env(timeout=timeout)
    except (DockerException, OSError) as error:
        raise Refusal(
            f"no Docker engine answers on this host ({error}); start it, or check DOCKER_HOST and your rights."
        ) from error


def containers(client, project: str, service: str, all_states: bool = False) -> list[Container]:
    """The containers of one service, by container number; only running ones unless `all_states`."""
    labels = [f"com.docker.compose.project={project}", f"com.docker.compose.service={service}", "com.docker.compose.oneoff=False"]
    try:
        found = client.api.containers(all=all_states, filters={"label": labels})
    except (DockerException, OSError) as error:
        raise Refusal(f"the Docker engine did not list the containers of {project}/{service} ({error}).") from error
    return sorted((_container(entry) for entry in found), key=lambda container: container.number)


def execute(client, container: Container, command: list[str], environment: dict | None = None) -> tuple[int, str, str]:
    """Return code, output and complaints of a command in a container. Secrets go through `environment`, never the command."""
    options = {"environment": environment} if environment else {}
    try:
        job = client.api.exec_create(container.id, command, **options)["Id"]
        output, complaint = client.api.exec_start(job, demux=True)
        code = client.api.exec_inspect(job)["ExitCode"]
    except (DockerException, OSError) as error:  # its time-outs are the HTTP library's
        raise Refusal(f"{command[0]} cannot be run in {container.name} ({error}); see docker logs {container.name}.") from error
    return code, (output or b"").decode(errors="replace"), (complaint or b"").decode(errors="replace")


def ask(client, container: Container, command: list[str], environment: dict | None = None) -> tuple[int, str, str]:
    """`execute`, for a question that always has an answer: the engine now and then loses what a short command printed."""
    for _attempt in range(3):
        answer = execute(client, container, command, environment)
        if answer[1].strip() or answer[2].strip():
            break
    return answer


def _container(entry: dict) -> Container:
    health = _HEALTH.search(entry["Status"])
    networks = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    return Container(
        id=entry["Id"],
        name=entry["Names"][0].lstrip("/"),
        number=int(entry["Labels"].get("com.docker.compose.container-number", 1)),
        state=entry["State"],
        health=health.group(1) if health else "none",
        addresses={name: network["IPAddress"] for name, network in networks.items() if network.get("IPAddress")},
        image=entry["Image"],
        files=tuple(os.path.basename(name) for name in entry["Labels"].get(_FILES, "").split(",") if name),
    )
