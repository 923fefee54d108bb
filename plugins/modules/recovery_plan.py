#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_plan
short_description: Plan the stages in which what an incident changed goes back
version_added: 0.1.0
description:
  - Replicas first, step by step; features in groups; the rest; then the record is closed. Reads nothing but its options and changes nothing.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Plans the same in check mode.
    support: full
  diff_mode:
    description: Nothing changes.
    support: none
  idempotent:
    description: Reads only.
    support: full
  platform:
    description: Runs on the controller.
    platforms: posix
    support: full
options:
  plan:
    description: What M(smartsports.scaling.restore_plan) told.
    type: dict
    required: true
  replicas:
    description: The numbers of replicas on the way down.
    type: list
    elements: raw
    default: [6, 4]
  features:
    description: Groups of features that come back together, in order.
    type: list
    elements: list
    default: []
  quiet_minutes:
    description: For how long load has to have been low before each stage.
    type: raw
    default: 15
  between_minutes:
    description: Minutes from the last change to the next stage.
    type: raw
    default: 5
  feature_minutes:
    description: Minutes from one group of features to the next.
    type: raw
    default: 10
  deadline_minutes:
    description: For how long one stage is waited for.
    type: raw
    default: 120
"""

EXAMPLES = r"""
- name: Plan the stages
  smartsports.scaling.recovery_plan:
    plan: "{{ plan }}"
    features:
      - [analytics_tracking, email_notifications]
      - [recommendation_engine, social_features]
"""

RETURN = r"""
stages:
  description: The stages in order, each with the seconds that the last change has to be ago; the last has no fields, it closes the record.
  returned: success
  type: list
  elements: dict
  sample: [{name: replicas 10 -> 6, fields: [app.replicas], values: {app.replicas: 6}, replicas: 6, settle: 300.0}]
quiet:
  description: Seconds that have to be quiet.
  returned: success
  type: float
deadline:
  description: Seconds for which one stage is waited for.
  returned: success
  type: float
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.recovery_plan import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
