# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module is thin, documented, routed and tested."""

from __future__ import annotations

import importlib

import pytest
from repository import NAMESPACE, ROOT, documentation, exercised, imports, load, names

MODULES = names("plugins/modules")
RUNTIME = load("meta/runtime.yml")


def options_of(specification: dict) -> dict:
    """The options that a specification's dict spells out, to any depth, as {path: (type, required, no_log)}."""
    found = {}
    for name, option in specification.items():
        found[name] = option
        if option.get("options"):
            found |= {f"{name}.{path}": inner for path, inner in options_of(option["options"]).items()}
    return found


def test_logic_and_modules_belong_to_each_other():
    assert names("plugins/module_utils") == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_every_module_runs_in_process(module):
    assert RUNTIME["plugin_routing"]["modules"][module] == {"action_plugin": "smartsports.scaling.in_process"}


def test_nothing_is_routed_that_does_not_exist():
    assert set(RUNTIME["plugin_routing"]["modules"]) == set(MODULES)
    assert set(RUNTIME["action_groups"]["admin"]) <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_speaks_to_the_admin_api_is_in_its_action_group(module):
    fragments = documentation(module)["DOCUMENTATION"].get("extends_documentation_fragment", [])
    speaks = any(fragment.endswith(".admin") for fragment in ([fragments] if isinstance(fragments, str) else fragments))
    assert speaks == (module in RUNTIME["action_groups"]["admin"])


@pytest.mark.parametrize("module", MODULES)
def test_documentation_says_what_a_module_can(module):
    docs = documentation(module)
    assert docs["EXAMPLES"], "a module without an example"
    assert docs["RETURN"] is not None, "a module that does not say what it returns"
    inherited = {
        "smartsports.scaling.admin": {"check_mode", "diff_mode", "idempotent", "platform"},
    }
    fragments = docs["DOCUMENTATION"].get("extends_documentation_fragment", [])
    fragments = [fragments] if isinstance(fragments, str) else fragments
    attributes = set(docs["DOCUMENTATION"].get("attributes", {})).union(*(inherited.get(name, set()) for name in fragments))
    assert {"check_mode", "diff_mode", "idempotent", "platform"} <= attributes


@pytest.mark.parametrize("module", MODULES)
def test_no_module_body_is_longer_than_a_screen(module):
    text = (ROOT / "plugins/modules" / f"{module}.py").read_text()
    code = text[text.rindex('"""') :].splitlines()
    assert len([line for line in code if line.strip()]) <= 30


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_unit_test(module):
    logic = f"{NAMESPACE}plugins.module_utils.{module}"
    used = set().union(*(imports(path) for path in (ROOT / "tests/unit").rglob("test_*.py")))
    uses = [name for name in used if name == logic or name.startswith(f"{logic}.")]
    assert uses, f"no test imports module_utils/{module}.py"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_is_run_on_a_real_platform(module):
    assert module in exercised(), "no scenario in molecule/ and no test in tests/e2e/ comes to this module"


@pytest.mark.parametrize("module", MODULES)
def test_the_logic_has_the_shape_that_both_lanes_call(module):
    logic = importlib.import_module(f"{NAMESPACE}plugins.module_utils.{module}")
    assert set(logic.SPEC) >= {"argument_spec", "supports_check_mode"}
    assert callable(logic.run)


@pytest.mark.parametrize("module", MODULES)
def test_secrets_are_marked(module):
    logic = importlib.import_module(f"{NAMESPACE}plugins.module_utils.{module}")
    for path, option in options_of(logic.SPEC["argument_spec"]).items():
        if any(word in path.lower() for word in ("token", "password", "secret")):
            assert option.get("no_log") is True, f"{module}: {path} is a secret without no_log"
