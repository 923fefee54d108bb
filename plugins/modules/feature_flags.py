#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: feature_flags
short_description: Switch features off and on
version_added: 0.1.0
description:
  - Sets the admin API's feature flags, and waits until every running instance runs with them.
  - A feature that is off costs no work.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  analytics_tracking:
    description: Records page views.
    type: bool
  recommendation_engine:
    description: Ranks the catalogue for the visitor.
    type: bool
  social_features:
    description: Ranks and renders fans' posts.
    type: bool
  email_notifications:
    description: Confirms purchases by e-mail; what was queued before is sent when it is on again.
    type: bool
"""

EXAMPLES = r"""
- name: Switch off what the platform can sell tickets without
  smartsports.scaling.feature_flags:
    token: "{{ smartsports_admin_token }}"
    recommendation_engine: false
    social_features: false
"""

RETURN = r"""
settings:
  description: The effective settings, complete; where the application offers no GET, what was sent.
  returned: success
  type: dict
version:
  description: The version of the settings; V(none) where the application offers no GET.
  returned: success
  type: int
instances:
  description: Names of the containers that run with it; in check mode, those that answered.
  returned: success
  type: list
  elements: str
idempotent:
  description: False where the application offers no GET, so that a second run would send and report the same again.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.feature_flags import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
