#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: automation
short_description: Switch off, and on again, whatever changes the platform by itself
version_added: 0.1.0
description:
  - One switch in the state directory, with who used it, when and why. While it is off, M(smartsports.scaling.run_begin) refuses a run of kind C(auto), and
    every run from a schedule or an alert. People are never stopped, neither by hand nor through AWX.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.state
  - smartsports.scaling.state.identity
attributes:
  check_mode:
    description: Tells whether the switch would be used.
    support: full
  diff_mode:
    description: The platform is not changed.
    support: none
  idempotent:
    description: What is off stays as it was switched off, with the first reason.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  state:
    description: How it is to be; V(status) only looks.
    type: str
    choices: [status, "off", "on"]
    default: status
  why:
    description: The reason; V(off) needs one.
    type: str
    default: ""
  commands:
    description: How the playbook C(automation) is started, for messages.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Stop all automation
  smartsports.scaling.automation:
    state_directory: /var/lib/smartsports-scaling
    identity: "{{ me.identity }}"
    state: "off"
    why: the autoscaler fights the response
"""

RETURN = r"""
automation:
  description: How it was switched last.
  returned: success
  type: dict
  sample: {state: "off", who: ines@ops1, since: "2026-11-25T20:31:07Z", why: the autoscaler fights the response}
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.automation import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
