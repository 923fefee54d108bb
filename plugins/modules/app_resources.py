#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_resources
short_description: Change the CPUs and the memory of the running replicas, and of those to come
version_added: 0.1.0
description:
  - Changes the limits of every running replica as C(docker update) does, without a restart, and keeps them in the override that keeps the number of replicas.
  - Refuses, before anything changes, more than the host has, less than is in use and a fifth more, less than at present unless that was asked for, and
    a limit where there is none, since Docker takes one away only with a new container.
  - Where one replica or the override cannot be changed, those before it get their former limits again.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Predicts the change.
    support: full
  diff_mode:
    description: Shows the limits of each replica and what is kept for new ones.
    support: full
  idempotent:
    description: Changes only a difference.
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
    description: The directory on the Docker host that holds the compose files.
    type: path
    required: true
  files:
    description: The compose files in it, without the override.
    type: list
    elements: str
    default: [docker-compose.prod.yml]
  service:
    description: The Compose service of the application.
    type: str
    default: app
  cpus:
    description: CPUs of each replica; text that means a number is one. Without it they stay.
    type: raw
  memory:
    description: Memory of each replica, like C(8G), C(512M), C(1.5g), or bytes, in powers of 1024 as Docker reads it. Without it the memory stays.
    type: raw
  lower:
    description: Whether less than at present may be wanted.
    type: bool
    default: false
  playbooks:
    description: How playbooks are started, up to their directory; the report then ends with the command that takes the change back.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Four CPUs and 8 GiB for each replica
  smartsports.scaling.app_resources:
    project: smartsports
    project_dir: /opt/smartsports
    cpus: 4.0
    memory: 8G
"""

RETURN = r"""
report:
  description: One line for people, and the command that takes the change back.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.app_resources import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
