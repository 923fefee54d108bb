# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who waits before buying: the purchase queue and the waiting room."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import asked, module_spec
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import converge
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SETTINGS = {
    "ticket_purchase_queue": {"enabled": bool, "max_concurrent": (1, 1_000_000)},
    "virtual_queue": {
        "enabled": bool,
        "max_concurrent_users": (1, 10_000_000),
        "queue_timeout": (1, 86_400),
        "estimated_wait_time": bool,
    },
}
CHANGES = "api"
SPEC = module_spec(SETTINGS)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Bring the queue-config to what was asked on every instance."""
    return converge("queue-config", asked(SETTINGS, params), params, check_mode, say)
