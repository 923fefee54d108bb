# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports point downwards only, and what a host may lack is imported so that its absence can be told."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from repository import NAMESPACE, ROOT, imports, names

PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
ALWAYS_THERE = {"ansible", "ansible_collections", "yaml", *sys.stdlib_module_names}


def identity(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PLUGINS, ids=identity)
def test_plugins_know_neither_lab_nor_tests(path):
    assert [name for name in imports(path) if name.split(".")[0] in ("lab", "tests", "molecule")] == []
    assert "smartsports-lab" not in path.read_text()


@pytest.mark.parametrize("path", [path for path in PLUGINS if "module_utils" in path.parts], ids=identity)
def test_module_utils_import_module_utils_alone(path):
    ours = [name for name in imports(path) if name.startswith(NAMESPACE)]
    assert [name for name in ours if not name.startswith(f"{NAMESPACE}plugins.module_utils")] == []
    assert "ansible.module_utils.basic.AnsibleModule" not in imports(path), (
        "logic that needs a module around it cannot run in process"
    )


@pytest.mark.parametrize("name", names("plugins/module_utils", private=True))
def test_shared_layers_do_not_import_the_modules_above_them(name):
    above = {f"{NAMESPACE}plugins.module_utils.{module}" for module in names("plugins/module_utils")}
    used = imports(ROOT / "plugins/module_utils" / f"{name}.py")
    assert [imported for imported in used if imported in above or imported.rpartition(".")[0] in above] == []


@pytest.mark.parametrize("path", PLUGINS, ids=identity)
def test_third_party_imports_are_guarded(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            foreign = [module for module in modules if module.split(".")[0] not in ALWAYS_THERE]
            assert foreign == [], f"import {foreign} in try/except ImportError and refuse in one sentence"
