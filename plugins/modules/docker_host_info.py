#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_host_info
short_description: What a Docker host has of what the collection needs
version_added: 0.1.0
description:
  - Looks at the engine, Compose, Python, memory, disk and clock, and names all that is missing at once, each with its fix.
  - Runs with the host's own Python, before anything is installed there.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
  idempotent:
    description: Only reads.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  directory:
    description: Where the virtual environment of the modules is, or will be.
    type: path
    required: true
  state_directory:
    description: Where locks, snapshots and journals are, or will be.
    type: path
    required: true
  clock:
    description: The controller's time, in seconds since 1970.
    type: float
    required: true
  installable:
    description: Systems, for example V(debian-12), on which Compose and Python's venv can be installed.
    type: list
    elements: str
    default: []
  min_compose:
    description: The oldest Compose that will do.
    type: str
    default: "2.24"
  min_memory:
    description: Memory that must be available, for example V(512M).
    type: str
    default: 512M
  min_disk:
    description: Disk that must be free, for example V(1G).
    type: str
    default: 1G
  max_clock_difference:
    description:
      - Seconds that the host's clock may be behind the controller's.
      - How far it is ahead can only be told from C(time) in RV(host), once the answer is there.
    type: float
    default: 5.0
  removing:
    description: Whether the host is looked at to remove what was installed; only what then stays is shown.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at the Docker host
  smartsports.scaling.docker_host_info:
    directory: /opt/smartsports-scaling
    state_directory: /var/lib/smartsports-scaling
    clock: "{{ now().timestamp() }}"
"""

RETURN = r"""
problems:
  description: What is wrong, each a sentence with the value, the rule and the fix.
  returned: success
  type: list
  elements: str
lacks:
  description: What is missing and can be installed, C(compose) and C(venv).
  returned: success
  type: dict
  sample: {compose: false, venv: true}
records:
  description: Whether there is anything in the state directory.
  returned: success
  type: bool
host:
  description: What was found.
  returned: success
  type: dict
  sample: {engine: 24.0.7, compose: 2.26.1, clock_difference: 0.2, time: 1795000000.5}
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.docker_host_info import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
