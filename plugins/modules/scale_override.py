#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: scale_override
short_description: Keep the number of replicas in an override of the compose files
version_added: 0.1.0
description:
  - Writes C(docker-compose.scale.yml), which takes away what forbids a second replica and says how many there are, and lists it in C(COMPOSE_FILE) of C(.env).
  - Compose typed by hand in that directory then keeps the number. Starts and stops nothing.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Predicts the change.
    support: full
  diff_mode:
    description: Shows the kept number and whether the override is listed; never the content of C(.env).
    support: full
  idempotent:
    description: Writes only a difference.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
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
  replicas:
    description: The number to keep.
    type: int
    required: true
  static_networks:
    description: Compose's names of the networks on which the service has a static address, which a second replica cannot have.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Keep ten replicas
  smartsports.scaling.scale_override:
    project_dir: /opt/smartsports
    replicas: 10
"""

RETURN = r"""
file:
  description: The override.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.scale_override import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
