#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_info
short_description: Read all that a plan compares, in one look
version_added: 0.1.0
description:
  - The settings of the admin API and the number of replicas, and whether nginx knows those that run. The same that M(smartsports.scaling.admin_info),
    M(smartsports.scaling.app_scale_info) and M(smartsports.scaling.upstream) tell in check mode, for the cost of one module.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.read
options:
  tiers:
    description: What is looked at, settings (V(api)) and replicas (V(app)); anything else is not looked at.
    type: list
    elements: str
    default: [api, app]
  resources:
    description: Which settings are read.
    type: list
    elements: str
    choices: [rate-limits, queue-config, payment-queue, feature-flags, cache-config, database-config, redis-config, performance-mode]
    default: [rate-limits, queue-config, payment-queue, feature-flags, cache-config, database-config, redis-config, performance-mode]
  nginx_service:
    description: The Compose service of nginx.
    type: str
    default: nginx
  upstreams:
    description: Names of nginx's upstream blocks that send to the application. Empty leaves nginx out.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Observe the platform
  smartsports.scaling.platform_info:
    token: "{{ smartsports_admin_token }}"
    upstreams: [app]
  register: platform
"""

RETURN = r"""
observed:
  description: The settings by resource, and the replicas as C(app).
  returned: success
  type: dict
  sample: {app: {replicas: 2}, cache-config: {event_list_ttl: 60}}
unfinished:
  description:
    - C(app), where replicas run that nginx does not know, as after a run that was killed.
    - A resource whose settings are not the same on all instances.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.platform_info import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
