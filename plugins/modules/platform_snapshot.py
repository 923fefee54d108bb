#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_snapshot
short_description: Read all that a run could change, so that it can be put back
version_added: 0.1.0
description:
  - Every resource of the admin API, the number of replicas and their limits, and PgBouncer's pool size. A tier that cannot be read is named with the
    reason, and is no failure.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.snapshot
  - smartsports.scaling.admin.read
"""

EXAMPLES = r"""
- name: Keep how everything is set
  smartsports.scaling.platform_snapshot:
    token: "{{ smartsports_admin_token }}"
    pgbouncer_admin_password: "{{ smartsports_pgbouncer_admin_password }}"
  register: before
"""

RETURN = r"""
settings:
  description: The settings by resource; the replicas and their limits as C(app), PgBouncer's pool as C(pool).
  returned: success
  type: dict
  sample: {app: {replicas: 2, cpus: "0.5", memory: 512M}, cache-config: {event_list_ttl: 60}, pool: {default_pool_size: 100}}
unreadable:
  description: The tiers (C(api), C(app), C(pool)) that could not be read, and why.
  returned: success
  type: dict
  sample: {pool: smartsports_pgbouncer_admin_password is not set}
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.platform_snapshot import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
