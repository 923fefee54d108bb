# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the modules share which look at all that a run could change."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  pgbouncer_service:
    description: The Compose service of PgBouncer.
    type: str
    default: pgbouncer
  pgbouncer_port:
    description: Its port, in its container.
    type: int
    default: 6432
  pgbouncer_admin_user:
    description: One of its admin_users.
    type: str
    default: admin
  pgbouncer_admin_password:
    description: The password of that user. Without it the tier C(pool) cannot be read, and is not changed.
    type: str
"""
