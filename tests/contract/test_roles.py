# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A role is typed, refuses first, and depends on the platform alone."""

from __future__ import annotations

import pytest
from repository import ROOT, load

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
SHARED = "platform"


def specification(role: str) -> dict:
    return load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_the_specified_variables(role):
    path = ROOT / "roles" / role / "defaults/main.yml"
    defaults = (load(path) or {}) if path.exists() else {}
    specified = {name: option["default"] for name, option in specification(role).items() if "default" in option}
    # A default that is a template of a list has no literal that could be specified.
    templates = {name for name, value in defaults.items() if isinstance(value, str) and "{{" in value}
    assert {name: value for name, value in defaults.items() if name not in templates - set(specified)} == specified
    # What has no default has to be given: Ansible refuses its absence, or preflight does in a sentence that says how to mend it.
    given = {
        name for name, option in specification(role).items() if option.get("required") or "no default" in option["description"]
    }
    assert set(defaults) == set(specification(role)) - given


@pytest.mark.parametrize("role", ROLES)
def test_variables_carry_the_name_of_their_role(role):
    prefix = "smartsports_" if role == SHARED else f"{role}_"
    assert [name for name in specification(role) if not name.startswith(prefix)] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_is_typed_and_described(role):
    assert [name for name, option in specification(role).items() if not option.get("type") or not option.get("description")] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_refuses_or_plans_before_it_changes_anything(role):
    first = load(f"roles/{role}/tasks/main.yml")[0]
    if any(key.startswith("smartsports.scaling.") for key in first):
        return  # one module call is the whole role, and a module refuses on its own
    called = first.get("ansible.builtin.import_tasks") or first.get("ansible.builtin.include_tasks") or ""
    assert (called if isinstance(called, str) else called["file"]) in ("preflight.yml", "plan.yml", "compare.yml")


@pytest.mark.parametrize("role", [role for role in ROLES if role != SHARED])
def test_a_role_depends_on_the_platform_alone(role):
    dependencies = load(f"roles/{role}/meta/main.yml")["dependencies"]
    assert [entry["role"] if isinstance(entry, dict) else entry for entry in dependencies] == [f"smartsports.scaling.{SHARED}"]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_hides_a_failure_or_sleeps_or_shells_out(role):
    for path in (ROOT / "roles" / role).rglob("*.yml"):
        text = path.read_text()
        for habit in (
            "failed_when: false",
            "ansible.builtin.pause",
            "ansible.builtin.shell",
            "ansible.builtin.uri",
            "docker exec",
        ):
            assert habit not in text, f"{path.relative_to(ROOT)}: {habit}"
