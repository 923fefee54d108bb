#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: upstream
short_description: Have nginx send requests to exactly the application's replicas
version_added: 0.1.0
description:
  - Writes one C(server) line for each running, healthy replica, with its address from the network that it shares with nginx, into each
    upstream block that nginx loads and that sends to the application; everything else in the blocks and their files stays.
  - A server that is slow or unhealthy under load stays; one that is new enters when it is healthy.
  - The configuration is tested once, with all its new files, in a container of nginx's own image before anything is written. A file in
    a mounted directory is replaced in one step, one that is mounted alone is written in place; where nginx does not take them, all are put back.
  - Ends when new workers run and the old ones, with the last request to the servers of before, are gone. Reloads also where the file
    is right and nginx has not loaded it.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Predicts the servers; addresses of replicas that do not exist yet are known after apply.
    support: full
  diff_mode:
    description: Shows the servers, and whether nginx has loaded them.
    support: full
  idempotent:
    description: A second run does not reload.
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
  port:
    description: The port on which a replica listens.
    type: int
    default: 3000
  nginx_service:
    description: The Compose service of nginx.
    type: str
    default: nginx
  network:
    description: The Docker network that both are in; the first by name of those that they share by default.
    type: str
    default: ""
  name:
    description: Names of the upstream blocks, in one file or several.
    type: list
    elements: str
    default: [app]
  exclude:
    description: Names of replicas that shall get no more requests.
    type: list
    elements: str
    default: []
  expected:
    description: For check mode, how many servers there will be.
    type: int
    default: 0
  deadline:
    description: Seconds in which the old workers must be gone.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Send requests to all replicas
  smartsports.scaling.upstream:
    project: smartsports

- name: Send requests to all replicas, through two upstreams
  smartsports.scaling.upstream:
    project: smartsports
    name: [read, write]

- name: Send no more requests to one
  smartsports.scaling.upstream:
    project: smartsports
    exclude: [smartsports-app-3]
"""

RETURN = r"""
servers:
  description: The addresses that get requests.
  returned: success
  type: list
  elements: str
members:
  description: The replicas they belong to.
  returned: success
  type: list
  elements: str
added:
  description: The replicas that are new behind nginx.
  returned: success
  type: list
  elements: str
waiting:
  description: Running replicas that are not healthy yet, and get none.
  returned: success
  type: list
  elements: str
reload:
  description: Whether nginx was, or would be, reloaded.
  returned: success
  type: bool
files:
  description: The files on the host that define the upstreams.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.upstream import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
