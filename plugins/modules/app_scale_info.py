#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_scale_info
short_description: Observe the application's replicas, and plan the way to another number
version_added: 0.1.0
description:
  - Finds the replicas by their Compose labels and compares them with the wanted number. Changes nothing.
  - Refuses a number that is none, one that is out of range, fewer than run unless that was asked for, and more than the host's memory can hold.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Does the same in check mode; the report says that nothing was changed.
    support: full
  diff_mode:
    description: Shows the present and the wanted number.
    support: full
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  project:
    description: The Compose project.
    type: str
    required: true
  project_dir:
    description: The directory on the Docker host that holds the compose files; a plan needs it.
    type: path
  files:
    description: The compose files in it, without the override.
    type: list
    elements: str
    default: [docker-compose.prod.yml]
  service:
    description: The Compose service of the application.
    type: str
    default: app
  replicas:
    description: The wanted number; text that means a number is one. Without it there is no plan.
    type: raw
  maximum:
    description: The highest number that is accepted.
    type: int
    default: 20
  allow_down:
    description: Whether fewer than run may be wanted.
    type: bool
    default: false
  allow_up:
    description: Whether more than run may be wanted.
    type: bool
    default: true
  since:
    description: An earlier RV(observed); the result then has a report of what happened since.
    type: dict
  playbooks:
    description: How playbooks are started, up to their directory; the report then ends with the command that takes the change back.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Plan ten replicas
  smartsports.scaling.app_scale_info:
    project: smartsports
    project_dir: /opt/smartsports
    replicas: 10
"""

RETURN = r"""
replicas:
  description: How many run.
  returned: success
  type: int
observed:
  description: The replicas, how many the override keeps, the host's memory.
  returned: success
  type: dict
plan:
  description: How many to add; whom to remove, newest first and never the one that holds the host's port; stopped leftovers; the kept number.
  returned: when O(replicas) is given
  type: dict
report:
  description: One line for people.
  returned: when O(since) is given
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.app_scale_info import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
