# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The assessment's limits and metrics as data, with an inventory's corrections."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.filter.assessment_limits import assessment_limits
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS


def test_without_corrections_they_are_the_runbooks():
    assert assessment_limits({}, {}) == {"thresholds": THRESHOLDS, "metrics": METRICS}


def test_an_inventory_corrects_them():
    found = assessment_limits({"severity": {"cpu": {"P1": "95"}}}, {"cpu": "process_cpu"})
    assert found["thresholds"]["severity"]["cpu"] == {"P1": 95, "P2": 70}
    assert found["metrics"]["cpu"] == "process_cpu"


def test_a_misspelt_correction_is_refused():
    with pytest.raises(Refusal, match=r"load_assessment_thresholds\.severity\.cpuu"):
        assessment_limits({"severity": {"cpuu": {"P1": 95}}}, {})
