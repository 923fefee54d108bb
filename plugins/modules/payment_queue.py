#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: payment_queue
short_description: Bound payments in progress, and queue those that fail
version_added: 0.1.0
description:
  - Sets the admin API's payment queue, and waits until every running instance keeps it.
  - An order that waits keeps its seat and is answered 202; a worker charges it. A declined payment is final.
  - While it is disabled, every purchase calls the payment provider itself, and a provider that fails fails the purchase.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
extends_documentation_fragment:
  - smartsports.scaling.admin
  - smartsports.scaling.admin.converge
options:
  enabled:
    description: Whether payments wait their turn.
    type: bool
  max_concurrent_payments:
    description: Payments in progress on the whole platform, from 1 to 1000000.
    type: int
  retry_failed_payments:
    description: Whether an order whose provider fails is queued and tried again.
    type: bool
  queue_timeout:
    description: Seconds after which an order that could not be paid expires and frees its seat, from 1 to 86400.
    type: int
"""

EXAMPLES = r"""
- name: Queue payments, and try again those that fail
  smartsports.scaling.payment_queue:
    token: "{{ smartsports_admin_token }}"
    enabled: true
    max_concurrent_payments: 1000
    retry_failed_payments: true
    queue_timeout: 600

- name: Let every purchase pay at once again
  smartsports.scaling.payment_queue:
    token: "{{ smartsports_admin_token }}"
    enabled: false
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
from ansible_collections.smartsports.scaling.plugins.module_utils.payment_queue import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
