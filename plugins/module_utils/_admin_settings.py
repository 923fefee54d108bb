# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The settings of a resource as data: from one description come the module's options and the check of what was asked.

A description is a dict: member -> a nested description, ``bool`` (a switch), ``(least, most)`` (a whole number), or ``Addresses``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.validation import check_type_bool
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._numbers import whole_number

# As the admin API takes it: a name or an address of version 4, and a port from 1 to 65535.
_ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?:([1-9][0-9]{0,4})")
_LAST_PORT = 65_535


@dataclass(frozen=True)
class Addresses:
    """A list of host:port, each once; it replaces the list that was there."""

    least: int
    most: int


# How the admin API is reached: the options of every module in the action group `admin` (doc fragment `admin`).
CONNECTION = {
    "project": {"type": "str", "default": "smartsports"},
    "service": {"type": "str", "default": "app"},
    "network": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 3000},
    "scheme": {"type": "str", "default": "http", "choices": ["http", "https"]},
    "token": {"type": "str", "required": True, "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "server_name": {"type": "str"},
    "timeout": {"type": "float", "default": 2.0},
    "deadline": {"type": "float", "default": 10.0},
}


def module_spec(settings: dict) -> dict:
    """The keyword arguments of AnsibleModule for a module that converges `settings`."""
    return {"argument_spec": {**_options(settings), **CONNECTION}, "supports_check_mode": True}


def asked(settings: dict, params: dict) -> dict:
    """The merge patch that a module's parameters ask for: members that were left out are left alone."""
    patch = patch_of(settings, _given({name: params.get(name) for name in settings}))
    if not patch:
        raise Refusal(f"nothing was asked; set at least one of {', '.join(settings)}.")
    return patch


def patch_of(settings: dict, value: Any, name: str = "") -> dict:
    """`value`, called `name`, as a merge patch with true types. Refuses what the API would, before anything is sent."""
    if not isinstance(value, dict):
        raise Refusal(f"{name} is '{value}', but must be a mapping of {', '.join(settings)}; correct it and run again.")
    patch = {}
    for member, content in value.items():
        path = f"{name}.{member}" if name else str(member)
        if member not in settings:
            raise Refusal(f"{path} is not known, but must be one of {', '.join(settings)}; correct it and run again.")
        kind = settings[member]
        if isinstance(kind, dict):
            patch[member] = patch_of(kind, content, path)
        elif kind is bool:
            patch[member] = _switch(path, content)
        elif isinstance(kind, Addresses):
            patch[member] = _addresses(path, content, kind)
        else:
            patch[member] = whole_number(path, content, *kind)
    return patch


def _options(settings: dict) -> dict:
    return {name: _option(kind) for name, kind in settings.items()}


def _option(kind) -> dict:
    if isinstance(kind, dict):
        return {"type": "dict", "options": _options(kind)}
    if isinstance(kind, Addresses):
        return {"type": "list", "elements": "str"}
    return {"type": "bool" if kind is bool else "int"}


def _given(params: dict) -> dict:
    nested = {name: _given(value) if isinstance(value, dict) else value for name, value in params.items()}
    return {name: value for name, value in nested.items() if value is not None and value != {}}


def _switch(path: str, value: Any) -> bool:
    try:
        return check_type_bool(value)
    except TypeError:
        raise Refusal(f"{path} is '{value}', but must be true or false; correct it and run again.") from None


def _addresses(path: str, value: Any, kind: Addresses) -> list[str]:
    # Text is what -e and a survey pass: a:1,b:2.
    entries = [entry.strip() for entry in value.split(",")] if isinstance(value, str) else value
    if not isinstance(entries, list) or not kind.least <= len(entries) <= kind.most:
        raise Refusal(
            f"{path} is '{value}', but must be a list of {kind.least} to {kind.most} host:port; correct it and run again."
        )
    for entry in entries:
        if not _is_address(entry):
            raise Refusal(f"{path} contains '{entry}', but each entry must be host:port; correct it and run again.")
        if entries.count(entry) > 1:
            raise Refusal(f"{path} contains '{entry}' more than once, but must name each address once; correct it and run again.")
    return entries


def _is_address(entry: Any) -> bool:
    match = _ADDRESS.fullmatch(entry) if isinstance(entry, str) else None
    return match is not None and int(match.group(1)) <= _LAST_PORT
