# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An nginx in a container: what it has loaded, a safe way to give it another file, and a reload that is seen to its end."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException, ask, execute
from ansible_collections.smartsports.scaling.plugins.module_utils._host_file import HostFile, host_file
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say, safe_point

_DUMPED = re.compile(r"(?m)^# configuration file (.+):\n")
# Shell builtins only: the workers' titles and start times, whatever else the image lacks.
_PROCESSES = 'for d in /proc/[0-9]*; do read -r s <$d/stat && { read -r t <$d/cmdline; echo "$s|$t"; }; done 2>/dev/null'
_MARK = "# processes:"
_CLOCK = 0.05  # a file and a process are dated by clocks that tick
_NEW_WORKERS = 10  # seconds in which a reload shows
_MINUTE = 60
_ATTEMPTS = 3  # an engine that is busy with somebody who was killed may lose what a command said


@dataclass(frozen=True)
class Worker:
    pid: int
    started: float  # seconds since the epoch
    leaving: bool  # it finishes its requests and takes no new ones


class Nginx:
    def __init__(self, client, container: Container) -> None:
        self._client = client
        self.container = container
        self._details = client.api.inspect_container(container.id)

    @property
    def name(self) -> str:
        return self.container.name

    def look(self) -> tuple[dict[str, str], list[Worker]]:
        """The files that nginx would load now, by their path in the container, and the workers that run; one call for both."""
        command = ["sh", "-c", f"nginx -T; code=$?; echo; echo '{_MARK}'; {_PROCESSES}; exit $code"]
        for _attempt in range(_ATTEMPTS):
            code, output, complaint = self._execute(command)
            if code != 0 or _MARK in output:
                break
        else:
            raise Refusal(
                f"the Docker engine did not give the whole configuration of {self.name} in {_ATTEMPTS} attempts; nothing was changed; "
                f"see that docker exec {self.name} nginx -T works."
            )
        if code != 0:
            raise Refusal(
                f"the nginx configuration in {self.name} is broken ({_reason(complaint)}), although nginx may still run with an older one; "
                "nothing was changed; repair the file and run this again."
            )
        dumped, _mark, listed = output.rpartition(f"\n{_MARK}\n")
        parts = _DUMPED.split(dumped)
        return dict(zip(parts[1::2], parts[2::2], strict=True)), _workers(listed)

    def host_file(self, inside: str) -> HostFile:
        return host_file(self._details, inside)

    def test(self, texts: list[tuple[HostFile, str]]) -> None:
        """Have nginx's own image judge the configuration with each text in its file's place, before anything is written."""
        name = f"{self.name}-configuration-test"
        candidates: list[Path] = []
        api = self._client.api
        try:
            for file, text in texts:
                candidates.append(file.candidate(text))
            with contextlib.suppress(DockerException):  # of a run that was killed
                api.remove_container(name, force=True)
            # The network of the running one, so that names resolve alike; an address in use does not matter to a test.
            host = api.create_host_config(
                # With the modes they have: a test opens the logs, which may be in a volume, for writing.
                volumes_from=[self.container.id],
                binds=[f"{candidate}:{file.inside}:ro" for candidate, (file, _text) in zip(candidates, texts, strict=True)],
                network_mode=f"container:{self.container.id}",
            )
            api.create_container(
                image=self._details["Image"], entrypoint=["nginx", "-t"], command=[], name=name, host_config=host
            )
            api.start(name)
            code = api.wait(name, timeout=_MINUTE)["StatusCode"]
            complaint = api.logs(name).decode(errors="replace")
        except (DockerException, OSError) as error:
            raise Refusal(f"the new nginx configuration could not be tested ({error}); nothing was written.") from error
        finally:
            for candidate in candidates:
                candidate.unlink(missing_ok=True)
            with contextlib.suppress(DockerException):
                api.remove_container(name, force=True)
        if code != 0:
            raise Refusal(
                f"nginx refuses the new servers ({_reason(complaint)}); nothing was written; repair its configuration and run this again."
            )

    def workers(self) -> list[Worker]:
        return _workers(ask(self._client, self.container, ["sh", "-c", _PROCESSES])[1])

    def is_behind(self, file: HostFile, workers: list[Worker]) -> bool:
        """Was the file changed after the workers started? Then they run with what was there before."""
        oldest = min((worker.started for worker in workers if not worker.leaving), default=0.0)
        return file.changed_at() > oldest + _CLOCK

    def reload(self) -> None:
        code, _output, complaint = self._execute(["nginx", "-s", "reload"])
        if code != 0:
            raise Refusal(f"nginx in {self.name} did not take the signal to reload ({_reason(complaint)}); it runs as before.")

    def wait_for_new_workers(self, old: set[int]) -> None:
        """Wait until workers run that were not there before. Raises Refusal: the master kept its old configuration."""
        end = time.monotonic() + _NEW_WORKERS
        while not any(worker.pid not in old and not worker.leaving for worker in self.workers()):
            if time.monotonic() > end:
                raise Refusal(
                    f"nginx in {self.name} started no new workers within {_NEW_WORKERS} s of its reload; the old ones serve on; "
                    f"see docker logs {self.name}."
                )
            safe_point()
            time.sleep(0.05)

    def wait_for_old_workers(self, old: set[int], deadline: float, say: Say) -> None:
        """Wait until the workers of before are gone, and with them every request that they were busy with."""
        began = time.monotonic()
        tell_at = 2.0
        while left := [worker.pid for worker in self.workers() if worker.leaving or worker.pid in old]:
            waited = time.monotonic() - began
            if waited > deadline:
                raise Refusal(
                    f"{len(left)} old nginx worker(s) in {self.name} still serve requests after {deadline} s, with the servers of before; nothing "
                    "was stopped; run this again when these requests have ended, or raise load_balancer_deadline."
                )
            if waited >= tell_at:
                tell_at = waited * 2
                say(f"waiting for {len(left)} old nginx worker(s) to end their requests: {waited:.0f} s of at most {deadline} s")
            safe_point()
            time.sleep(0.05)

    def _execute(self, command: list[str]) -> tuple[int, str, str]:
        return execute(self._client, self.container, command)


def _workers(listed: str) -> list[Worker]:
    """nginx's workers, of the status and title of every process."""
    ticks = os.sysconf("SC_CLK_TCK")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = []
    for line in listed.splitlines():
        status, _bar, title = line.partition("|")
        if title.startswith("nginx: worker process"):
            started = booted + int(status.rpartition(")")[2].split()[19]) / ticks
            found.append(Worker(int(status.split()[0]), started, leaving="shutting down" in title))
    return found


def _reason(complaint: str) -> str:
    """The line of nginx's output that says what is wrong."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return next((line for line in lines if "[emerg]" in line), lines[-1] if lines else "it said nothing").rstrip(".")
