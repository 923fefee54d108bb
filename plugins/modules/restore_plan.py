#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_plan
short_description: Plan which changes lead back to how the platform was before the open record
version_added: 0.1.0
description:
  - Compares three values of every setting that runs of the open record changed, the one before, the one that was set last, and the present one.
    What was set goes back; what somebody has changed by hand since is told and stays, unless it is to be overwritten.
  - For the last run alone, the value before is the one that the journal tells of before that run. A run of C(playbooks/undo.yml) is never the last, so
    that nothing more is taken back where it is asked again.
  - The plan has the shape of that of M(smartsports.scaling.profile_plan), so that role response converges and verifies it. Changes nothing.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.snapshot
  - smartsports.scaling.admin.read
  - smartsports.scaling.state
options:
  schema:
    description: The fields of profiles (C(profiles/schema.yml)), for their names.
    type: dict
    required: true
  settings:
    description: What M(smartsports.scaling.platform_snapshot) told, where it was looked at already; left out, it is looked at.
    type: dict
  fields:
    description: Take back only these settings, for example C(feature-flags.social_features); all of them when it is empty.
    type: list
    elements: str
    default: []
  tiers:
    description: Take back only these tiers (C(api), C(app), C(pool)); all of them when it is empty.
    type: list
    elements: str
    default: []
  values:
    description: What settings get instead of their value before, on the way back, for example C({app.replicas{:} 6}).
    type: dict
    default: {}
  last:
    description: Whether only what the last run changed goes back, to what was there before that run. It is told which run that is.
    type: bool
    default: false
  required:
    description: Whether it is refused where no record is open, instead of told.
    type: bool
    default: false
  unfinished:
    description: Resources that have their values, but in which a run that was killed left work to do (C(app)); one that is found is added.
    type: list
    elements: str
    default: []
  overwrite:
    description: Whether what was changed by hand goes back, too.
    type: bool
    default: false
  shown:
    description: The changes of a plan that was shown already; the same ones are not shown again.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Plan the way back of the admin settings
  smartsports.scaling.restore_plan:
    token: "{{ smartsports_admin_token }}"
    pgbouncer_admin_password: "{{ smartsports_pgbouncer_admin_password }}"
    state_directory: /var/lib/smartsports-scaling
    schema: "{{ lookup('ansible.builtin.file', 'profiles/schema.yml') | ansible.builtin.from_yaml }}"
    tiers: [api]
  register: plan
"""

RETURN = r"""
record:
  description: The record whose baseline is gone back to; empty where none is open, and then there is nothing else.
  returned: success
  type: str
  sample: 20261125-201500-incident-3f1c
kind:
  description: Its kind, for the run that carries the plan out.
  returned: where a record is open
  type: str
changes:
  description: What is to be done. C(setting) of an entry is the flat name, C(field) the one of a profile where it has one.
  returned: where a record is open
  type: list
  elements: dict
  sample: [{tier: app, object: app, path: replicas, setting: app.replicas, field: app.replicas, from: 10, to: 2, source: before 20261125-201500-incident-3f1c}]
kept:
  description: What was changed by hand and stays, with ours, theirs, and the value before (baseline).
  returned: where a record is open
  type: list
  elements: dict
inputs:
  description: The changes as roles take them, by resource; the limits of replicas stand apart as C(limits).
  returned: where a record is open
  type: dict
  sample: {app: {replicas: 2}, limits: {cpus: "0.5"}}
unfinished:
  description: Resources in which a run that was killed left work to do.
  returned: where a record is open
  type: list
  elements: str
hash:
  description: Over the record, and tier, object, field, from and to of what would change; two plans with the same hash do the same.
  returned: where a record is open
  type: str
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.restore_plan import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
