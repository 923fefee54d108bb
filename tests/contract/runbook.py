# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The runbook's text, and what a map of it leaves out or gets wrong. Pure: text and data in, complaints out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

KEYS = {"quote", "becomes", "not_yet", "profiles", "thresholds", "numbers", "corrected"}
# Not the digits of names, ports, paths and list ordinals: app-2, P0, :3000, /v1, "1. ".
FIGURE = re.compile(r"(?<![\w:/$])(?<![A-Za-z]-)(?:\d+(?:\.\d+)?|true\b|false\b)")
MEMBER = re.compile(r'"(\w+)":\s*(\d+(?:\.\d+)?|true\b|false\b)')
ORDINAL = re.compile(r"^(#+ )?(\d+\. )?")


@dataclass(frozen=True)
class Line:
    number: int
    text: str
    heading: bool

    def says_something(self) -> bool:
        """Whether the map has to speak of it: every line, but of the headings only those with a number."""
        return not self.heading or bool(re.search(r"\d", ORDINAL.sub("", self.text)))


def sections(text: str) -> dict[str, list[Line]]:
    """The lines below each heading, itself included, by its path ("Queue Management > Payment Processing Queue"); no blanks, no fences."""
    found: dict[str, list[Line]] = {}
    path: list[str] = []
    code = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("```"):
            code = not code
        elif not code and (heading := re.match(r"(#+) (.+)", line)):
            path = [*path[: len(heading[1]) - 1], heading[2]]
            found[" > ".join(path[1:])] = [Line(number, line, True)]
        elif line and not re.fullmatch(r"[|:\- ]+", line):
            found.setdefault(" > ".join(path[1:]), []).append(Line(number, line, False))
    return found


def entries(mapping: dict) -> Iterator[tuple[str, dict]]:
    for section in mapping["sections"]:
        for entry in section["entries"]:
            yield section["section"], entry


def _where(section: str, entry: dict) -> str:
    first, _, _ = entry["quote"].strip().partition("\n")
    return f"{section}: {first}"


def located(lines: list[Line], quote: str) -> list[list[Line]]:
    """Every place where a quote stands: consecutive lines, whatever their indentation."""
    wanted = [line.strip() for line in quote.splitlines() if line.strip()]
    runs = [lines[start : start + len(wanted)] for start in range(len(lines))]
    return [run for run in runs if wanted and [line.text for line in run] == wanted]


def unmapped(text: str, mapping: dict) -> list[str]:
    """The runbook's lines that no entry quotes."""
    found = sections(text)
    runs = [run for section, entry in entries(mapping) for run in located(found.get(section, []), entry["quote"])]
    covered = {line for run in runs for line in run}
    return [
        f"line {line.number} is in no entry: {line.text}"
        for lines in found.values()
        for line in lines
        if line.says_something() and line not in covered
    ]


def misquoted(text: str, mapping: dict) -> list[str]:
    """Quotes that the runbook does not have, or has more than once."""
    found = sections(text)
    wrong = []
    for section, entry in entries(mapping):
        if (count := len(located(found.get(section, []), entry["quote"]))) != 1:
            wrong.append(f"{_where(section, entry)}: {count} times in the runbook, not once")
    return wrong


def misshapen(mapping: dict, exists: Callable[[str], bool]) -> list[str]:
    """Entries that say neither what stands for the text nor what will, or name what is not there."""
    wrong = []
    for section, entry in entries(mapping):
        where = _where(section, entry)
        wrong += [f"{where}: {key} is no key of an entry" for key in sorted(set(entry) - KEYS)]
        if bool(entry.get("becomes")) == bool(entry.get("not_yet")):
            wrong.append(f"{where}: say either becomes or not_yet")
        if entry.get("not_yet") and entry["not_yet"] not in mapping["subjects"]:
            wrong.append(f"{where}: {entry['not_yet']!r} is none of the subjects")
        wrong += [f"{where}: {target} does not exist" for target in entry.get("becomes", []) if not exists(target)]
        if not entry.get("corrected", ".").strip().endswith("."):
            wrong.append(f"{where}: corrected is not a sentence")
    return wrong


def figure(value) -> str:
    """A value as the runbook would write it: True -> true, "5 minutes" -> 5."""
    found = FIGURE.search(str(value).lower())
    return found[0] if found else str(value)


def meant(value):
    """A value in the unit of the repository: "5 minutes" -> 300."""
    minutes = re.fullmatch(r"(\d+) minutes", str(value))
    return int(minutes[1]) * 60 if minutes else value


def unaccounted(mapping: dict, profiles: dict, thresholds: dict, member_of: Callable[[str], str | None]) -> list[str]:
    """Numbers of the runbook that nothing holds, or holds differently without saying so.

    profiles: {profile: {field: value}}, thresholds: {path: value}, both complete; member_of: a field's name in the admin API, None where
    there is no such field.
    """
    wrong = []
    for section, entry in entries(mapping):
        if "becomes" not in entry:
            continue  # nothing is there yet that could hold a number
        where = _where(section, entry)
        aloud = FIGURE.findall(entry.get("corrected", "").lower())
        said = {token for line in entry["quote"].splitlines() for token in FIGURE.findall(ORDINAL.sub("", line.strip()))}
        aside = {str(number) for number in entry.get("numbers", {})}
        fields = [(p, field, value) for p, values in entry.get("profiles", {}).items() for field, value in values.items()]
        held = [(f"profile {p}: {field}", value, profiles.get(p, {}).get(field)) for p, field, value in fields]
        held += [(f"threshold {path}", value, thresholds.get(path)) for path, value in entry.get("thresholds", {}).items()]

        wrong += [f"{where}: the schema has no field {field}" for _, field, _ in fields if member_of(field) is None]
        wrong += [f"{where}: {name} is not set there" for name, _, present in held if present is None]
        wrong += [
            f"{where}: {name} is {present}, the runbook says {value}, and `corrected` does not say why"
            for name, value, present in held
            if present is not None and present != meant(value) and figure(present) not in aloud
        ]
        stated = {figure(value) for _, value, _ in held} | aside
        wrong += [f"{where}: nothing holds the number {token}" for token in sorted(said - stated)]
        wrong += [f"{where}: the number {token} is not in the quote" for token in sorted(stated - said)]
        members = {(member_of(field), figure(value)) for _, field, value in fields}
        wrong += [
            f"{where}: no profile's field holds {name}: {token}"
            for name, token in MEMBER.findall(entry["quote"])
            if (name, token) not in members and token not in aside
        ]
    return wrong
