#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: admin_info
short_description: Read what the application's instances run with
version_added: 0.1.0
description:
  - Asks every running instance for its settings, side by side, and tells where they disagree.
  - An instance that does not answer is named; the module fails where none does.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.read
options:
  resources:
    description: What is read.
    type: list
    elements: str
    choices: [rate-limits, queue-config, payment-queue, feature-flags, cache-config, database-config, redis-config, performance-mode]
    default: [rate-limits, queue-config, payment-queue, feature-flags, cache-config, database-config, redis-config, performance-mode]
"""

EXAMPLES = r"""
- name: See what the platform runs with
  smartsports.scaling.admin_info:
    token: "{{ smartsports_admin_token }}"
  register: admin
"""

RETURN = r"""
settings:
  description: The newest effective settings of each resource that the application offers.
  returned: success
  type: dict
  sample: {feature-flags: {analytics_tracking: true, recommendation_engine: false, social_features: false, email_notifications: true}}
versions:
  description: Their versions.
  returned: success
  type: dict
  sample: {feature-flags: 3}
instances:
  description: Names of the containers that answered.
  returned: success
  type: list
  elements: str
disagreements:
  description: One entry a member that not all instances run with the same value of; they have a second to follow a change.
  returned: success
  type: list
  elements: dict
  sample: [{resource: feature-flags, member: social_features, values: {smartsports-app: false, smartsports-app-2: true}}]
not_answering:
  description: Name and reason of each instance that did not answer.
  returned: success
  type: dict
not_offered:
  description: Resources that at least one instance has no GET for.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.admin_info import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
