#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: escalation
short_description: Tell who has to know of an incident that nobody has acknowledged
version_added: 0.1.0
description:
  - Shows the open incident, for how long it is open, and who is due by the ladder; tells the chat and the journal of each rung once. A rung of which the
    chat could not be told is told again the next time. Made to be run every minute.
  - An incident that is acknowledged goes up no further. Changes nothing of the platform.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.chat
  - smartsports.scaling.state
  - smartsports.scaling.state.identity
attributes:
  check_mode:
    description: Tells who would be notified.
    support: full
  diff_mode:
    description: The platform is not changed.
    support: none
  idempotent:
    description: Each rung is told once, and so is each reason of an escalation by hand.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  ladder:
    description: Who is called, each with C(name), C(after) in minutes of the incident, and C(phone).
    type: list
    elements: dict
    required: true
  external:
    description: Who else can be called by hand, each with C(name), C(phone), and C(for), what they are called for.
    type: list
    elements: dict
    default: []
  to:
    description: The name of a contact, to escalate by hand.
    type: str
    default: ""
  why:
    description: The reason of an escalation by hand, which needs one.
    type: str
    default: ""
  commands:
    description: How the playbook C(incident) is started, for messages.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Tell who is due
  smartsports.scaling.escalation:
    state_directory: /var/lib/smartsports-scaling
    identity: "{{ me.identity }}"
    ladder:
      - {name: On-call engineer, phone: +250-XXX-XXXX, after: 0}
      - {name: CTO, phone: +250-XXX-XXXX, after: 15}
    chat:
      webhook_url: "{{ smartsports_webhook_url }}"
      platform: smartsports
"""

RETURN = r"""
record:
  description: The incident, null where none is open.
  returned: success
  type: dict
minutes:
  description: For how long it is open.
  returned: success
  type: int
due:
  description: The rungs of the ladder that are due, the last one now; none where it is acknowledged.
  returned: success
  type: list
  elements: str
  sample: [On-call engineer, CTO]
notified:
  description: What was told now.
  returned: success
  type: list
  elements: str
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.escalation import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
