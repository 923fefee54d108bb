#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_wait
short_description: Wait until the replicas are healthy, or serve
version_added: 0.1.0
description:
  - Ends when the evidence is there, fails at the deadline, and says meanwhile what it waits for. Changes nothing.
  - Replicas serve when their own counter of answered requests rises, without their health, metrics and admin paths, while requests go in at nginx.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Does the same in check mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
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
  service:
    description: The Compose service of the application.
    type: str
    default: app
  port:
    description: The port on which a replica listens.
    type: int
    default: 3000
  network:
    description: The Docker network on which the application is reached; the first by name by default.
    type: str
    default: ""
  scheme:
    description: Whether the replicas speak TLS.
    type: str
    choices: [http, https]
    default: http
  validate_certs:
    description: Whether the replicas have to prove their identity.
    type: bool
    default: true
  ca_path:
    description: A PEM file on the Docker host with the CA of the replicas' certificates; the system's CAs by default.
    type: path
  server_name:
    description: The name in the replicas' certificate; their address by default.
    type: str
  until:
    description: What to wait for.
    type: str
    choices: [healthy, serving]
    required: true
  replicas:
    description: How many replicas there shall be.
    type: int
    required: true
  present:
    description: Ids of the containers that ran before; they must not be removed.
    type: list
    elements: str
    default: []
  settled:
    description: Ids of those whose health was known before; nobody waits for them.
    type: list
    elements: str
    default: []
  fresh:
    description: Names of those that must be seen to serve from now on; for others any time of their life is good.
    type: list
    elements: str
    default: []
  health_path:
    description: Asked where the service has no health check.
    type: str
    default: /health
  metrics_path:
    description: Where a replica shows its metrics.
    type: str
    default: /internal/metrics
  metric:
    description: The counter of answered requests, with labels C(route) and C(status_code).
    type: str
    default: smartsports_http_requests_total
  entry_url:
    description: nginx, as the Docker host reaches it.
    type: str
    default: http://127.0.0.1:8080
  entry_server_name:
    description: The C(server_name) by which buyers ask nginx, sent as Host and for TLS; the URL's host by default.
    type: str
    default: ""
  entry_validate_certs:
    description: Whether nginx has to prove its identity.
    type: bool
    default: true
  entry_ca_path:
    description: A PEM file on the Docker host with the CA of nginx's certificate; the system's CAs by default.
    type: path
  probe_path:
    description: What is asked there where there is no traffic.
    type: str
    default: /api/v1/events
  deadline:
    description: Seconds to wait at most.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Wait until ten replicas are healthy
  smartsports.scaling.app_wait:
    project: smartsports
    until: healthy
    replicas: 10
"""

RETURN = r"""
containers:
  description: Names of the replicas that were found so.
  returned: success
  type: list
  elements: str
waited:
  description: Seconds.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.app_wait import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
