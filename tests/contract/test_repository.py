# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions agree, playbooks are listed, the artifact is complete, and no file tells of the place where it was written."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path

import ansible_collections
import pytest
from repository import ROOT, files, load

PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))
# Written in pieces: this file must pass its own test.
PLACES = [r"/" + r"work/", r"/" + r"tmp/brief", r"/" + r"root/", r"/" + r"home/[a-z]+/"]
SECRETS = [r"-----BEGIN [A-Z ]*PRIVATE KEY", r"\bAKIA[0-9A-Z]{16}\b", r"\bgh[pousr]_[A-Za-z0-9]{30,}", r"\bglpat-[\w-]{20,}"]


def installed_version(collection: str) -> str:
    for parent in ansible_collections.__path__:
        manifest = Path(parent, *collection.split("."), "MANIFEST.json")
        if manifest.exists():
            return json.loads(manifest.read_text())["collection_info"]["version"]
    raise AssertionError(f"{collection} is not installed")


def test_galaxy_users_get_the_collections_of_the_pinned_package():
    wanted = {entry["name"]: entry["version"] for entry in load("requirements.yml")["collections"]}
    assert wanted == {name: installed_version(name) for name in wanted}
    assert set(wanted) == set(load("galaxy.yml")["dependencies"])


def test_the_declared_ranges_include_the_pinned_versions():
    for name, wanted in load("galaxy.yml")["dependencies"].items():
        pinned = tuple(map(int, installed_version(name).split(".")))
        for bound in wanted.split(","):
            sign, version = re.fullmatch(r"(>=|<)([\d.]+)", bound.strip()).groups()
            limit = tuple(map(int, version.split(".")))
            assert pinned >= limit if sign == ">=" else pinned < limit, f"{name} {pinned} is outside {wanted}"


def test_only_collections_that_are_required_are_used():
    used = set()
    for folder in ("roles", "playbooks", "inventory", "molecule"):
        for path in (ROOT / folder).rglob("*.yml"):
            used.update(re.findall(r"\b((?:community|ansible|awx|kubernetes)\.[a-z]+)\.[a-z]\w*:", path.read_text()))
    assert used - {"ansible.builtin"} <= set(load("galaxy.yml")["dependencies"])


def test_the_lock_names_versions_and_no_host():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z,]+\])?==[\w.]+( ; .+)?", line), f"requirements.txt: {line}"


def test_the_lock_pins_everything_that_is_asked_for():
    locked = {re.split(r"[=\[ ]", line)[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    asked = re.findall(r'^ {4}"([a-z0-9-]+)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(asked) - locked - {"RUF012", "SIM115"} == set()


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_is_in_the_table_of_the_readme(playbook):
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("|")]
    assert any(f"playbooks/{playbook}" in row for row in rows), f"README.md: no row of a table names playbooks/{playbook}"


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_are_roles_and_steps_for_the_platform(playbook):
    for play in load(f"playbooks/{playbook}"):
        assert play.get("gather_facts", False) is False, "facts cost 0.9 s and nothing uses them"


@pytest.mark.parametrize("words", [PLACES, SECRETS], ids=["places", "secrets"])
def test_no_file_contains(words):
    pattern = re.compile("|".join(words))
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)
        ]
    assert found == []


def test_nothing_that_runs_hides_tests_or_marks_them_as_done():
    pattern = re.compile(r"pytest\.mark\.(skip|xfail)|pytest\.skip\(|failed_when: " + "false")
    found = [
        str(path.relative_to(ROOT))
        for path in files(".py", ".yml")
        if path != Path(__file__) and pattern.search(path.read_text())
    ]
    assert [name for name in found if name != "tests/contract/test_roles.py"] == []


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("artifact")
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", folder, ROOT], check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        return set(archive.getnames())


def test_the_artifact_carries_what_an_installed_collection_needs(artifact):
    shipped = {"README.md", "meta/runtime.yml", "profiles/profiles.yml", "profiles/schema.yml"}
    shipped |= {
        str(path.relative_to(ROOT))
        for folder in ("plugins", "roles", "playbooks")
        for path in files()
        if (ROOT / folder) in path.parents
    }
    assert shipped - artifact == set()


def test_the_artifact_carries_nothing_else(artifact):
    top = {name.split("/")[0] for name in artifact}
    assert top <= {
        "MANIFEST.json", "FILES.json", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",
        "docs", "meta", "playbooks", "plugins", "profiles", "requirements.yml", "roles", "tests",
    }  # fmt: skip
