#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: run_begin
short_description: Get the platform for one run, and remember how it was
version_added: 0.1.0
description:
  - Gets the lock of the platform, or waits for it, or refuses with who has it, since when and in which step. Joins the record that is open or opens one,
    with a snapshot of the whole platform as its baseline. Every module that changes something then shows the claim that this returns.
  - A holder whose lease of 60 seconds ran out, or whose controller is seen to be gone, is taken over from; what is left of its step is ended first. Its
    journal is completed, and what it changed is in the record as a run's changes.
  - A run of kind C(auto), or from a schedule or an alert, is refused while automation is off (M(smartsports.scaling.automation)).
  - Changes nothing of the platform. In check mode it does nothing at all.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.snapshot
  - smartsports.scaling.admin.read
  - smartsports.scaling.chat
options:
  state_directory:
    description: The directory on the Docker host with lock, records and journals; made where it is missing, for its owner alone.
    type: path
    required: true
  identity:
    description: Who runs what, from M(smartsports.scaling.run_identity).
    type: dict
    required: true
  kind:
    description: What the run belongs to. One that is not an incident's is refused while an incident is open.
    type: str
    choices: [incident, planned, auto]
    default: incident
  severity:
    description: As assessed. Only P0, P1 and P2 are kept, and only raised.
    type: str
    choices: ["", P0, P1, P2, normal, unknown]
    default: ""
  why:
    description: The reason, for a record that is opened.
    type: str
    default: ""
  preempt:
    description: Whether a holder that is preemptible is asked to let go at its next safe point, at most 30 seconds away.
    type: bool
    default: false
  preemptible:
    description: Whether this run lets go for one that pre-empts. Planned, automatic and scheduled runs always do.
    type: bool
    default: false
  wait:
    description: Seconds to wait for a holder.
    type: float
    default: 90.0
  known:
    description: How many events the journal had when it was decided to run. Where a run has changed the platform since, this one is refused; -1 does not ask.
    type: int
    default: -1
  prometheus_url:
    description:
      - Where Prometheus answers, seen from the Docker host. Every step then tells the journal its key metrics just before and just after. Empty is none;
        so is a URL with a password in it, because the claim is no secret.
    type: str
    default: ""
  metrics:
    description: Names of metrics that differ, by their purpose, as for M(smartsports.scaling.load_assessment).
    type: dict
    default: {}
  thresholds:
    description: What differs from the runbook's, as for M(smartsports.scaling.load_assessment).
    type: dict
    default: {}
  commands:
    description: How the playbook C(automation) is started, for messages.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Get the platform for this run
  smartsports.scaling.run_begin:
    token: "{{ smartsports_admin_token }}"
    state_directory: /var/lib/smartsports-scaling
    identity: "{{ me.identity }}"
    severity: P1
    why: tickets for the final
  register: incident_run
"""

RETURN = r"""
claim:
  description: What each step shows; null in check mode.
  returned: success
  type: dict
settings:
  description: The settings by resource; the replicas and their limits as C(app), PgBouncer's pool as C(pool).
  returned: success
  type: dict
  sample: {app: {replicas: 2, cpus: "0.5", memory: 512M}, cache-config: {event_list_ttl: 60}, pool: {default_pool_size: 100}}
opened:
  description: Whether the run opened a record.
  returned: success
  type: bool
unfinished:
  description: What a killed run that was taken over from may have left half done (C(app)), though nothing of it differs; it is converged all the same.
  returned: not in check mode
  type: list
  elements: str
  sample: []
waited:
  description: Seconds that it waited for the lock.
  returned: success
  type: float
seconds:
  description: How long it took, without waiting for the lock; what a run pays for its record at the beginning.
  returned: not in check mode
  type: float
report:
  description: What people should know of it.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.run_begin import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
