# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host with a state directory, and runs on it whose every setting is played."""

from __future__ import annotations

import copy
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _process,
    _record,
    _runs,
    _step,
    platform_snapshot,
    run_begin,
    run_end,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import silent
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import TOKEN


class Host:
    def __init__(self, directory: Path, monkeypatch) -> None:
        self.directory = directory
        self.settings: dict = {"cache-config": {"event_list_ttl": 60}, "app": {"replicas": 2}}
        self.unreadable: dict = {}
        self.said: list[str] = []
        monkeypatch.setattr(platform_snapshot, "run", lambda params, check_mode, say: self.look())
        monkeypatch.setattr(_runs, "open_state", lambda path, make=True: State.open(path, "daemon-1", make))

    def look(self) -> dict:
        return {"changed": False, "settings": copy.deepcopy(self.settings), "unreadable": dict(self.unreadable)}

    @property
    def state(self) -> State:
        return State.open(self.directory, "daemon-1")

    def records(self) -> list[dict]:
        return _record.records(self.state)

    def events(self, *fields: str) -> list[tuple]:
        """Fields of the only record's events."""
        [path] = (self.directory / "journal").glob("*.jsonl")
        return [tuple(event[field] for field in fields) for event in _journal.events(self.state, path.stem)]

    def begin(self, run: str = "a", check_mode: bool = False, **options) -> dict:
        asked = {"identity": identity(run), "severity": "P1", "why": "the site is slow", "wait": 0, **options}
        return run_begin.run(self.params(run_begin, state_directory=str(self.directory), **asked), check_mode, self.said.append)

    def end(self, begun: dict, failure: str = "") -> dict:
        return run_end.run(self.params(run_end, begun=begun, failure=failure), False, silent)

    def params(self, module, **asked) -> dict:
        """A module's options with their defaults."""
        checked = ArgumentSpecValidator(module.SPEC["argument_spec"]).validate({"project": "p", "token": TOKEN, **asked})
        assert not checked.error_messages
        return checked.validated_parameters

    def set(self, begun: dict, resource: str, **settings) -> dict:
        """A step of a run."""

        def work() -> dict:
            before = {name: self.settings[resource][name] for name in settings}
            self.settings[resource].update(settings)
            return {"changed": before != settings, "diff": {"before": before, "after": settings}}

        return _step.guarded(begun["claim"], resource.replace("-", "_"), "api", work)


def identity(run: str, who: str = "alice", **more) -> dict:
    return {"run": run, "playbook": "respond.yml", "who": who, "source": "person", "controller": _process.identity(), **more}
