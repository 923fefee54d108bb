#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: performance_mode
short_description: Trade freshness and detail for throughput
version_added: 0.1.0
description:
  - Sets the admin API's high performance mode, and waits until every running instance runs with it.
  - While it is on, instances keep cached answers in their own memory and serve one that is past its time to live once more while it is renewed.
  - Optional members are left out of answers, and the pools to the databases may grow to twice their size.
  - What decides about a sale is never served stale; feature flags and rate limits stay as they are.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  high_performance_mode:
    description: Whether throughput comes first.
    type: bool
"""

EXAMPLES = r"""
- name: Be ready an hour before the event
  smartsports.scaling.performance_mode:
    token: "{{ smartsports_admin_token }}"
    high_performance_mode: true
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
from ansible_collections.smartsports.scaling.plugins.module_utils.performance_mode import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
