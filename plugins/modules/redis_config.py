#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_config
short_description: Set the Redis that the application caches in
version_added: 0.1.0
description:
  - Sets the admin API's mode and list of Redis nodes, and waits until every running instance runs with it.
  - Changes no Redis; the nodes must run in the mode that is set before the application is told.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  cluster_mode:
    description: Whether the nodes are a Redis Cluster.
    type: bool
  nodes:
    description: The nodes as C(host:port), from 1 to 32, each once. The list replaces the one before.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Use the cluster
  smartsports.scaling.redis_config:
    token: "{{ smartsports_admin_token }}"
    cluster_mode: true
    nodes:
      - redis-primary:6379
      - redis-node-2:6379
      - redis-node-3:6379
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
from ansible_collections.smartsports.scaling.plugins.module_utils.redis_config import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
