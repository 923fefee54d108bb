# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS, merged


def test_the_runbook():
    assert THRESHOLDS["severity"]["response_time"] == {"P0": 10, "P1": 5, "P2": 2}
    assert THRESHOLDS["severity"]["error_rate"] == {"P0": 10, "P1": 5, "P2": 2}
    triggers = {name: (trigger["limit"], trigger["seconds"]) for name, trigger in THRESHOLDS["triggers"].items()}
    assert triggers == {
        "cpu": (70, 300),
        "memory": (80, 180),
        "response_time": (2, 60),
        "error_rate": (2, 120),
        "connections": (80, 60),
    }


def test_an_inventory_corrects_single_numbers():
    result = merged(THRESHOLDS, {"severity": {"cpu": {"P1": "95", "P0": 99}}}, "t")
    assert result["severity"]["cpu"] == {"P0": 99, "P1": 95, "P2": 70}
    assert result["severity"]["memory"] == THRESHOLDS["severity"]["memory"]
    assert THRESHOLDS["severity"]["cpu"] == {"P1": 90, "P2": 70}


def test_a_metric_has_another_name():
    assert merged(METRICS, {"cpu": "app_cpu"}, "m")["cpu"] == "app_cpu"


@pytest.mark.parametrize(
    ("corrections", "says"),
    [
        ({"severty": {}}, "t.severty is no setting"),
        ({"severity": {"cpus": {}}}, "t.severity.cpus is no setting"),
        ({"severity": {"cpu": {"P3": 1}}}, "t.severity.cpu.P3 is no setting"),
        ({"severity": {"cpu": {"P1": "ninety"}}}, "t.severity.cpu.P1 is 'ninety', but must be a number"),
        ({"severity": {"cpu": {"P1": True}}}, "must be a number"),
        ({"severity": {"cpu": {"P1": None}}}, "must be a number"),
        ({"severity": {"cpu": {"P1": -1}}}, "must be a number"),
        ({"severity": {"cpu": {"P1": "nan"}}}, "must be a number"),
        ({"severity": {"cpu": 90}}, "must be a dictionary"),
    ],
)
def test_refusals(corrections, says):
    with pytest.raises(Refusal, match=says):
        merged(THRESHOLDS, corrections, "t")
