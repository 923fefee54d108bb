#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: inventory_check
short_description: Compare an inventory with the platform that it describes
version_added: 0.1.0
description:
  - Holds the variables of an inventory against the running containers, against what C(docker compose config) makes of the Compose files, and against
    the answers of the application, nginx, Prometheus, PgBouncer, PostgreSQL and Redis.
  - Names every mismatch with its fix, in one run. Changes nothing, and does not fail for what it finds.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  variables:
    description: The inventory's variables by their names, as they are set; secrets have options of their own.
    type: dict
    required: true
  specification:
    description: What these variables are, in the shape of a role's C(argument_specs); it has the defaults.
    type: dict
    required: true
  problems:
    description: What is known to be wrong already, each a sentence of value and rule, then a semicolon and the fix.
    type: list
    elements: str
    default: []
  token:
    description: The application's admin token.
    type: str
    default: ""
  pgbouncer_admin_password:
    description: The password of PgBouncer's administrator.
    type: str
    default: ""
  redis_password:
    description: The password of Redis, where it wants one.
    type: str
    default: ""
  schema:
    description: The fields that a profile may set.
    type: dict
    required: true
  profiles:
    description: The profiles, by name.
    type: dict
    required: true
  playbooks:
    description: How playbooks are started, up to their directory, for the commands that are proposed.
    type: str
    default: ansible-playbook playbooks
"""

EXAMPLES = r"""
- name: Compare the inventory with the platform
  smartsports.scaling.inventory_check:
    variables:
      smartsports_project: smartsports
      smartsports_project_dir: /opt/smartsports
    specification: "{{ (lookup('ansible.builtin.file', 'argument_specs.yml') | from_yaml).argument_specs.main.options }}"
    token: "{{ smartsports_admin_token }}"
    schema: "{{ lookup('ansible.builtin.file', 'profiles/schema.yml') | from_yaml }}"
    profiles: "{{ (lookup('ansible.builtin.file', 'profiles/profiles.yml') | from_yaml).profiles }}"
  register: inventory_check_result
"""

RETURN = r"""
mismatches:
  description: What a playbook would fail for, each with what the inventory says, what the platform has, and the fix.
  returned: success
  type: list
  elements: dict
  sample: [{what: smartsports_app_service, says: web, has: "services are app, nginx", fix: "did you mean app?", warning: false}]
remarks:
  description: What no playbook fails for, in the same shape.
  returned: success
  type: list
  elements: dict
not_checked:
  description: The checks that could not be made because of what is missing.
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
from ansible_collections.smartsports.scaling.plugins.module_utils.inventory_check import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
