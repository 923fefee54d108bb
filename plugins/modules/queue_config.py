#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_config
short_description: Queue purchases, or put buyers into a waiting room
version_added: 0.1.0
description:
  - Sets the admin API's queues, and waits until every running instance keeps them.
  - Who waits is answered 202 with C(Retry-After); switching a queue off lets everybody in.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  ticket_purchase_queue:
    description: Bounds the purchases in progress.
    type: dict
    suboptions:
      enabled:
        description: Whether it does.
        type: bool
      max_concurrent:
        description: Purchases in progress on the whole platform, from 1 to 1000000.
        type: int
  virtual_queue:
    description: The waiting room before buying.
    type: dict
    suboptions:
      enabled:
        description: Whether buyers are admitted through it.
        type: bool
      max_concurrent_users:
        description: Buyers admitted at a time, from 1 to 10000000.
        type: int
      queue_timeout:
        description: Seconds that a place is kept, from 1 to 86400.
        type: int
      estimated_wait_time:
        description: Whether waiting buyers are told how long it will take.
        type: bool
"""

EXAMPLES = r"""
- name: Put buyers into a waiting room
  smartsports.scaling.queue_config:
    token: "{{ smartsports_admin_token }}"
    virtual_queue:
      enabled: true
      max_concurrent_users: 5000
      queue_timeout: 1800
      estimated_wait_time: true
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
from ansible_collections.smartsports.scaling.plugins.module_utils.queue_config import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
