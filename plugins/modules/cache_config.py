#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_config
short_description: Set how long answers are cached
version_added: 0.1.0
description:
  - Sets the admin API's times to live, and waits until every running instance runs with them.
  - A new value holds for what is cached already, too.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  event_list_ttl:
    description: Event list and event details. Seconds, from 1 to 86400.
    type: int
  venue_info_ttl:
    description: Venues. Seconds, from 1 to 86400.
    type: int
  team_info_ttl:
    description: Teams. Seconds, from 1 to 86400.
    type: int
  static_content_ttl:
    description: Static content. Seconds, from 1 to 86400.
    type: int
"""

EXAMPLES = r"""
- name: Cache longer
  smartsports.scaling.cache_config:
    token: "{{ smartsports_admin_token }}"
    event_list_ttl: 300
    venue_info_ttl: 3600
    team_info_ttl: 3600
    static_content_ttl: 7200
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
from ansible_collections.smartsports.scaling.plugins.module_utils.cache_config import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
