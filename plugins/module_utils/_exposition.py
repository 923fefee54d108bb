# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prometheus's text format, as an application serves it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass
class Scrape:
    """One answer of one target."""

    at: float  # monotonic seconds
    samples: dict[str, list[tuple[dict, float]]] = field(default_factory=dict)  # metric -> [(labels, value)]
    families: set[str] = field(default_factory=set)  # also those without a sample yet

    def total(self, metric: str) -> float | None:
        """The sum over all labels; None where there is no sample."""
        found = self.samples.get(metric)
        return sum(value for _labels, value in found) if found else None


def parse(text: str, at: float) -> Scrape:
    """Lines that are no samples are passed over: a target that answers half of its metrics still proves that half."""
    scrape = Scrape(at)
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            scrape.families.update((name, name.removesuffix("_total"), name + "_total"))
        elif (match := _SAMPLE.match(line)) and not line.startswith("#"):
            name, labels, value = match.groups()
            try:
                number = float(value)
            except ValueError:
                continue
            found = {key: re.sub(r'\\[\\"n]', lambda e: _ESCAPES[e.group()], text) for key, text in _LABEL.findall(labels or "")}
            scrape.samples.setdefault(name, []).append((found, number))
    return scrape


def increase(first: Scrape, second: Scrape, metric: str) -> list[tuple[dict, float]]:
    """How much each series of a counter grew; a counter that fell was reset and grew from 0."""
    before = {tuple(sorted(labels.items())): value for labels, value in first.samples.get(metric, [])}
    grown = []
    for labels, value in second.samples.get(metric, []):
        was = before.get(tuple(sorted(labels.items())), 0.0)
        grown.append((labels, value - was if value >= was else value))
    return grown
