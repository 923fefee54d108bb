# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The settings of a resource as data: from one description come the module's options and the check of what was asked.

A description is a dict: member -> a nested description, ``bool`` (a switch), or ``(least, most)`` (a whole number).
"""

from __future__ import annotations

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

# How the admin API is reached: the options of every module in the action group `admin` (doc fragment `admin`).
CONNECTION = {
    "project": {"type": "str", "default": "smartsports"},
    "service": {"type": "str", "default": "app"},
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
    """The merge patch of what was asked: members that were left out are left alone. Refuses a number out of its range."""
    patch = _asked(settings, params, "")
    if not patch:
        raise Refusal(f"nothing was asked; set at least one of {', '.join(settings)}.")
    return patch


def _options(settings: dict) -> dict:
    return {name: _option(kind) for name, kind in settings.items()}


def _option(kind) -> dict:
    if isinstance(kind, dict):
        return {"type": "dict", "options": _options(kind)}
    return {"type": "bool" if kind is bool else "int"}


def _asked(settings: dict, params: dict, prefix: str) -> dict:
    patch = {}
    for name, kind in settings.items():
        value = params.get(name)
        if value is None:
            continue
        if isinstance(kind, dict):
            value = _asked(kind, value, f"{prefix}{name}.")
            if not value:
                continue
        elif kind is not bool:
            _require_range(prefix + name, value, *kind)
        patch[name] = value
    return patch


def _require_range(name: str, value: int, least: int, most: int) -> None:
    # A YAML `yes` is an int to Ansible, and would be sent as true.
    if isinstance(value, bool) or not least <= value <= most:
        raise Refusal(f"{name} is {value}, but must be a whole number from {least} to {most}; correct it and run again.")
