#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_pool
short_description: Set how many server connections the pools of PgBouncer have
version_added: 0.1.0
description:
  - Writes C(default_pool_size) into the C(pgbouncer.ini) that the host mounts into the container, reloads, and asserts C(SHOW CONFIG). A
    file that is mounted alone is written in place, so that the container sees it. Comments and order stay.
  - Where the reload does not take the value, the file of before is put back and reloaded.
  - Refuses a value that would do nothing (a C(pool_size) of every database's own, C(max_user_connections), C(max_db_connections)), and a
    larger one with which all pools and reserves, beside the direct clients, would not fit into PostgreSQL's C(max_connections).
  - A smaller value does not close connections of busy pools; O(reconnect) does, each at the end of its transaction.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
requirements:
  - docker (the Python SDK)
  - psql in the containers of PgBouncer and PostgreSQL
attributes:
  check_mode:
    description: Refuses what the run would refuse, and predicts what it changes.
    support: full
  diff_mode:
    description: Shows the value in the file and in force, and what else waits in the file for a reload.
    support: full
  idempotent:
    description: A second run neither writes nor reloads.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  project:
    description: The Compose project.
    type: str
    required: true
  service:
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
  port:
    description: The port that PgBouncer listens on in its container.
    type: int
    default: 6432
  admin_user:
    description: Who enters PgBouncer's console; one of its C(admin_users).
    type: str
    default: admin
  admin_password:
    description: The password of that user. Read it from a vault or the environment on the controller.
    type: str
    required: true
  default_pool_size:
    description: The wanted size, from 1 to 10000. Text that means a number is one.
    type: raw
    required: true
  reconnect:
    description: Whether connections beyond the size are closed, each at the end of its transaction.
    type: bool
    default: false
  deadline:
    description: Seconds to wait for these transactions.
    type: int
    default: 30
  command:
    description: The command that the undo line begins with.
    type: str
    default: ansible-playbook playbooks/resize_pool.yml
"""

EXAMPLES = r"""
- name: Halve the pools
  smartsports.scaling.pgbouncer_pool:
    project: smartsports
    admin_password: "{{ smartsports_pgbouncer_admin_password }}"
    default_pool_size: 50

- name: Shrink them now, also where they are busy
  smartsports.scaling.pgbouncer_pool:
    project: smartsports
    admin_password: "{{ smartsports_pgbouncer_admin_password }}"
    default_pool_size: 50
    reconnect: true
"""

RETURN = r"""
before:
  description: The size that stood in the file.
  returned: success
  type: int
  sample: 100
default_pool_size:
  description: The size that is in force, or would be.
  returned: success
  type: int
  sample: 50
excess:
  description: Server connections that are open beyond the size and its reserve.
  returned: success
  type: int
  sample: 0
reconnected:
  description: Whether they were, or would be, closed.
  returned: success
  type: bool
undo:
  description: The command that takes just this change back.
  returned: when the size changes
  type: str
  sample: ansible-playbook playbooks/resize_pool.yml -e default_pool_size=100
file:
  description: The file on the host.
  returned: success
  type: str
report:
  description: The same for people.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.pgbouncer_pool import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
