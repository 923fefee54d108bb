#!/usr/bin/env python3
"""make demo: a ticket sale drowns the lab, one command saves it, and the buyers' purchases are counted in PostgreSQL.

The lab must be up (make lab). Fails where severity, latency, failures or sales did not improve.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the package lab, not lab/lab.py beside this file

import requests  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from lab import scenario  # noqa: E402
from lab.scenario import Lab, ScenarioError  # noqa: E402
from lab.story import Story  # noqa: E402

CHAPTERS = 6
COLOURS = {"P0": "bold red", "P1": "red", "P2": "yellow", "normal": "green", "unknown": "magenta"}
sys.stdout.reconfigure(line_buffering=True)  # what the playbooks print goes between, also into a file
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def main() -> int:
    began = time.monotonic()
    lab = Lab()
    try:
        requests.get(f"{lab.entry}/health", timeout=5).raise_for_status()
    except (OSError, KeyError, requests.RequestException) as error:
        console.print(
            f"error: the lab '{lab.prefix}' does not answer ({type(error).__name__}); start it with make lab.", style="red"
        )
        return 1
    with tempfile.TemporaryDirectory(prefix="smartsports-demo-") as scratch:
        story = Story(lab, Path(scratch))
        try:
            tell(story)
            shortcomings = story.shortcomings()
        except ScenarioError as error:
            shortcomings = [str(error)]
        finally:
            story.close()
    took = f"{time.monotonic() - began:.0f} s"
    if shortcomings:
        console.print(f"\nThe demo failed after {took}: {' '.join(shortcomings)}", style="bold red")
        return 1
    console.print(f"\nSaved, with one command; the story took {took}.", style="bold green")
    console.print('Next: README.md, "it is 3 a.m.: which playbook?". The lab is still up; make lab-down removes it.', style="dim")
    return 0


def tell(story: Story) -> None:
    chapter(1, "AN ORDINARY EVENING", f"two replicas, a few visitors; the site is at {story.lab.entry}")
    scenario.settle(story.lab)
    normal = story.normal_day()
    console.print(
        f"  p95 {seconds(normal['p95'])}, {normal['failed']} failed, {normal['purchases']} tickets sold in {normal['seconds']:.0f} s"
    )

    chapter(2, "TICKET SALES OPEN", f"{story.rate:.0f} visitors a second arrive and do not wait for each other; some are bots")
    story.open_sale()
    story.drown(look("the crowd arrived"))

    chapter(3, "WHAT IS WRONG?", "$ ansible-playbook playbooks/assess.yml")
    story.assess(show=True)

    chapter(4, "ONE COMMAND", "$ ansible-playbook playbooks/respond.yml")
    story.respond(show=True)
    console.print(f"  ran for {story.figures['respond_seconds']} s, under full load")

    chapter(5, "DOES IT HELP?", "the crowd is still arriving; severity looks back a minute")
    story.relief(look("the response ended"))
    figures = story.end_surge()
    compare(figures)

    chapter(6, "THE SALE IS OVER", "two replicas and the normal settings again; did anybody lose a ticket?")
    for command, played in zip(("scale_down.yml -e replicas=2", "reset_configuration.yml"), story.way_back(), strict=True):
        console.print(f"  $ ansible-playbook playbooks/{command}  [dim]({played.changed} changed, {played.seconds:.1f} s)[/dim]")
    bought = story.verify()
    console.print(
        f"  {bought['acknowledged']} purchases were confirmed to buyers: {bought['missing']} missing in PostgreSQL, {bought['sold_twice']} seats sold twice",
        style="green" if bought["good"] else "bold red",
    )


def chapter(number: int, title: str, says: str) -> None:
    console.print(f"\n[bold cyan]({number}/{CHAPTERS}) {title}[/bold cyan]  [dim]{says}[/dim]")


def look(since: str):
    """A reporter of severities, one short line each."""

    def report(severity: str, passed: float) -> None:
        console.print(f"  {passed:3.0f} s after {since}: [{COLOURS[severity]}]{severity}[/{COLOURS[severity]}]")

    return report


def compare(figures: dict) -> None:
    before, after = figures["before"], figures["after"]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("  the same crowd", "before", "after"):
        table.add_column(column, justify="left" if column.startswith(" ") else "right")

    def row(name: str, left: str, right: str) -> None:
        table.add_row(f"  {name}", left, right)

    row("severity", *(f"[{COLOURS[level]}]{level}[/]" for level in (figures["severity_before"], figures["severity_after"])))
    row("p95", seconds(before["p95"]), seconds(after["p95"]))
    row("failed", share(before["failure_rate"]), share(after["failure_rate"]))
    row("purchases a second", f"{before['purchases_per_second']:.1f}", f"{after['purchases_per_second']:.1f}")
    row("asked to slow down (429), not failed", share(before["limited_rate"]), share(after["limited_rate"]))
    row("asked to queue (202), not failed", share(before["queued_rate"]), share(after["queued_rate"]))
    console.print(table)


def seconds(value: float | None) -> str:
    return "nobody was served" if value is None else f"{value:.2f} s"


def share(value: float) -> str:
    return f"{value:.1%}"


if __name__ == "__main__":
    sys.exit(main())
