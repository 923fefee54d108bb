#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: lease
short_description: Find settings that are past their time, and renew those that cannot go back yet
version_added: 0.1.0
description:
  - Tells whether the innermost open record is overdue. Its settings are then taken back by recovery's stages, or, where their gate says no, get some
    more time, which the journal and the chat are told.
  - An overdue record in which another is open waits for that one; what the inner one goes back to would change beneath it otherwise.
  - Refused while automation is off (M(smartsports.scaling.automation)), where something is overdue and no person runs it.
  - Takes no lock and changes nothing of the platform.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.chat
  - smartsports.scaling.state
  - smartsports.scaling.state.identity
attributes:
  check_mode:
    description: Tells what would become of it.
    support: full
  diff_mode:
    description: The platform is not changed.
    support: none
  idempotent:
    description: What was renewed is not overdue.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  verdict:
    description: What M(smartsports.scaling.recovery_gate) says of the load; V(hold) renews what is overdue, and empty only looks.
    type: str
    choices: ["", pass, hold]
    default: ""
  why:
    description: What it says that is for.
    type: str
    default: ""
  minutes:
    description: For how long it is renewed, from now.
    type: raw
    default: 30
  commands:
    description: How the playbook C(automation) is started, for messages.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Look at what is overdue
  smartsports.scaling.lease:
    state_directory: /var/lib/smartsports-scaling
    identity: "{{ me.identity }}"
  register: lease
"""

RETURN = r"""
record:
  description: The id of the innermost open record where that is, or was, overdue; empty otherwise.
  returned: success
  type: str
  sample: 20261125-201500-incident-3f1c
report:
  description: The same for people, in one line.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.lease import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
