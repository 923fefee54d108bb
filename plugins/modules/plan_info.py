#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_info
short_description: Get a plan that was kept
version_added: 0.1.0
description:
  - Finds a plan that M(smartsports.scaling.plan) kept, by its hash or the first 6 digits of it or more, so that it can be carried out.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.state
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  hash:
    description: The plan's hash, or how it begins. Refused where no plan begins so, or several do.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Get the plan that was decided on
  smartsports.scaling.plan_info:
    state_directory: /var/lib/smartsports-scaling
    hash: 3f9a12cd4567
  register: decided
"""

RETURN = r"""
plan:
  description: The plan, with who made it and when; M(smartsports.scaling.profile_plan) takes it as its O(smartsports.scaling.profile_plan#module:named).
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.plan_info import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
