# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long answers are served from the cache, seconds."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import asked, module_spec
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import converge
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SETTINGS = {
    "event_list_ttl": (1, 86_400),
    "venue_info_ttl": (1, 86_400),
    "team_info_ttl": (1, 86_400),
    "static_content_ttl": (1, 86_400),
}
CHANGES = "api"
SPEC = module_spec(SETTINGS)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Bring the cache-config to what was asked on every instance."""
    return converge("cache-config", asked(SETTINGS, params), params, check_mode, say)
