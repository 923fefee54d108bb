# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""pgbouncer.ini as text: read what it sets, change one setting; comments, order and everything else stay."""

from __future__ import annotations

import re
from collections.abc import Collection

_SECTION = re.compile(r"\s*\[(\w+)\]\s*")
_SETTING = re.compile(r"(\s*([^\s=;#%]+)\s*=\s*)(.*?)(\s*)")
_OWN = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|\S+)")
MAIN = "pgbouncer"


def parse(text: str) -> dict[str, dict[str, str]]:
    """section -> setting -> value; of a setting that stands twice the last one counts, as for PgBouncer."""
    found: dict[str, dict[str, str]] = {}
    for section, line in _lines(text):
        setting = _SETTING.fullmatch(line)
        if section and setting:
            found.setdefault(section, {})[setting[2]] = setting[3]
    return found


def not_understood(text: str, known: Collection[str]) -> str:
    """What PgBouncer would stop at when it reads the file again, '' for nothing: it runs on, and does not start with it."""
    for number, (_section, line) in enumerate(_lines(text), 1):
        content = line.strip()
        if content and content[0] not in ";#%[" and not _SETTING.fullmatch(line):
            return f"line {number}, '{content}'"
    return next((f"the setting {name}" for name in parse(text).get(MAIN, {}) if name not in known), "")


def options(value: str) -> dict[str, str]:
    """The parts of a line of [databases] or [users]: `host=a pool_size=5` -> {host: a, pool_size: 5}."""
    return {name: content.strip("'") for name, content in _OWN.findall(value)}


def with_value(text: str, name: str, value: int) -> str:
    """`text` with `name = value` in [pgbouncer]: in its own place, or below the section's heading where it was not set."""
    lines = text.splitlines(keepends=True)
    heading = own = None
    for number, (section, line) in enumerate(_lines(text)):
        if section == MAIN:
            heading = number if heading is None else heading
            setting = _SETTING.fullmatch(line)
            own = number if setting and setting[2] == name else own
    if own is not None:
        lines[own] = _SETTING.fullmatch(lines[own].rstrip("\r\n")).expand(rf"\g<1>{value}\g<4>") + _end(lines[own])
    else:
        lines[heading] += f"{name} = {value}" + _end(lines[heading])
    return "".join(lines)


def _lines(text: str):
    """Each line with the section that it is in, headings included."""
    section = None
    for line in text.splitlines():
        heading = _SECTION.fullmatch(line)
        section = heading[1].lower() if heading else section
        yield section, line


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
