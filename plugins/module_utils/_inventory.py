# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""An inventory held against its platform: what a check is given, what it finds, and how all of them are run and shown.

A check is a function of `Seen` that returns findings; what it raises to refuse is a finding, too. It stands in a table CHECKS by the name
that people see.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException, containers
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather

SERVICES = {  # variable -> what its image is called
    "smartsports_app_service": "app",
    "smartsports_nginx_service": "nginx",
    "smartsports_pgbouncer_service": "pgbouncer",
    "smartsports_postgres_service": "postgres",
    "smartsports_redis_service": "redis",
}
_LONG = 200  # characters: a library's reasons go on
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"


class Skip(Exception):
    """What this check needs is missing, and that has a line of its own."""


@dataclass(frozen=True)
class Finding:
    what: str
    says: Any  # the inventory
    has: str  # the platform
    fix: str
    warning: bool = False  # no playbook would fail for it


@dataclass
class Seen:
    """The inventory, and what the platform told once for all checks."""

    variables: dict
    token: str = ""
    pgbouncer_password: str = ""
    redis_password: str = ""
    schema: dict = field(default_factory=dict)
    profiles: dict = field(default_factory=dict)
    playbooks: str = "ansible-playbook playbooks"
    problems: list = field(default_factory=list)  # sentences that the variables alone have earned
    engine: Any = None  # a client, or the Refusal that there is none
    listed: list = field(default_factory=list)
    compose: Any = None  # what `docker compose config` told as data, or the Refusal

    def __getitem__(self, name: str) -> Any:
        """A variable of the inventory. Skips a check whose variable has no usable value: its type has a line of its own."""
        if self.variables.get(name) is None:
            raise Skip(name)
        return self.variables[name]

    @property
    def directory(self) -> Path:
        path = Path(self["smartsports_project_dir"])
        if not path.is_dir():
            raise Skip(f"{path} is no directory")
        return path

    @property
    def client(self):
        if isinstance(self.engine, Exception) or self.engine is None:
            raise Skip("no engine")
        return self.engine

    @property
    def config(self) -> dict:
        """The configuration as Compose understands it."""
        if not isinstance(self.compose, dict):
            raise Skip("no configuration")
        return self.compose

    @property
    def containers(self) -> list[dict]:
        """Every Compose container of the host, as the engine lists it. Skips a check where no engine answers."""
        return self.listed if self.client else []

    @property
    def of_project(self) -> list[dict]:
        found = [entry for entry in self.containers if entry["Labels"].get(PROJECT) == self["smartsports_project"]]
        if not found:
            raise Skip("no container of the project")
        return found

    def address(self, replica: Container) -> str:
        return replica.address_on(self["smartsports_network"])

    def running(self, variable: str) -> list[Container]:
        """The running containers of the service that a variable names. Skips a check where there is none."""
        found = containers(self.client, self["smartsports_project"], self[variable]) if self.of_project else []
        if not found:
            raise Skip(f"{variable} does not run")
        return found


Check = Callable[[Seen], Iterable[Finding]]


def findings(seen: Seen, checks: dict[str, Check], seconds: float) -> tuple[list[Finding], list[str]]:
    """What the checks found, in their order, and the names of those that could not be made. All run side by side."""
    answers = gather({name: lambda name=name: _made(name, checks[name], seen) for name in checks}, seconds)
    found, skipped = [], []
    for name, answer in answers.items():
        if isinstance(answer, Skip):
            skipped.append(name)
        elif isinstance(answer, TimeoutError):  # a busy platform is no wrong inventory
            found.append(Finding(name, "", f"not known: {answer}", "run this again at a calm moment", warning=True))
        elif isinstance(answer, (OSError, Failed, DockerException)):
            found.append(Finding(name, "", _clause(answer), "see why it does not answer, and run this again"))
        elif isinstance(answer, Exception):
            raise answer
        else:
            found += answer
    return found, skipped


def _made(name: str, check: Check, seen: Seen) -> list[Finding]:
    """What a check finds, also before it comes upon something that it cannot go on without."""
    found: list[Finding] = []
    try:
        for each in check(seen):
            found.append(each)
    except Skip:
        if not found:
            raise
    except Refusal as refusal:
        found.append(of_refusal(name, refusal))
    return found


def of_refusal(name: str, refusal: Refusal, says: Any = "", warning: bool = False) -> Finding:
    """A Refusal is value and rule, then the fix behind a semicolon."""
    value, _mark, fix = str(refusal).rstrip(".").partition("; ")
    return Finding(name, says, value if len(value) <= _LONG else f"{value[:_LONG]} ...", fix, warning)


def report(found: list[Finding], skipped: list[str], count: int) -> dict:
    """One table of the mismatches; the warnings below it, each a line."""
    wrong, warnings = [each for each in found if not each.warning], [each for each in found if each.warning]
    title = (
        f"INVENTORY: {_counted(len(wrong), 'mismatch', 'es')}, {_counted(len(warnings), 'warning')} in {_counted(count, 'check')}"
    )
    lines: list = []
    for each in warnings:
        says = f"the inventory says {each.says}, " if str(each.says) else ""
        lines.append([f"warning: {each.what}: {says}{each.has}; {each.fix}", "warn"])
    if skipped:
        lines.append([f"not checked, for what is missing above: {', '.join(skipped)}", "dim"])
    if not wrong:
        lines.append(["the playbooks will find the platform that this inventory describes", "good"])
    return {
        "title": title,
        "status": "bad" if wrong else "warn" if warnings else "good",
        "columns": ["what", "inventory says", "platform has", "fix"],
        "rows": [[[each.what, "bad"], str(each.says), each.has, each.fix] for each in wrong],
        "lines": lines,
    }


def closest(name: str, names: Iterable[str]) -> str:
    """The most similar of the names, '' where none is similar."""
    return next(iter(difflib.get_close_matches(name, list(names), 1, 0.5)), "")


def _clause(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:_LONG] or type(error).__name__


def _counted(number: int, noun: str, ending: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else ending}"
