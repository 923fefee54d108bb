#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_status
short_description: Read who waits, and for how long
version_added: 0.1.0
description:
  - Asks the first instance that answers for the platform's queues.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.read
"""

EXAMPLES = r"""
- name: Look at the queues
  smartsports.scaling.queue_status:
    token: "{{ smartsports_admin_token }}"
  register: queues
"""

RETURN = r"""
status:
  description: The queues as the admin API describes them.
  returned: success
  type: dict
  sample: {ticket_purchase_queue: {enabled: true, max_concurrent: 1000, in_progress: 12, waiting: 0}, instances: 2}
answered_by:
  description: Name of the container that answered.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.queue_status import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
