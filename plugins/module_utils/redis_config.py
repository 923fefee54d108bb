# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Redis that the application caches in: one, or a cluster."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import Addresses, asked, module_spec
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import converge
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SETTINGS = {"cluster_mode": bool, "nodes": Addresses(1, 32)}
CHANGES = "api"
SPEC = module_spec(SETTINGS)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Bring the redis-config to what was asked on every instance."""
    return converge("redis-config", asked(SETTINGS, params), params, check_mode, say)
