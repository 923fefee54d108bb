#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_retire
short_description: Stop and remove replicas that get no requests
version_added: 0.1.0
description:
  - Stops the named replicas side by side, each within its own C(stop_grace_period), and removes them, since Compose could start a stopped one again.
  - Take them out of nginx first, with M(smartsports.scaling.upstream). Names that do not exist are done already.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Predicts who is removed.
    support: full
  diff_mode:
    description: Shows the service's containers.
    support: full
  idempotent:
    description: A second run finds nobody.
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
  service:
    description: The Compose service of the application.
    type: str
    default: app
  names:
    description: Names of the containers.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Remove the newest replica
  smartsports.scaling.app_retire:
    project: smartsports
    names: [smartsports-app-10]
"""

RETURN = r"""
removed:
  description: Names of those that were removed.
  returned: success
  type: list
  elements: str
killed:
  description: Names of those that did not end in time.
  returned: when something was removed
  type: list
  elements: str
seconds:
  description: How long it took.
  returned: when something was removed
  type: float
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.app_retire import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
