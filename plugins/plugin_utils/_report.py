# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what a result says to people: one aligned table, coloured on a terminal and plain without one.

A report is data, so that it crosses SSH: {title, status (good|warn|bad), columns, rows, lines}. A cell is a value or
[value, status]; `lines` stand below the table and `above` above the title, each a text or [text, status]. {raw} is for machines, shown as it is.
"""

from __future__ import annotations

import io

from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display

try:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
except ImportError:  # an execution environment without it: the same words, without colours and columns
    Console = None

_STYLES = {"good": "green", "warn": "yellow", "bad": "bold red", "dim": "dim", "title": "bold", "command": "bold"}


def show(report: dict | None) -> None:
    """Print a report on the controller's screen; nothing where there is none."""
    if report:
        Display().display(render(report, colour=bool(ANSIBLE_COLOR)))


def render(report: dict, colour: bool = False, width: int = 110) -> str:
    """The report as text, at most `width` columns wide."""
    if "raw" in report:
        return report["raw"]
    if Console is None:
        return _plain(report)
    console = Console(file=io.StringIO(), force_terminal=colour, no_color=not colour, width=width, highlight=False)
    for line in report.get("above", []):
        console.print(_text(line), soft_wrap=True)
    if report.get("title"):
        console.print(_text([report["title"], report.get("status", "title")]))
    if report.get("rows"):
        table = Table(box=None, pad_edge=False, show_header=bool(report.get("columns")), header_style="dim")
        for number, column in enumerate(report.get("columns") or [""] * len(report["rows"][0])):
            table.add_column(column, overflow="fold", no_wrap=number == 0)  # what it is about stays in one piece
        for row in report["rows"]:
            table.add_row(*(_text(cell) for cell in row))
        console.print(table)
    for line in report.get("lines", []):
        # A command is pasted: it stays one line, however long.
        console.print(_text(line), soft_wrap=_value_and_status(line)[1] == "command")
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n"))


def _plain(report: dict) -> str:
    rows = [[_value_and_status(line)[0]] for line in report.get("above", [])]
    rows += [[report["title"]]] if report.get("title") else []
    rows += [report["columns"]] if report.get("columns") else []
    rows += [*report.get("rows", []), *([line] for line in report.get("lines", []))]
    return "\n".join("  ".join(_value_and_status(cell)[0] for cell in row) for row in rows)


def _text(cell) -> Text:
    value, status = _value_and_status(cell)
    return Text(value, style=_STYLES.get(status, ""))


def _value_and_status(cell) -> tuple[str, str | None]:
    value, status = cell if isinstance(cell, (list, tuple)) else (cell, None)
    return "" if value is None else str(value), status
