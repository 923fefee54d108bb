# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which read replicas the application reads the catalogue from."""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import Addresses, asked, module_spec
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync import converge
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Say

SETTINGS = {"read_replicas": Addresses(0, 16)}
CHANGES = "api"
SPEC = module_spec(SETTINGS)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    """Bring the database-config to what was asked on every instance."""
    return converge("database-config", asked(SETTINGS, params), params, check_mode, say)
