# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many payments are in progress at a time, and what becomes of those that fail."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import asked, module_spec
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import converge
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SETTINGS = {
    "enabled": bool,
    "max_concurrent_payments": (1, 1_000_000),
    "retry_failed_payments": bool,
    "queue_timeout": (1, 86_400),
}
CHANGES = "api"
SPEC = module_spec(SETTINGS)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Bring the payment-queue to what was asked on every instance."""
    return converge("payment-queue", asked(SETTINGS, params), params, check_mode, say)
