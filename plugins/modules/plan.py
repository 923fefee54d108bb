#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Show a plan to those who decide, and keep it so that exactly this can be carried out
version_added: 0.1.0
description:
  - Shows what M(smartsports.scaling.profile_plan) found, with restarts, an estimate of the time it takes, and the command that takes it back.
  - Keeps it in the state directory of the Docker host, in C(plans) under the first 12 digits of its hash; of all plans the newest 20 stay.
  - Who may not write to the state directory sees the plan all the same, and why it is not kept.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Shows the same and keeps nothing.
    support: full
  diff_mode:
    description: The plan is the difference.
    support: none
  idempotent:
    description: Changes nothing but its own file.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  state_directory:
    description: The directory on the Docker host with lock, records and journals; made where it is missing, for its owner alone.
    type: path
    required: true
  plan:
    description: What M(smartsports.scaling.profile_plan) returned.
    type: dict
    required: true
  identity:
    description: Who plans, from M(smartsports.scaling.run_identity).
    type: dict
    required: true
  bottleneck:
    description: The tier that limits the platform, as assessed.
    type: str
    default: none
  beyond:
    description: What no profile does, by the bottleneck that would need it.
    type: dict
    default: {}
  commands:
    description: The commands to show, C(respond) and C(undo).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the plan, and keep it
  smartsports.scaling.plan:
    state_directory: /var/lib/smartsports-scaling
    plan: "{{ planned }}"
    identity: "{{ me.identity }}"
    commands: {respond: ansible-playbook playbooks/respond.yml, undo: ansible-playbook playbooks/undo.yml}
"""

RETURN = r"""
id:
  description: The first 12 digits of the plan's hash, by which it is named.
  returned: success
  type: str
  sample: 3f9a12cd4567
kept:
  description: Whether it was kept.
  returned: success
  type: bool
seconds:
  description: An estimate of how long it takes to carry it out.
  returned: success
  type: float
report:
  description: The plan for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.plan import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
