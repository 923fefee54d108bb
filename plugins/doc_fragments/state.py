# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the modules share which read or write the state directory: where it is, and who does."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state_directory:
    description: The directory on the Docker host with lock, records and journals.
    type: path
    required: true
"""

    IDENTITY = r"""
options:
  identity:
    description: Who it is, from M(smartsports.scaling.run_identity).
    type: dict
    required: true
"""
