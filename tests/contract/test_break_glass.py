# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/break-glass.md is what its playbook writes, has a section for each procedure, and can be pasted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _scale_file
from repository import ROOT

from lab.break_glass import sections, write

DOCUMENT = (ROOT / "docs/break-glass.md").read_text()
SECTIONS = sections(DOCUMENT)
COMMANDS = (ROOT / "roles/break_glass/files/commands.bash").read_text()
# Playbooks that nobody needs without Ansible, each with the reason.
WITHOUT = {
    "incident.yml": "its records are written by playbooks, of which there are none then",
    "timeline.yml": "it shows what playbooks did",
    "recover.yml": "it waits for evidence; its stages by hand are scale down, features and configuration, which have sections",
    "expire.yml": "it is recover for what is past its time, and playbooks alone know of that",
    "break_glass.yml": "it writes the document",
    "prepare_host.yml": "it prepares the host for Ansible",
    "automation.yml": "what it switches off is Ansible's own automation",
    "escalate.yml": "it tells people, who are called by telephone then",
    "check_inventory.yml": "it compares Ansible's inventory with the platform",
    "plan.yml": "it changes nothing, and each block shows its numbers",
}


@pytest.fixture
def inventory() -> Path:
    return ROOT / "inventory/production"


def test_the_committed_document_is_what_the_playbook_writes(inventory, tmp_path):
    ran = write(tmp_path / "written.md", "-i", str(inventory))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "written.md").read_text() == DOCUMENT, (
        "write it again: ansible-playbook -i inventory/production playbooks/break_glass.yml"
    )


def test_a_preview_writes_nothing_and_a_second_run_changes_nothing(inventory, tmp_path):
    target = tmp_path / "written.md"
    preview = write(target, "-i", str(inventory), "--check", "--diff")
    assert "changed=1" in preview.stdout and "+## Begin" in preview.stdout
    assert not target.exists()
    assert "changed=1" in write(target, "-i", str(inventory)).stdout
    assert "changed=0" in write(target, "-i", str(inventory)).stdout


def test_a_corrected_profile_is_in_the_document_and_no_password_of_a_url(inventory, tmp_path):
    corrections = {
        "smartsports_profile_overrides": {"overload": {"app.replicas": 14}},
        "smartsports_prometheus_url": "http://a:pw-5e1c@prometheus:9090",
    }
    assert write(tmp_path / "written.md", "-i", str(inventory), "-e", json.dumps(corrections)).returncode == 0
    written = (tmp_path / "written.md").read_text()
    assert "  REPLICAS=14\n" in sections(written)["Respond: overload"].block
    assert "PROMETHEUS=http://prometheus:9090\n" in written and "pw-5e1c" not in written


def test_a_place_that_is_none_is_refused_in_one_sentence(inventory, tmp_path):
    ran = write(tmp_path / "nowhere/written.md", "-i", str(inventory))
    assert ran.returncode != 0
    assert f"file is '{tmp_path}/nowhere/written.md', but {tmp_path}/nowhere is no directory" in ran.stdout + ran.stderr


@pytest.mark.parametrize("playbook", sorted(path.name for path in (ROOT / "playbooks").glob("*.yml")))
def test_every_playbook_has_a_section_or_a_reason(playbook):
    named = set().union(*(section.playbooks for section in SECTIONS.values()))
    assert (playbook in named) != (playbook in WITHOUT), "give it a section, or a reason in WITHOUT"


def test_every_section_can_be_found_from_what_is_seen():
    listed = re.findall(r"\[([^]]+)\]\(#([\w-]+)\)", DOCUMENT.partition("\n## ")[0])
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-"): title for title in SECTIONS}
    assert {anchors.get(anchor) for _text, anchor in listed} == set(SECTIONS) - {"Begin"}
    assert [text for text, anchor in listed if anchors.get(anchor) != text] == []


@pytest.mark.parametrize("title", SECTIONS)
def test_a_block_can_be_pasted(title):
    block = SECTIONS[title].block
    # In an interactive bash "!x" recalls history unless single quotes are around it in its line, and a tab completes.
    assert re.findall(r"![^ =(\n]", re.sub(r"'[^'\n]*'", "", block)) == []
    assert "\t" not in block
    if title != "Begin":  # an error ends the block, and leaves the shell as it was
        assert block.startswith('( set -euo pipefail; : "${BREAK_GLASS:?') and block.endswith("\n)\n")


def test_shellcheck_finds_nothing():
    command = [Path(sys.executable).parent / "shellcheck", "-s", "bash", "-"]
    script = "\n".join(section.block for section in SECTIONS.values())
    assert subprocess.run(command, input=script, text=True, capture_output=True, check=False).stdout == ""


def in_bash(script: str, directory: Path, **variables: str) -> str:
    """What the commands of the document print, without the last one, which looks at a platform."""
    commands = COMMANDS.rpartition("\nbegin\n")[0]
    values = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{values}{commands}\n{script}"],
        cwd=directory, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


KEPT = [
    (5, [], {}),
    (5, ["back", "front"], {"cpus": "4"}),
    (None, [], {"cpus": "0.2", "memory": "8G"}),
    (12, [], {"memory": "512M", "memswap": "-1"}),
    (12, ["front"], {"cpus": "1.5", "memory": "512M", "memswap": "600M"}),
]


@pytest.mark.parametrize(("replicas", "networks", "limits"), KEPT)
def test_the_override_is_that_of_the_playbooks(tmp_path, replicas, networks, limits):
    arguments = [str(replicas or ""), limits.get("cpus", ""), limits.get("memory", ""), limits.get("memswap", ""), *networks]
    text = in_bash(f"override {' '.join(repr(argument) for argument in arguments)}", tmp_path, APP="app")
    assert text == _scale_file.text("app", replicas, networks, limits)

    # What the playbooks wrote is read as they read it.
    (tmp_path / _scale_file.NAME).write_text(text)
    told = in_bash("for name in replicas cpus memory memswap networks; do echo $name $(kept $name); done", tmp_path)
    read = dict(line.partition(" ")[::2] for line in told.splitlines())
    assert read == {
        "replicas": str(replicas or ""), "networks": " ".join(networks),
        **{name: limits.get(name, "") for name in ("cpus", "memory", "memswap")},
    }  # fmt: skip


@pytest.mark.parametrize(
    "before",
    ["A=1\n", "A=1", "COMPOSE_FILE=a.yml:b.yml\nA=1\n", "COMPOSE_FILE=\n", f"COMPOSE_FILE=a.yml:{_scale_file.NAME}\n", ""],
)
def test_the_override_is_listed_as_the_playbooks_list_it(tmp_path, before):
    (tmp_path / ".env").write_text(before)
    in_bash("fixed_networks() { true; }; keep 3 '' '' ''", tmp_path, APP="app", COMPOSE_FILES="x.yml:y.yml")
    assert (tmp_path / ".env").read_text() == _scale_file.environment(before, ["x.yml", "y.yml"])
    assert _scale_file.kept(tmp_path) == 3


SERVERS = [
    ("upstream app { server app:3000; }\n", "upstream app {\n    server 10.0.0.5:3000;\n    server 10.0.0.6:3000;\n}\n"),
    (
        "# upstream app { server old:3000; }\nupstream app {\n    least_conn;\n    # server app:3000;\n"
        "    server 10.0.0.5:3000 max_fails=2;  # p-app-1\n    server 10.0.0.9:3000;\n    server 192.168.9.9:3000 backup;\n}\nserver {}\n",
        "# upstream app { server old:3000; }\nupstream app {\n    server 10.0.0.5:3000 max_fails=2;\n    server 10.0.0.6:3000 max_fails=2;\n"
        "    least_conn;\n    # server app:3000;\n    server 192.168.9.9:3000 backup;\n}\nserver {}\n",
    ),
]


@pytest.mark.parametrize(("before", "after"), SERVERS)
def test_the_upstream_gets_the_replicas_and_keeps_the_rest(tmp_path, before, after):
    (tmp_path / "old").write_text(before)
    script = "upstream app '10.0.0.0/24' 10.0.0.5 10.0.0.6 <old"
    assert in_bash(script, tmp_path, APP="app", PROJECT="p", PORT="3000") == after
