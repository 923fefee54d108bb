#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: load_assessment
short_description: Assess how bad the load is, where it hurts, and what to do
version_added: 0.1.0
description:
  - Holds the last minute against the runbook's severity table, and the runbook's triggers against their windows.
  - Asks Prometheus, and probes through nginx as a buyer does. Where Prometheus is down, asks the replicas, the engine, PgBouncer or
    PostgreSQL, and Redis directly, and says so. Evidence that is missing is unknown, never fine.
  - Tells drift, what was changed by hand and nginx, the override or other instances do not know of, with the command that ends it.
  - Answers within three seconds. Changes nothing.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.read
options:
  project_dir:
    description: The directory on the Docker host that holds the Compose files; without it, what is kept for replicas is not compared.
    type: path
  files:
    description: The Compose files in it, without the override.
    type: list
    elements: str
    default: [docker-compose.prod.yml]
  upstreams:
    description: Names of nginx's upstream blocks that send to the application.
    type: list
    elements: str
    default: [app]
  nginx_service:
    description: The Compose service of nginx.
    type: str
    default: nginx
  pgbouncer_service:
    description: The Compose service of PgBouncer.
    type: str
    default: pgbouncer
  postgres_service:
    description: The Compose service of the PostgreSQL primary.
    type: str
    default: postgres-primary
  postgres_user:
    description: PostgreSQL's superuser; the C(POSTGRES_USER) of its container by default, or C(postgres).
    type: str
    default: ""
  postgres_database:
    description: A database that this superuser may enter.
    type: str
    default: postgres
  redis_service:
    description: The Compose service of the Redis primary.
    type: str
    default: redis-primary
  redis_port:
    description: The port that Redis listens on.
    type: int
    default: 6379
  redis_password:
    description: What Redis wants as C(requirepass), handed to redis-cli through its environment.
    type: str
  metrics_path:
    description: Where the application tells its metrics.
    type: str
    default: /internal/metrics
  entry_url:
    description: Nginx as the Docker host reaches it.
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
    description: What is asked of nginx; a page that buyers ask for.
    type: str
    default: /api/v1/events
  probe_count:
    description: How many times it is asked, at the same time.
    type: int
    default: 3
  prometheus_url:
    description: Prometheus as the Docker host reaches it; empty where there is none. C(user:password@) before the host is used and never shown.
    type: str
    default: http://127.0.0.1:9090
  pgbouncer_socket:
    description: The directory of PgBouncer's Unix socket in its container, where its own user may ask its console without a password.
    type: str
    default: /tmp
  pgbouncer_port:
    description: The port that PgBouncer listens on.
    type: int
    default: 6432
  pgbouncer_admin_user:
    description: Who asks its console, with I(pgbouncer_admin_password).
    type: str
    default: admin
  pgbouncer_admin_password:
    description: The password of that user; without one, the console is asked over the socket.
    type: str
  features:
    description: Pattern of the routes that serve each feature flag. A route of a feature that is switched off is not unavailable.
    type: dict
    default:
      analytics_tracking: /api/v1/analytics/.*
      recommendation_engine: /api/v1/recommendations.*
      social_features: /api/v1/social/.*
  schema:
    description: The fields that a profile can set; of these it is told where instances disagree, and without them it is not looked for.
    type: dict
    default: {}
  thresholds:
    description: What differs from the runbook's triggers and severity table, in their shape.
    type: dict
    default: {}
  metrics:
    description: Names of metrics that differ from those of the application and the usual exporters.
    type: dict
    default: {}
  state_directory:
    description: The directory on the Docker host with the records, of which what must not be forgotten is shown first. Empty is none.
    type: path
  observe:
    description:
      - Look at what a plan compares as well, as M(smartsports.scaling.platform_info) does with its options C(tiers) and C(resources), both of which
        are needed. Nothing is asked twice for it.
    type: dict
  command_options:
    description: Options to add to the command that is proposed, such as the inventory.
    type: str
    default: ""
  output:
    description: Whether the report is a table for people, or JSON.
    type: str
    choices: [table, json]
    default: table
"""

EXAMPLES = r"""
- name: Assess the load
  smartsports.scaling.load_assessment:
    token: "{{ smartsports_admin_token }}"
    thresholds: {severity: {cpu: {P1: 95}}, triggers: {memory: {limit: 85}}}
  register: assessment
"""

RETURN = r"""
severity:
  description: P0, P1, P2, normal; unknown where nothing bad is known and evidence is missing.
  returned: success
  type: str
  sample: P1
standing:
  description: What must not be forgotten, a sentence each; that automation is off, and whose settings are past their time.
  returned: success
  type: list
  elements: str
reasons:
  description: Each piece of evidence with its value, the threshold it is held against, its severity, its source and how far back it looks.
  returned: success
  type: list
  elements: dict
  sample: [{metric: cpu, value: 97.2, unit: "%", threshold: 90, severity: P1, source: prometheus, window: 1 min, note: ""}]
bottleneck:
  description: The tier that limits the platform (app, database, cache, entry), or none.
  returned: success
  type: str
  sample: app
triggers:
  description: Each trigger, whether it fired, and the smallest value over its window; null where the window was not seen as a whole.
  returned: success
  type: list
  elements: dict
  sample: [{trigger: cpu, limit: 70, seconds: 300, sustained: 91.0, fired: true, note: ""}]
replicas:
  description: How many run, how many of them the source sees, and where none runs, how many C(respond.yml) starts.
  returned: success
  type: dict
  sample: {running: 10, seen: 10, start: 0}
drift:
  description: What runs otherwise than the playbooks left it, and the playbook with its arguments that ends it.
  returned: success
  type: list
  elements: dict
  sample: [{what: replicas, expected: 5 kept in docker-compose.scale.yml, found: 4 running, heals: scale_app.yml -e replicas=5}]
command:
  description: One command to paste, how long it takes, and what it risks.
  returned: success
  type: dict
  sample: {command: ansible-playbook playbooks/respond.yml -e profile=high, duration: about 15 s, risk: search is limited}
source:
  description: prometheus, or direct where Prometheus gave no answer.
  returned: success
  type: str
  sample: prometheus
platform:
  description: What M(smartsports.scaling.platform_info) returns, where O(observe) asked for it and it could be read in time.
  returned: with O(observe)
  type: dict
remarks:
  description: What kept the assessment from knowing more, a sentence each.
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
from ansible_collections.smartsports.scaling.plugins.module_utils.load_assessment import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
