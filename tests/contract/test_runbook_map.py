# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/runbook-map.yaml speaks of every line of the runbook, names what exists, and holds every number; and these checks can fail."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import THRESHOLDS
from repository import ROOT, files, load
from runbook import misquoted, misshapen, sections, unaccounted, unmapped

RUNBOOK = (ROOT / "docs/runbook/scaling-incidents.md").read_text()
MAP = load("docs/runbook-map.yaml")
SCHEMA = load("profiles/schema.yml")
PROFILES = load("profiles/profiles.yml")["profiles"]


def complete(name: str) -> dict:
    """A profile with what it extends."""
    own = PROFILES[name]
    return {**(complete(own["extends"]) if "extends" in own else {}), **own}


def flat(tree: dict, path: tuple = ()) -> dict:
    """{"severity.cpu.P1": 90} of the tables of thresholds."""
    found = {}
    for key, value in tree.items():
        found |= flat(value, (*path, key)) if isinstance(value, dict) else {".".join((*path, key)): value}
    return found


def member_of(field: str) -> str | None:
    stem, _, last = field.rpartition(".")
    entry = SCHEMA.get(field) or SCHEMA.get(f"{stem}.*")
    return entry["path"].replace("*", last).rpartition(".")[2] if entry else None


def exists(target: str) -> bool:
    """Whether a file, or a folder with files, is part of the repository."""
    return any(ROOT / target in (path, *path.parents) for path in files())


def numbers(mapping: dict) -> list[str]:
    return unaccounted(mapping, {name: complete(name) for name in PROFILES}, flat(THRESHOLDS), member_of)


def test_every_line_of_the_runbook_is_in_the_map():
    assert unmapped(RUNBOOK, MAP) == []


def test_every_quote_is_in_the_runbook_once():
    assert misquoted(RUNBOOK, MAP) == []


def test_every_entry_names_what_exists_or_what_is_to_come():
    assert misshapen(MAP, exists) == []


def test_every_number_is_held_as_it_is_or_corrected_aloud():
    assert numbers(MAP) == []


@pytest.mark.parametrize("playbook", sorted(path.name for path in (ROOT / "playbooks").glob("*.yml")))
def test_every_playbook_is_in_the_map(playbook):
    named = {target for section in MAP["sections"] for entry in section["entries"] for target in entry.get("becomes", [])}
    assert f"playbooks/{playbook}" in named | set(MAP["beyond"]), "name it in `becomes`, or in `beyond` with its reason"


def test_what_the_runbook_does_not_ask_for_exists_and_has_a_reason():
    assert [target for target, reason in MAP["beyond"].items() if not reason or not exists(target)] == []


# The checks themselves, on a runbook of a few lines.

TEXT = """\
# Title
## Limits (5 minutes)
### 1. Act
- **Error Rate**: >2% for 3 minutes
| what | limit |
|---|---|
| latency | 5s |

```bash
# a comment is no heading
curl -d '{"search_endpoints": {"requests_per_minute": 30}}' \\
  http://app-2:3000/v1
```
## Afterwards
- Sleep well
"""
GOOD = {
    "subjects": ["the rest"],
    "sections": [
        {"section": "Limits (5 minutes)", "entries": [{"quote": "## Limits (5 minutes)", "not_yet": "the rest"}]},
        {
            "section": "Limits (5 minutes) > 1. Act",
            "entries": [
                {
                    "quote": "- **Error Rate**: >2% for 3 minutes",
                    "becomes": ["x"],
                    "thresholds": {"rate": 2, "window": "3 minutes"},
                },
                {"quote": "| what | limit |\n| latency | 5s |", "becomes": ["x"], "numbers": {5: "not a limit of ours"}},
                {
                    "quote": "# a comment is no heading\n"
                    'curl -d \'{"search_endpoints": {"requests_per_minute": 30}}\' \\\nhttp://app-2:3000/v1',
                    "becomes": ["x"],
                    "profiles": {"high": {"shedding.search.rpm": 30}},
                },
            ],
        },
        {"section": "Afterwards", "entries": [{"quote": "- Sleep well", "not_yet": "the rest", "corrected": "Nobody does."}]},
    ],
}
HELD = {"profiles": {"high": {"shedding.search.rpm": 30, "flags.x": True}}, "thresholds": {"rate": 2, "window": 180}}


def complaints(mapping: dict, text: str = TEXT, held: dict = HELD) -> list[str]:
    found = unmapped(text, mapping) + misquoted(text, mapping) + misshapen(mapping, lambda target: target == "x")
    return found + unaccounted(mapping, held["profiles"], held["thresholds"], member_of)


def changed(section: int, number: int, **keys) -> dict:
    """GOOD with other keys in one entry; None takes a key away."""
    mapping = copy.deepcopy(GOOD)
    entry = mapping["sections"][section]["entries"][number]
    entry.update(keys)
    for key in [key for key, value in keys.items() if value is None]:
        del entry[key]
    return mapping


def test_a_runbook_is_read_as_lines_below_their_headings():
    found = sections(TEXT)
    assert list(found) == ["", "Limits (5 minutes)", "Limits (5 minutes) > 1. Act", "Afterwards"]
    assert [line.number for line in found["Limits (5 minutes) > 1. Act"]] == [3, 4, 5, 7, 10, 11, 12]
    assert [line.says_something() for line in found["Limits (5 minutes) > 1. Act"]][:2] == [False, True]
    assert found["Limits (5 minutes)"][0].says_something()


def test_a_good_map_has_no_complaints():
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    ("line", "number"), [("- Wake up", 16), ("| cpu | 70% |", 16), ("```\nrm -rf x\n```", 17), ("## Within 2 hours", 16)]
)
def test_a_new_line_is_missed_by_its_number(line, number):
    assert any(found.startswith(f"line {number} ") for found in complaints(GOOD, TEXT + line + "\n"))


WRONG = [
    (changed(2, 0, quote="- Sleep badly"), "0 times in the runbook"),
    (changed(2, 0, quote=""), "0 times in the runbook"),
    (changed(1, 0, becomes=["playbooks/dream.yml"]), "playbooks/dream.yml does not exist"),
    (changed(1, 0, not_yet="the rest"), "say either becomes or not_yet"),
    (changed(2, 0, not_yet=None), "say either becomes or not_yet"),
    (changed(2, 0, not_yet=None, becomes=[]), "say either becomes or not_yet"),
    (changed(2, 0, not_yet="some day"), "'some day' is none of the subjects"),
    (changed(2, 0, corected="A typo."), "corected is no key"),
    (changed(2, 0, corrected="no sentence"), "corrected is not a sentence"),
    (changed(1, 0, thresholds={"rate": 2}), "nothing holds the number 3"),
    (changed(1, 0, thresholds={"rate": 2, "windows": "3 minutes"}), "threshold windows is not set there"),
    (changed(1, 1, numbers={5: "", 7: ""}), "the number 7 is not in the quote"),
    (changed(1, 2, profiles={"high": {"shedding.dream.rpm": 30}}), "the schema has no field shedding.dream.rpm"),
    (changed(1, 2, profiles={"low": {"shedding.search.rpm": 30}}), "profile low: shedding.search.rpm is not set there"),
    (changed(1, 2, profiles={"high": {"app.replicas": 30}}), "no profile's field holds requests_per_minute: 30"),
]


@pytest.mark.parametrize(("mapping", "complaint"), WRONG, ids=[complaint for _, complaint in WRONG])
def test_a_wrong_entry_is_told(mapping, complaint):
    assert any(complaint in found for found in complaints(mapping))


def test_a_quote_that_stands_in_two_places_is_told():
    assert any("2 times" in found for found in complaints(GOOD, TEXT + "- Sleep well\n"))


def test_a_number_that_differs_is_told_unless_the_correction_names_it():
    held = {**HELD, "profiles": {"high": {"shedding.search.rpm": 45}}}
    assert any("is 45, the runbook says 30" in found for found in complaints(GOOD, held=held))
    assert any("is 45" in found for found in complaints(changed(1, 2, corrected="Changed for a reason."), held=held))
    assert complaints(changed(1, 2, corrected="At 45 a minute search is still of use."), held=held) == []
