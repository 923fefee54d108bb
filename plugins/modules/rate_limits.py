#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rate_limits
short_description: Limit or shed what sells no ticket
version_added: 0.1.0
description:
  - Sets the admin API's rate limits, and waits until every running instance keeps them.
  - What is held back is answered 429 with C(Retry-After) before any work is done for it.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  search_endpoints:
    description: Searches.
    type: dict
    suboptions:
      requests_per_minute:
        description: Requests that one client may send in a minute, from 1 to 100000.
        type: int
  analytics_endpoints:
    description: Analytics.
    type: dict
    suboptions:
      requests_per_minute:
        description: Requests that one client may send in a minute, from 1 to 100000.
        type: int
  non_essential_endpoints:
    description: Recommendations and social endpoints.
    type: dict
    suboptions:
      enabled:
        description: False sheds all of them.
        type: bool
"""

EXAMPLES = r"""
- name: Shed load
  smartsports.scaling.rate_limits:
    token: "{{ smartsports_admin_token }}"
    search_endpoints: {requests_per_minute: 30}
    analytics_endpoints: {requests_per_minute: 10}
    non_essential_endpoints: {enabled: false}
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
from ansible_collections.smartsports.scaling.plugins.module_utils.rate_limits import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
