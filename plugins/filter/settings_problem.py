# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with settings that a role was given, in the words of the module that will apply them."""

from __future__ import annotations

import importlib
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import patch_of
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

_UTILS = "ansible_collections.smartsports.scaling.plugins.module_utils."


def settings_problem(value: Any, module: str, name: str) -> str:
    """One sentence, or '' where nothing is wrong."""
    settings = importlib.import_module(_UTILS + module).SETTINGS
    try:
        patch = patch_of(settings, value, name)
    except Refusal as refusal:
        return str(refusal)
    return "" if patch else f"{name} is empty, so nothing was asked; set at least one of {', '.join(settings)}."


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict:
        return {"settings_problem": settings_problem}
