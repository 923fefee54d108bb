#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: response_summary
short_description: Verify a plan's changes and say what to do next
version_added: 0.1.0
description:
  - Compares what is observed after a run with the plan of M(smartsports.scaling.profile_plan), and shows what changed, what to do if it does not help,
    and how it is taken back, to normal or just these changes.
  - Fails, naming it, where something was not done.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Shows what would change.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Runs anywhere.
    platforms: all
    support: full
options:
  plan:
    description: The plan.
    type: dict
    required: true
  observed:
    description: The settings by resource after the run; not looked at in check mode.
    type: dict
    default: {}
  failures:
    description: The steps that failed.
    type: list
    elements: dict
    default: []
    suboptions:
      object:
        description: The resource that was being changed.
        type: str
        required: true
      reason:
        description: What it failed with.
        type: str
        required: true
  bottleneck:
    description: The tier that limits the platform, as assessed.
    type: str
    default: none
  beyond:
    description: By bottleneck, what a response leaves out because it restarts something or takes minutes.
    type: dict
    default: {}
  contacts:
    description: Whom to call when the strongest profile does not help, in order.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Who it is.
        type: str
        required: true
      phone:
        description: The number.
        type: str
        default: ""
      after:
        description: The minute of the incident from which they are called.
        type: str
        default: ""
  commands:
    description: The commands to show, as they are to be pasted; C(respond), C(reset), C(scale_down) and C(undo).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Sum up
  smartsports.scaling.response_summary:
    plan: "{{ plan }}"
    observed: "{{ admin.settings | combine({'app': {'replicas': 8}}) }}"
    commands:
      respond: ansible-playbook playbooks/respond.yml
      reset: ansible-playbook playbooks/reset_configuration.yml
      scale_down: ansible-playbook playbooks/scale_down.yml
      undo: ansible-playbook playbooks/undo.yml
"""

RETURN = r"""
in_force:
  description: The changes that were made, or would be in check mode.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.response_summary import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
