#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: database_config
short_description: Set the read replicas that the application reads from
version_added: 0.1.0
description:
  - Sets the admin API's list of read replicas, and waits until every running instance runs with it.
  - Catalogue reads go round robin to the replicas; one that cannot be reached is passed over, and with none left reads go to the primary.
  - Starts and checks no database; a name is resolved by the application's containers, not by this host.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  read_replicas:
    description:
      - The replicas as C(host:port), at most 16, each once. The list replaces the one before.
      - An empty list sends all reads to the primary.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Read from a second replica, too
  smartsports.scaling.database_config:
    token: "{{ smartsports_admin_token }}"
    read_replicas:
      - postgres-replica:5432
      - postgres-replica-2:5432

- name: Read from the primary alone
  smartsports.scaling.database_config:
    token: "{{ smartsports_admin_token }}"
    read_replicas: []
"""

RETURN = r"""
settings:
  description: The effective settings, complete; where the application offers no GET, what was sent.
  returned: success
  type: dict
version:
  description: The version of the settings; V(none) where the application offers no GET.
  returned: success
  type: int
instances:
  description: Names of the containers that run with it; in check mode, those that answered.
  returned: success
  type: list
  elements: str
idempotent:
  description: False where the application offers no GET, so that a second run would send and report the same again.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.database_config import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
