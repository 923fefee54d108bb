# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules plan and plan_info: what people see of a plan, and what is kept of it."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _runs, plan_info
from ansible_collections.smartsports.scaling.plugins.module_utils import plan as plan_module
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State

CACHE = {
    "tier": "api",
    "object": "cache-config",
    "path": "event_list_ttl",
    "field": "cache.event_list_ttl",
    "source": "profile elevated",
}
CACHE |= {"from": 60, "to": 300}
REPLICAS = {"tier": "app", "object": "app", "path": "replicas", "field": "app.replicas", "source": "-e", "from": 2, "to": 10}
PLANNED = {
    "hash": "3f9a12cd4567".ljust(64, "0"),
    "severity": "P0",
    "profile": "overload",
    "values": {"app.replicas": 10},
    "tiers": [],
    "strengthen": True,
    "compared": [CACHE, REPLICAS],
    "changes": [CACHE, REPLICAS],
    "kept": [],
    "inputs": {"app": {"replicas": 10}},
}
COMMANDS = {"respond": "ansible-playbook playbooks/respond.yml", "undo": "ansible-playbook playbooks/undo.yml"}


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A state directory, of an engine that is known."""
    monkeypatch.setattr(_runs, "open_state", lambda path, make=True: State.open(path, "daemon-1", make))
    return tmp_path / "state"


def shown(directory, check_mode=False, planned=None, **options):
    params = {
        "state_directory": str(directory),
        "plan": {**PLANNED, **(planned or {})},
        "identity": {"who": "alice@desk"},
        "bottleneck": "none",
        "beyond": {"database": "the database is the bottleneck"},
        "commands": COMMANDS,
        **options,
    }
    return plan_module.run(params, check_mode, silent)


def lines(result):
    return [line if isinstance(line, str) else line[0] for line in result["report"]["lines"]]


def rows(result):
    return [[cell[0] if isinstance(cell, list) else cell for cell in row] for row in result["report"]["rows"]]


def test_a_plan_names_what_changes_from_what_to_what_and_why(directory):
    assert rows(shown(directory)) == [
        ["cache.event_list_ttl", "api", "60", "300", "profile elevated"],
        ["app.replicas", "app", "2", "10", "-e"],
    ]


def test_a_plan_says_restarts_time_the_way_back_and_how_it_is_carried_out(directory):
    restarts, time, undo, *onward = lines(shown(directory))
    assert restarts.startswith("restarts: none; ")
    assert (
        time
        == "takes about 11 s (looking 2 s, settings 1 s, replicas 2 -> 10 8 s): measured on 2 cores, and longer on a host that is drowning"
    )
    assert undo == "would be undone by: ansible-playbook playbooks/undo.yml -e set=cache.event_list_ttl=60,app.replicas=2"
    assert onward == [
        "exactly this, and refused once something differs:",
        "  ansible-playbook playbooks/respond.yml -e plan=3f9a12cd4567",
    ]


def test_what_the_bottleneck_needs_and_no_profile_does_is_told(directory):
    assert "left out: the database is the bottleneck" in lines(shown(directory, bottleneck="database"))


def test_a_tier_without_a_change_is_named(directory):
    assert lines(shown(directory, planned={"changes": [CACHE]}))[0] == "nothing to change in app"


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ([], 0),
        ([CACHE], 3),
        ([REPLICAS], 10),
        ([{**REPLICAS, "from": 10, "to": 2}], 6),
        ([{**REPLICAS, "from": 10}], 6),  # an interrupted run is finished
        ([{**REPLICAS, "from": None}], 11),
    ],
)
def test_the_estimate_follows_what_changes(directory, changes, seconds):
    result = shown(directory, planned={"changes": changes})
    assert result["seconds"] == seconds
    assert any("takes about" in line for line in lines(result)) == bool(changes)


def test_a_plan_is_kept_with_who_and_when_and_found_again(directory):
    result = shown(directory)
    assert (result["id"], result["kept"], result["changed"]) == ("3f9a12cd4567", True, False)
    found = plan_info.run({"state_directory": str(directory), "hash": "3f9a12"}, False, silent)
    assert set(found["plan"]) == {"hash", "at", "who", "severity", "profile", "values", "tiers", "strengthen", "compared"}
    assert (found["plan"]["who"], found["plan"]["compared"]) == ("alice@desk", [CACHE, REPLICAS])
    assert found["report"]["lines"] == [f"carrying out plan 3f9a12cd4567 of alice@desk, made at {found['plan']['at']}"]


def test_check_mode_keeps_nothing(directory):
    result = shown(directory, check_mode=True)
    assert not result["kept"]
    assert lines(result)[-1] == "plan 3f9a12cd4567 is not kept: check mode keeps nothing"
    assert not directory.exists()
    assert rows(result) == rows(shown(directory))


def test_a_plan_that_cannot_be_kept_is_shown_all_the_same(directory):
    State.open(directory, "another")
    result = shown(directory)
    assert not result["kept"]
    assert "is not kept: " in lines(result)[-1] and "belongs to the Docker daemon another" in lines(result)[-1]


def test_reading_makes_no_state(directory):
    with pytest.raises(Refusal, match="there is no plan 3f9a12 in"):
        plan_info.run({"state_directory": str(directory), "hash": "3f9a12"}, False, silent)
    assert not directory.exists()


def test_a_damaged_plan_is_read_from_its_copy_and_that_is_told(directory):
    shown(directory)
    shown(directory)  # the second leaves a copy of the first
    (directory / "plans/3f9a12cd4567.json").write_text("{")
    found = plan_info.run({"state_directory": str(directory), "hash": "3f9a12cd4567"}, False, silent)
    assert found["plan"]["profile"] == "overload"
    assert "is damaged" in found["report"]["lines"][1][0]
