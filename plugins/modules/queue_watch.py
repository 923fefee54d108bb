#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_watch
short_description: Watch the queues, a row every few seconds
version_added: 0.1.0
description:
  - Shows who waits, who is admitted, how long it takes and how many give up; the trend is against the row before.
  - Each row is shown when it is known, also where the platform is reached by SSH. It ends by itself.
  - A look that nobody answers is a row that says so, and the watch goes on; it fails where no look was answered.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.read
options:
  seconds:
    description: How long to watch, from 0 (one row) to 86400.
    type: raw
    default: 120
  every:
    description: Seconds from one row to the next, from 2 to 3600.
    type: raw
    default: 10
  seen:
    description: The rows so far. The module passes it on to its own next look.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Watch the queues for a minute
  smartsports.scaling.queue_watch:
    token: "{{ smartsports_admin_token }}"
    seconds: 60
"""

RETURN = r"""
rows:
  description: Each look, its time, and the queues as the admin API describes them, or the problem where nobody answered.
  returned: success
  type: list
  elements: dict
  sample: [{at: 1700000000.0, status: {virtual_queue: {length: 120, admitted: 5000}}}]
report:
  description: The last row for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.queue_watch import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
