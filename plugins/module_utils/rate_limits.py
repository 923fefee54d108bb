# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What clients may ask of the endpoints that sell no ticket."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import asked, module_spec
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import converge
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SETTINGS = {
    "search_endpoints": {"requests_per_minute": (1, 100_000)},
    "analytics_endpoints": {"requests_per_minute": (1, 100_000)},
    "non_essential_endpoints": {"enabled": bool},
}
CHANGES = "api"
SPEC = module_spec(SETTINGS)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Bring the rate-limits to what was asked on every instance."""
    return converge("rate-limits", asked(SETTINGS, params), params, check_mode, say)
