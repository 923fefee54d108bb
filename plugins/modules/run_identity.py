#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: run_identity
short_description: Say who runs which playbook, and from where
version_added: 0.1.0
description:
  - What the lock and the journal tell of a run. It looks at the controller that runs it and at nothing else.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Does the same.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing, but each run gets another id.
    support: full
  platform:
    description: Runs on the controller.
    platforms: posix
    support: full
options:
  who:
    description: Who is at it; empty is the user that started Ansible, the one before sudo.
    type: str
    default: ""
  source:
    description: Where the run comes from; empty is C(awx) in an AWX job, C(person) elsewhere.
    type: str
    choices: ["", person, awx, schedule, alert]
    default: ""
  playbook:
    description: The playbook's name; empty is the name that Ansible was started with.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Say who it is
  smartsports.scaling.run_identity:
    who: "{{ awx_user_name | default('') }}"
  register: me
"""

RETURN = r"""
identity:
  description: Who, what, from where; C(controller) is the process of ansible-playbook, which tells later whether it still runs.
  returned: success
  type: dict
  sample: {run: 0b6f5c9e-5a0e-4a59-9d6f-0c2f8f0d2d0e, who: grace@laptop, source: person, playbook: respond.yml, controller: {host: laptop, pid: 4711}}
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.run_identity import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
