#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: profile_plan
short_description: Plan which changes lead from the observed configuration to a profile
version_added: 0.1.0
description:
  - Resolves a profile (its chain, the inventory's corrections, an event, single values) and compares it with what is observed.
  - Where it O(strengthen)s, each field keeps the stronger of its present and its wanted value.
  - Reads nothing but its options and changes nothing. C(docs/profiles.md) explains fields and profiles.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Plans the same in check mode.
    support: full
  diff_mode:
    description: The plan is the difference.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Runs anywhere.
    platforms: all
    support: full
options:
  schema:
    description: The fields, as C(profiles/schema.yml) has them.
    type: dict
    required: true
  profiles:
    description: The profiles by name.
    type: dict
    required: true
  severities:
    description: The profile of each severity that has one, weakest first.
    type: dict
    required: true
  severity:
    description: How bad it is. C(normal) changes nothing; C(unknown) asks for a O(profile) or for O(values).
    type: str
    choices: [P0, P1, P2, normal, unknown]
    default: unknown
  profile:
    description: The profile to use whatever the O(severity) is.
    type: str
    default: ""
  overrides:
    description: The inventory's corrections, by profile and field.
    type: dict
    default: {}
  event:
    description: Values of an event; they win over the inventory.
    type: dict
    default: {}
  values:
    description: Single values, as a mapping or as C(field=value,field=value); they win over all else.
    type: raw
    default: {}
  tiers:
    description: Plan only for these tiers; all of them when it is empty.
    type: list
    elements: str
    default: []
  fields:
    description:
      - Plan only for these fields, by name, or all that start with an entry that ends in a dot; all of them when it is empty.
      - One of O(values) that is none of them is refused.
    type: list
    elements: str
    default: []
  strengthen:
    description: Never weaken a field. V(false) converges exactly to the profile.
    type: bool
    default: true
  observed:
    description: The settings by resource, as M(smartsports.scaling.admin_info) returns them, and C(app) with its C(replicas).
    type: dict
    required: true
  unfinished:
    description: Resources that have their values but need convergence all the same, since an interrupted run left work to do.
    type: list
    elements: str
    default: []
  shown:
    description: Changes that were shown already; a plan with the same ones is not shown again.
    type: list
    elements: dict
  named:
    description:
      - A plan that was kept, from M(smartsports.scaling.plan_info). O(profile), O(values), O(tiers) and O(strengthen) are then the plan's.
      - Refused where what is observed, or what the profile says, is not what it was made for. What it has set already is no difference.
    type: dict
"""

EXAMPLES = r"""
- name: Plan for the severity that was assessed
  smartsports.scaling.profile_plan:
    schema: "{{ schema }}"
    profiles: "{{ profiles }}"
    severities: {P2: elevated, P1: high, P0: overload}
    severity: P1
    observed: "{{ admin.settings | combine({'app': {'replicas': 2}}) }}"
"""

RETURN = r"""
profile:
  description: The profile that was planned for; empty for none.
  returned: success
  type: str
target:
  description: Value and source of every field of the profile.
  returned: success
  type: dict
compared:
  description: Every field of the profile in these tiers; the same members, C(to) is what it would become.
  returned: success
  type: list
  elements: dict
changes:
  description: What differs; each has tier, object, path, field, from, to, source.
  returned: success
  type: list
  elements: dict
drift:
  description: What is not as the O(named) plan has it; each has field, sentence, planned_from, now, planned_to, would_become.
  returned: where it is refused for that
  type: list
  elements: dict
kept:
  description: What is stronger already and stays; the same members.
  returned: success
  type: list
  elements: dict
inputs:
  description: What to send to each resource, only what changes.
  returned: success
  type: dict
hash:
  description: SHA-256 over the profile's name, and tier, object, field, from and to of all that was compared.
  returned: success
  type: str
next_profile:
  description: The next stronger profile; empty after the last.
  returned: success
  type: str
away:
  description: Normal's values of the fields that have another one after the changes.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.profile_plan import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
