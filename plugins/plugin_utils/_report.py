# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows what a result says to people: one aligned table, coloured on a terminal and plain without one.

A report is data, so that it crosses SSH: {title, status (good|warn|bad), columns, rows, lines}. A cell is a value or
[value, status]; `lines` stand below the table, each a text or [text, status].
"""

from __future__ import annotations

import io

from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES = {"good": "green", "warn": "yellow", "bad": "bold red", "dim": "dim", "title": "bold"}


def show(report: dict | None) -> None:
    """Print a report on the controller's screen; nothing where there is none."""
    if report:
        Display().display(render(report, colour=bool(ANSIBLE_COLOR)))


def render(report: dict, colour: bool = False, width: int = 110) -> str:
    """The report as text, at most `width` columns wide."""
    console = Console(file=io.StringIO(), force_terminal=colour, no_color=not colour, width=width, highlight=False)
    if report.get("title"):
        console.print(_text([report["title"], report.get("status", "title")]))
    if report.get("rows"):
        table = Table(box=None, pad_edge=False, show_header=bool(report.get("columns")), header_style="dim")
        for column in report.get("columns") or [""] * len(report["rows"][0]):
            table.add_column(column, overflow="fold")
        for row in report["rows"]:
            table.add_row(*(_text(cell) for cell in row))
        console.print(table)
    for line in report.get("lines", []):
        console.print(_text(line))
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n"))


def _text(cell) -> Text:
    value, status = cell if isinstance(cell, (list, tuple)) else (cell, None)
    return Text("" if value is None else str(value), style=_STYLES.get(status, ""))
