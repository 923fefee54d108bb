#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: timeline
short_description: Show who did what, when, and what it changed
version_added: 0.1.0
description:
  - The journal of the record that is open, or of the newest one. A run or a step that has no end, and whose run does not hold the lock, is told.
  - Beside each step stands what is known of its load and differs, before and after; of one without an end, the load before it.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.state
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Nothing changes.
    support: none
  idempotent:
    description: Reads only.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  record:
    description: A record's id; empty is the one that is open, else the newest.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show what was done
  smartsports.scaling.timeline:
    state_directory: /var/lib/smartsports-scaling
"""

RETURN = r"""
record:
  description: The record.
  returned: success
  type: dict
events:
  description: Its events, the oldest first.
  returned: success
  type: list
  elements: dict
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.timeline import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
