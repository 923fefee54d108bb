#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_gate
short_description: Wait until load allows the next step of a recovery
version_added: 0.1.0
description:
  - Every trigger of the runbook has to be unfired for a time by Prometheus' history, the CPU has to suffice for fewer replicas, severity has to be
    normal, and the last change has to be long enough ago. Shows a row at each look, and holds nothing.
  - A metric that is missing holds. It ends where the step may be taken, or where O(watch) is on and severity is not normal.
  - Refuses where it takes longer than O(deadline_seconds), where another run has changed the platform meanwhile, where the record was closed, and, with
    O(lapsed), where it was renewed.
  - What it went on by is written into the journal of the record. Where it gives up, or load has risen, the chat is told.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.read
  - smartsports.scaling.chat
  - smartsports.scaling.state
options:
  identity:
    description: Who it is, as M(smartsports.scaling.run_identity) tells, for the journal.
    type: dict
    required: true
  record:
    description: The id of the record that is recovered from.
    type: str
    required: true
  step:
    description: What the step is called.
    type: str
    required: true
  replicas:
    description: For how many replicas the CPU has to suffice; 0 is as many as run.
    type: int
    default: 0
  quiet:
    description: Seconds that have to be quiet.
    type: float
    required: true
  settle:
    description: Seconds since the last change.
    type: float
    required: true
  deadline_seconds:
    description: For how long it waits.
    type: float
    required: true
  every:
    description: Seconds from one look to the next.
    type: float
    default: 15
  watch:
    description: Whether a step was just taken, so that a severity that is not normal ends the wait.
    type: bool
    default: false
  override:
    description: The reason to go on where a metric is missing.
    type: str
    default: ""
  wait:
    description: Whether it waits until the step may be taken. Otherwise it is one look, which the journal is not told of.
    type: bool
    default: true
  lapsed:
    description: Whether the step may be taken only while the record is past its time.
    type: bool
    default: false
  prometheus_url:
    description: Where Prometheus answers, seen from the Docker host.
    type: str
    default: http://127.0.0.1:9090
  features:
    description: Pattern of the routes that serve each feature flag. A route of a feature that is switched off is not unavailable.
    type: dict
    default:
      analytics_tracking: /api/v1/analytics/.*
      recommendation_engine: /api/v1/recommendations.*
      social_features: /api/v1/social/.*
  thresholds:
    description: What differs from the runbook's, as for M(smartsports.scaling.load_assessment).
    type: dict
    default: {}
  metrics:
    description: Names of metrics that differ, by their purpose.
    type: dict
    default: {}
  began:
    description: When the wait began; what one look leaves for the next.
    type: float
  known:
    description: How many events the journal had then; what one look leaves for the next.
    type: int
"""

EXAMPLES = r"""
- name: Wait until six replicas suffice
  smartsports.scaling.recovery_gate:
    token: "{{ smartsports_admin_token }}"
    state_directory: /var/lib/smartsports-scaling
    identity: "{{ identity }}"
    record: 20261125-201500-incident-3f1c
    step: replicas 10 -> 6
    replicas: 6
    quiet: 900
    settle: 300
    deadline_seconds: 7200
"""

RETURN = r"""
verdict:
  description: V(pass); V(worse) where a step was just taken and severity is no longer normal; V(hold) where O(wait) is off and it may not be taken yet.
  returned: success
  type: str
why:
  description: What it went on by, or what is worse.
  returned: success
  type: str
severity:
  description: P0, P1, P2, normal or unknown, over the last minute.
  returned: success
  type: str
known:
  description: How many events the journal had, for the C(known) of M(smartsports.scaling.run_begin).
  returned: success
  type: int
  sample: 42
conditions:
  description: The worst value of each metric over the time that has to be quiet.
  returned: success
  type: list
  elements: dict
  sample: [{name: cpu, value: 31.0, limit: 70, note: ""}]
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.recovery_gate import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
