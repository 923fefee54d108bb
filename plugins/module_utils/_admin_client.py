# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Middle layer of the admin API: the running instances, who of them answers, and patience with those that do not yet."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed, Http, NotOffered
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import connect, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather

RESOURCES = (
    "rate-limits",
    "queue-config",
    "payment-queue",
    "feature-flags",
    "cache-config",
    "database-config",
    "redis-config",
    "performance-mode",
)
PAUSES = (0.2, 0.5, 1.0)  # between attempts, seconds, where the API does not name its own
MOST_AT_ONCE = 32

T = TypeVar("T")


@dataclass(frozen=True)
class Instance:
    """One running container of the application."""

    name: str
    url: str


@dataclass(frozen=True)
class Reading:
    """What one instance runs with."""

    settings: dict
    version: int


@dataclass
class Readings:
    """One resource as the instances tell it, by their names."""

    told: dict = field(default_factory=dict)  # name -> Reading
    failed: dict = field(default_factory=dict)  # name -> Failed
    not_offered: dict = field(default_factory=dict)  # name -> NotOffered

    def add(self, name: str, answer: Reading | Failed | NotOffered) -> None:
        kind = {Reading: "told", Failed: "failed", NotOffered: "not_offered"}.get(type(answer))
        if kind is None:
            raise answer  # a mistake of ours
        getattr(self, kind)[name] = answer

    @property
    def answered(self) -> bool:
        """Whether anybody said what it is set to, or that it is not offered."""
        return bool(self.told or self.not_offered)

    @property
    def newest(self) -> Reading:
        """The settings with the highest version, of these what most run with: the others are about to follow."""
        told = list(self.told.values())
        return max(told, key=lambda reading: (reading.version, told.count(reading)))


class Client:
    """The admin API of one deployment."""

    def __init__(self, params: dict) -> None:
        self.project = params["project"]
        self.service = params["service"]
        self.network = params["network"]
        self.deadline = params["deadline"]
        self._end = time.monotonic() + self.deadline
        self._base = f"{params['scheme']}://%s:{params['port']}/admin/"
        self._http = Http(params)
        self._docker = connect()

    def instances(self) -> list[Instance]:
        """The instances that run now; Refusal where there is none."""
        running = containers(self._docker, self.project, self.service)
        if not running:
            raise Refusal(
                f"no container of the service '{self.service}' of the Compose project '{self.project}' runs; start it with "
                "`docker compose up -d`, or correct smartsports_project and smartsports_app_service."
            )
        return [Instance(container.name, self._base % container.address_on(self.network)) for container in running]

    def read(self, resources: Sequence[str]) -> dict[str, Readings]:
        """What every instance tells about each resource; tried again while nobody tells anything about one, then Failed."""
        return self._patiently(lambda: self.read_once(resources), _require_answers)

    def read_once(self, resources: Sequence[str]) -> dict[str, Readings]:
        """All instances asked for all resources, side by side: one that hangs delays nobody by more than the time-out."""
        instances = self.instances()
        jobs = [(resource, instance) for resource in resources for instance in instances]
        found = {resource: Readings() for resource in resources}
        with ThreadPoolExecutor(min(len(jobs), MOST_AT_ONCE)) as pool:
            answers = pool.map(lambda job: self._settings(*job), jobs)
            for (resource, instance), answer in zip(jobs, answers, strict=True):
                found[resource].add(instance.name, answer)
        return found

    def read_within(self, resources: Sequence[str], seconds: float) -> dict[str, Readings]:
        """As read_once, but one that has not answered after `seconds`, or was refused, has failed. Refusal where all were."""
        jobs = {
            (resource, instance): lambda resource=resource, instance=instance: self._settings(resource, instance)
            for instance in self.instances()
            for resource in resources
        }
        answers = gather(jobs, seconds)
        refused = [answer for answer in answers.values() if isinstance(answer, Refusal)]
        if len(refused) == len(answers):
            raise refused[0]
        found = {resource: Readings() for resource in resources}
        for (resource, instance), answer in answers.items():
            unknown = isinstance(answer, (Refusal, TimeoutError))
            found[resource].add(instance.name, Failed(str(answer)) if unknown else answer)
        return found

    def first(self, path: str) -> tuple[str, dict]:
        """The first instance that answers GET, and its answer."""
        return self._patiently(lambda: self._first(lambda instance: self._http.get(instance.url + path)))

    def write(self, resource: str, patch: dict, prefer: Collection[str], look: Callable[[], Reading | None]) -> Reading:
        """POST once to an instance that answers, those named in `prefer` first; the settings that are in effect now.

        Sending it again is safe: a merge patch sets values and adds to none, sent twice it leaves what sent once leaves. But
        a copy sent late could undo somebody's newer change, so where a POST may have arrived, `look` says first whether it did.
        """

        def send(instance: Instance) -> Reading:
            try:
                return _reading(instance, self._http.post(instance.url + resource, patch))
            except Failed as failed:
                found = look() if failed.sent else None
                if found is None:
                    raise
                return found

        return self._patiently(lambda: self._first(send, prefer))[1]

    def tell(self, resource: str, patch: dict, names: Collection[str]) -> None:
        """POST to each of these instances itself, side by side. Who does not take it goes on as before, and is seen to."""

        def send(instance: Instance) -> None:
            with contextlib.suppress(Failed, NotOffered):
                self._http.post(instance.url + resource, patch)

        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            list(pool.map(send, [instance for instance in self.instances() if instance.name in names]))

    def _first(self, ask: Callable[[Instance], T], prefer: Collection[str] = ()) -> tuple[str, T]:
        failures = {}
        for instance in sorted(self.instances(), key=lambda instance: instance.name not in prefer):
            try:
                return instance.name, ask(instance)
            except Failed as failed:
                failures[instance.name] = failed
                if failed.retry_after:  # asking its neighbour at once is not what it meant
                    break
        raise _nobody(failures)

    def _patiently(self, ask: Callable[[], T], require: Callable[[T], None] = lambda answer: None) -> T:
        for pause in (*PAUSES, None):
            try:
                answer = ask()
                require(answer)
                return answer
            except Failed as failed:
                wait = failed.retry_after or pause
                if not failed.again or pause is None:
                    raise
                if time.monotonic() + wait > self._end:
                    raise Failed(
                        f"{failed}, and the deadline leaves no time to wait {wait:g} s", failed.sent, again=False
                    ) from failed
            time.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _settings(self, resource: str, instance: Instance) -> Reading | Failed | NotOffered:
        try:
            return _reading(instance, self._http.get(instance.url + resource))
        except (Failed, NotOffered) as problem:
            return problem


def _reading(instance: Instance, content: dict) -> Reading:
    settings, version = content.get("settings"), content.get("version")
    if not isinstance(settings, dict) or not isinstance(version, int):
        raise Refusal(
            f"{instance.name} answered without 'settings' and 'version', which the admin API's contract demands; "
            "check smartsports_app_port, and that this release of the application offers the API."
        )
    return Reading(settings, version)


def _require_answers(found: dict[str, Readings]) -> None:
    for readings in found.values():
        if not readings.answered:
            raise _nobody(readings.failed)


def _nobody(failures: dict) -> Failed:
    """One failure that stands for those of all instances."""
    reasons = "; ".join(f"{name}: {failed}" for name, failed in list(failures.items())[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    return Failed(
        f"no instance answers ({reasons}{more})",
        sent=any(failed.sent for failed in failures.values()),
        again=any(failed.again for failed in failures.values()),
        retry_after=max(failed.retry_after for failed in failures.values()),
    )
