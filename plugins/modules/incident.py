#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: incident
short_description: Look at the record that is open, open one, close it, renew it, acknowledge it
version_added: 0.1.0
description:
  - A record remembers how the platform was before its first run, what each run set, who is at it and until when. Runs open one on their own.
  - Closing is refused while something that was set is not as it was, unless it is to stay.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.snapshot
  - smartsports.scaling.chat
  - smartsports.scaling.state
  - smartsports.scaling.state.identity
attributes:
  check_mode:
    description: Tells whether the record would be changed.
    support: full
  diff_mode:
    description: The platform is not changed.
    support: none
  idempotent:
    description: Opening what is open raises its severity and changes nothing else, acknowledging again changes nothing; renewing counts from now.
    support: partial
options:
  action:
    description: What to do with the record that is open.
    type: str
    choices: [status, open, close, renew, acknowledge]
    default: status
  kind:
    description: For V(open), what it is.
    type: str
    choices: [incident, planned, auto]
    default: incident
  severity:
    description: For V(open), how bad it is.
    type: str
    choices: ["", P0, P1, P2]
    default: ""
  why:
    description: The reason, for V(open) and V(close).
    type: str
    default: ""
  hours:
    description: For V(renew), hours from now until the settings expire, above 0 and up to 168.
    type: float
    default: 4.0
  leave:
    description: For V(close), whether what is still set stays as it is.
    type: bool
    default: false
  commands:
    description: How the playbook C(incident) is started, for messages.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Say that somebody is at it
  smartsports.scaling.incident:
    token: "{{ smartsports_admin_token }}"
    state_directory: /var/lib/smartsports-scaling
    identity: "{{ me.identity }}"
    action: acknowledge
"""

RETURN = r"""
record:
  description: The record, null where none is open.
  returned: success
  type: dict
holder:
  description: Who holds the lock, null where nobody does.
  returned: success
  type: dict
away:
  description: What our runs set and is not as it was before, by field.
  returned: success
  type: dict
  sample: {app.replicas: {before: 2, ours: 10, now: 10}}
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.incident import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
