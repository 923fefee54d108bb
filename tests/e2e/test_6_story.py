"""Under load that makes normal P1 or worse, respond makes severity better within a minute, and nobody loses a ticket."""

from __future__ import annotations

from pathlib import Path

import pytest
from sizes import FULL

from lab.load import record
from lab.scenario import Lab
from lab.story import Story

pytestmark = pytest.mark.alone

TIMES = 3 if FULL else 1


def test_one_command_saves_the_platform(calm: Lab, tmp_path: Path, proof):
    told = []
    for number in range(TIMES):
        story = Story(calm, tmp_path / str(number))
        try:
            story.normal_day()
            story.open_sale()
            story.drown()
            story.respond()
            story.relief()
            story.end_surge()
        finally:
            story.close()
        story.way_back()
        story.verify()
        told.append(
            {
                "figures": story.figures,
                "moments": story.moments,
                "severities": story.severities,
                "series": record.series(record.read_samples(story.directory / "surge"), story.moments["surge"]),
            }
        )
        proof("surge", {"rate": story.rate, "times": told})
        assert story.shortcomings() == []
        assert story.figures["severity_before"] in ("P0", "P1")
        assert story.figures["operator_seconds"] <= 1  # health and admin API of the drowned instances
        assert story.figures["purchases"]["acknowledged"] > 0
        assert story.figures["purchases"]["missing"] == 0
        assert story.figures["purchases"]["sold_twice"] == 0
        assert story.figures["seconds_to_relief"] <= 60
