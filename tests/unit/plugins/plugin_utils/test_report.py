# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.plugin_utils import _report

REPORT = {
    "title": "P1: high",
    "status": "bad",
    "columns": ["metric", "value"],
    "rows": [["p95", ["7.2 s", "bad"]], ["errors", "0.4%"], ["unknown", None]],
    "lines": [["do this", "good"], "then wait"],
}


def test_plain_output_is_aligned_and_has_no_escape_codes():
    assert _report.render(REPORT).split("\n") == [
        "P1: high",
        "metric   value",
        "p95      7.2 s",
        "errors   0.4%",
        "unknown",
        "do this",
        "then wait",
    ]


def test_what_must_not_be_missed_stands_above_the_title(monkeypatch):
    report = {"above": [["AUTOMATION IS OFF", "bad"]], **REPORT}
    assert _report.render(report).split("\n")[:2] == ["AUTOMATION IS OFF", "P1: high"]
    monkeypatch.setattr(_report, "Console", None)
    assert _report.render(report).split("\n")[:2] == ["AUTOMATION IS OFF", "P1: high"]


def test_colour_only_adds_escape_codes():
    coloured = _report.render(REPORT, colour=True)
    assert "\x1b[1;31m7.2 s\x1b[0m" in coloured


def test_markup_in_a_value_is_shown_as_it_is():
    assert "[bold]x[/bold]" in _report.render({"lines": ["[bold]x[/bold]"]})


def test_a_table_without_columns_has_no_header():
    assert _report.render({"rows": [["a", 1]]}) == "a  1"


def test_without_rich_the_words_are_the_same(monkeypatch):
    monkeypatch.setattr(_report, "Console", None)
    assert _report.render(REPORT) == "P1: high\nmetric  value\np95  7.2 s\nerrors  0.4%\nunknown  \ndo this\nthen wait"


def test_a_command_stays_one_line_and_a_sentence_does_not():
    command = "undo: " + "x " * 100 + "y"
    assert _report.render({"lines": [[command, "command"]]}) == command
    assert "\n" in _report.render({"lines": [command]})
