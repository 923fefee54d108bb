# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The limits and the metrics that the assessment judges by, with an inventory's corrections."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS, merged


def assessment_limits(corrections: dict, metrics: dict) -> dict:
    """{thresholds, metrics}, complete."""
    return {
        "thresholds": merged(THRESHOLDS, corrections, "load_assessment_thresholds"),
        "metrics": merged(METRICS, metrics, "load_assessment_metrics"),
    }


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict:
        return {"assessment_limits": assessment_limits}
