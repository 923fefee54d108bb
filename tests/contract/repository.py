# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the contract tests read of the checkout."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
NAMESPACE = "ansible_collections.smartsports.scaling."


def load(path: str | Path):
    return yaml.safe_load((ROOT / path).read_text())


@cache
def files(*suffixes: str) -> list[Path]:
    """The checkout's files, new ones included, ignored ones and links not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in found if path.is_file() and not path.is_symlink() and (not suffixes or path.suffix in suffixes)]


def names(folder: str, private: bool = False) -> list[str]:
    """The Python files of a folder by name: those that start with an underscore, or the others."""
    found = (path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__")
    return sorted(name for name in found if name.startswith("_") == private)


@cache
def imports(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def documentation(module: str) -> dict[str, dict | list]:
    """DOCUMENTATION, EXAMPLES and RETURN of a module."""
    tree = ast.parse((ROOT / "plugins/modules" / f"{module}.py").read_text())
    texts = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }
    return {name: yaml.safe_load(text) for name, text in texts.items()}


def below(*folders: str, suffix: str = ".yml") -> list[Path]:
    return [path for path in files(suffix) if any(ROOT / folder in path.parents for folder in folders)]


@cache
def exercised() -> set[str]:
    """Modules and roles that scenarios and end-to-end tests run, followed by name through playbooks and roles."""
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    called = re.compile(r'"(?:playbooks/)?(\w+)(?:\.yml)?"')
    run = {
        name
        for path in below("molecule", "tests/e2e", suffix=".py")
        for name in called.findall(path.read_text())
        if name in playbooks
    }
    found: set[str] = set()
    todo = [*below("molecule"), *(ROOT / "playbooks" / f"{name}.yml" for name in run)]
    while todo:
        path = todo.pop()
        text = path.read_text()
        applied = load(path).get("scenario_roles", []) if path.name == "vars.yml" else []
        for name in {*re.findall(r"smartsports\.scaling\.(\w+)", text), *applied} - found:
            found.add(name)
            todo += below(f"roles/{name}/tasks")
        todo += [ROOT / "playbooks" / name for name in re.findall(r"import_playbook: .*playbooks/(\w+\.yml)", text)]
    return found
