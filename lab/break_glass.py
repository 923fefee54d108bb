"""The break-glass document as the tests read it: its sections, and the block of shell in each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What an engineer has on the Docker host: no environment of this checkout.
SYSTEM = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "TERM": "dumb",
    "PS1": "",
    "PS2": "",
}


@dataclass(frozen=True)
class Section:
    title: str
    text: str
    block: str

    @property
    def playbooks(self) -> set[str]:
        """The playbooks that the section says it stands for."""
        found = re.search(r"(?s)^Instead of (.+?)\. ", self.text + " ")
        return set(re.findall(r"playbooks/(\w+\.yml)", found[1])) if found else set()

    def with_values(self, **values: str) -> str:
        """The block with other values in its first lines, as an engineer edits them."""
        block = self.block
        for name, value in values.items():
            block, count = re.subn(rf"(?m)^  {name}=.*$", lambda _match, text=f"  {name}={value}": text, block)
            assert count == 1, f"{self.title} has no line {name}="
        return block


def sections(document: str) -> dict[str, Section]:
    """By title; a section without exactly one block is an error."""
    found = {}
    for part in re.split(r"(?m)^## ", document)[1:]:
        title, _, text = part.partition("\n")
        [block] = re.findall(r"(?ms)^```bash\n(.*?)^```$", text)
        found[title] = Section(title, text.strip(), block)
    return found


def paste(document: dict[str, Section], title: str, **values: str) -> tuple[int, str]:
    """Begin and a block in a new interactive shell: what it returned, and the screen."""
    ran = subprocess.run(
        # Without line editing nothing of what is pasted is on the screen, so what is there was printed.
        ["bash", "--norc", "--noprofile", "--noediting", "-i"],
        input=document["Begin"].block + document[title].with_values(**values) + "exit $?\n",
        cwd="/",
        env=SYSTEM,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        timeout=180,
        check=False,
    )
    return ran.returncode, ran.stdout


def of_lab(prefix: str, target: Path) -> dict[str, Section]:
    """The document of a lab's own inventory."""
    ran = write(target, env={**os.environ, "LAB_PREFIX": prefix})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return sections(target.read_text())


def write(target: Path, *arguments: str, **environment) -> subprocess.CompletedProcess:
    """Run the playbook that writes it."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/break_glass.yml", "-e", f"file={target}"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **environment)
