#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: run_end
short_description: Write down what a run changed, and let go of the platform
version_added: 0.1.0
description:
  - Compares the platform with how the run found it, keeps the changes in the record and the end in the journal, and releases the lock, whatever fails.
  - A record that the run opened, and in which nothing was changed and nothing failed, is taken away again.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.snapshot
  - smartsports.scaling.admin.read
  - smartsports.scaling.chat
options:
  begun:
    description: The result of M(smartsports.scaling.run_begin).
    type: dict
    required: true
  failure:
    description: What failed in the run, for the journal.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Let go of the platform
  smartsports.scaling.run_end:
    token: "{{ smartsports_admin_token }}"
    begun: "{{ incident_run }}"
"""

RETURN = r"""
settings:
  description: The settings by resource; the replicas and their limits as C(app), PgBouncer's pool as C(pool).
  returned: success
  type: dict
  sample: {app: {replicas: 2, cpus: "0.5", memory: 512M}, cache-config: {event_list_ttl: 60}, pool: {default_pool_size: 100}}
changes:
  description: What has another value than when the run began.
  returned: success
  type: dict
  sample: {app.replicas: {from: 2, to: 5}}
record:
  description: The record's id; empty where it was taken away.
  returned: success
  type: str
seconds:
  description: How long it took after the look at what is in force, which a run without a record would need as well.
  returned: success
  type: float
report:
  description: What the chat was not told of the run's beginning; null where it was.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.run_end import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
