# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers as operators type them: `-e` and surveys pass text."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.validation import check_type_int
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """The number that `value`, called `name`, means. Raises Refusal where it means none in the range."""
    try:
        number = check_type_int(value)
    except TypeError:
        number = None
    # A YAML `yes` is an int to Ansible.
    if number is None or isinstance(value, bool) or not least <= number <= most:
        raise Refusal(f"{name} is '{value}', but must be a whole number from {least} to {most}; correct it and run again.")
    return number
