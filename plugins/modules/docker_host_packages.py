#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_host_packages
short_description: Install Debian packages on a Docker host, and remove just these again
version_added: 0.1.0
description:
  - Installs packages with what they need, and notes each that was not there before, before it comes. What is only upgraded was there before.
  - Refuses where apt-get would remove something for it. A run that was killed is finished by the next one.
  - Removed again is what was noted. What packages of others need by then stays, and that is said.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Predicts O(names); what these bring along is known after apply.
    support: full
  diff_mode:
    description: Shows what comes, or goes.
    support: full
  idempotent:
    description: A second run installs, or removes, nothing.
    support: full
  platform:
    description: Runs on the Docker host, with apt-get and dpkg.
    platforms: debian
    support: full
options:
  directory:
    description: A directory that exists; the notes are kept in C(installed) in it.
    type: path
    required: true
  names:
    description: The packages; only what is not there should be named, as what is there is upgraded.
    type: list
    elements: str
    default: []
  state:
    description: Whether the packages are installed, or all that were noted are removed.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Install Compose
  smartsports.scaling.docker_host_packages:
    directory: /opt/smartsports-scaling
    names: [docker-compose]

- name: Remove it, and what it brought along
  smartsports.scaling.docker_host_packages:
    directory: /opt/smartsports-scaling
    state: absent
"""

RETURN = r"""
packages:
  description: What came, or went, with all that was brought along.
  returned: success
  type: list
  elements: str
  sample: [python3-pip-whl, python3-venv]
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.docker_host_packages import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
