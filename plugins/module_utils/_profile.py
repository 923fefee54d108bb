# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Profiles: target states of the platform as data. Pure functions: resolve, strengthen, compare.

``resolve`` turns a profile's name into one value a field, with its source; ``plan`` compares that with what is observed and
keeps the stronger of both where it may only strengthen. profiles/schema.yml says what a field is; docs/profiles.md explains.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_WHOLE = re.compile(r"^-?\d+$")
_BYTES = re.compile(r"^(\d+)\s*([kmgt]?)i?b?$", re.IGNORECASE)
COMPARED = ("tier", "object", "field", "from", "to")  # of a plan; never metrics, addresses or ids
_DIRECTIONS = {"int": ("max", "min", "none"), "bytes": ("max", "min", "none"), "bool": (True, False, "none"), "list": ("none",)}


@dataclass(frozen=True)
class Field:
    """What one field is. `name` is concrete, also where the schema has a wildcard."""

    name: str
    type: str
    stronger: Any  # max, min, True, False, none
    tier: str
    resource: str
    path: str
    min: Any = None
    max: Any = None
    unit: str = ""

    def parse(self, value: Any, source: str) -> Any:
        """The value in the field's type; text means what it says ("7", "false", "512M"). Raises Refusal."""
        if value is None:
            raise Refusal(f"{self.name} is null ({source}); leave the field out to leave it alone, or give it a value.")
        try:
            parsed = self.convert(value)
            if not self._in_range(parsed):
                raise ValueError(value)
        except (TypeError, ValueError):
            raise Refusal(f"{self.name} is '{value}' ({source}), which is not {self.expected}; give it one.") from None
        return parsed

    def _in_range(self, value: Any) -> bool:
        low, high = self.min, self.max
        return (low is None or self.convert(low) <= value) and (high is None or value <= self.convert(high))

    def convert(self, value: Any) -> Any:
        """The value in the field's type, whatever its size: what a platform reports is a fact. Raises ValueError."""
        return _PARSERS[self.type](value)

    @property
    def expected(self) -> str:
        """What the field takes, in words."""
        words = {"int": "a whole number", "bool": "true or false", "bytes": "a size like 512M", "list": "a list"}[self.type]
        if self.min is not None and self.max is not None:
            return f"{words} from {self.min} to {self.max}"
        return words

    def stronger_of(self, present: Any, target: Any) -> Any:
        """The stronger of two values, for a field that has a direction."""
        if self.stronger == "max":
            return max(present, target)
        if self.stronger == "min":
            return min(present, target)
        return self.stronger if self.stronger in (present, target) else target


@dataclass(frozen=True)
class Setting:
    """A resolved value and where it came from. Explicit: an operator named it, not a shipped profile."""

    value: Any
    source: str
    explicit: bool = False


class Schema:
    """The known fields; a name ending in `.*` stands for any one name in its place."""

    def __init__(self, data: dict) -> None:
        self._data = data
        for name, entry in data.items():
            if entry.get("type") not in _PARSERS or entry.get("stronger") not in _DIRECTIONS[entry["type"]]:
                given = f"type {entry.get('type')}, stronger {entry.get('stronger')}"
                raise Refusal(f"the schema of {name} is broken: {given}; see docs/profiles.md.")

    def field(self, name: str, source: str) -> Field:
        """The field of that name. Raises Refusal, naming the known ones."""
        stem, _dot, last = str(name).rpartition(".")
        entry = None if last in ("", "*") else self._data.get(name) or self._data.get(f"{stem}.*")
        if entry is None:
            raise Refusal(f"'{name}' ({source}) is no field of a profile; the known ones are {', '.join(sorted(self._data))}.")
        return Field(**{**entry, "name": name, "path": entry["path"].replace("*", last)})

    def name_of(self, resource: str, path: str) -> str | None:
        """The field that stands for a setting of a resource; None where no profile can set it."""
        last = path.rpartition(".")[2]
        for name, entry in self._data.items():
            if entry["resource"] == resource and entry["path"].replace("*", last) == path:
                return name.replace("*", last)
        return None

    @property
    def resources(self) -> set[str]:
        """Where fields live."""
        return {entry["resource"] for entry in self._data.values()}

    @property
    def tiers(self) -> list[str]:
        """The tiers that fields belong to."""
        return sorted({entry["tier"] for entry in self._data.values()})


def assignments(values: Any) -> dict:
    """Single values of a command line: a mapping, or text as in `app.replicas=12,flags.social_features=false`."""
    if isinstance(values, dict):
        return values
    parts = [part.strip() for part in str(values or "").split(",") if part.strip()]
    for part in parts:
        if not re.match(r"^[^=\s]+=.", part):
            raise Refusal(f"'{part}' sets nothing; write field=value, as in app.replicas=12.")
    return dict(part.split("=", 1) for part in parts)


def chain(profiles: dict, name: str) -> list[str]:
    """The profiles a name stands for, base first."""
    names: list[str] = []
    while name:
        if name in names:
            raise Refusal(f"profile '{name}' extends itself ({' -> '.join([*names, name])}); break the circle.")
        _known(profiles, name, "extended" if names else "asked for")
        names.append(name)
        name = profiles[name].get("extends")
    return names[::-1]


def resolve(
    schema: Schema, profiles: dict, name: str, overrides: dict | None = None, event: dict | None = None, values: Any = None
) -> dict[str, Setting]:
    """One value a field: the profile's chain, each corrected by the inventory, then the event, then single values."""
    overrides = overrides or {}
    for corrected, fields in overrides.items():
        _known(profiles, corrected, "in smartsports_profile_overrides")
        if not isinstance(fields, dict):
            raise Refusal(
                f"smartsports_profile_overrides has '{fields}' for {corrected}; give it fields, as in {{app.replicas: 12}}."
            )
    layers: list[tuple[str, dict, bool]] = []
    for link in chain(profiles, name) if name else []:
        own = {field: value for field, value in profiles[link].items() if field != "extends"}
        layers += [(f"profile {link}", own, False), (f"inventory {link}", overrides.get(link) or {}, True)]
    layers += [("event", event or {}, True), ("-e", assignments(values), True)]
    resolved: dict[str, Setting] = {}
    for source, fields, explicit in layers:
        for field, value in fields.items():
            resolved[field] = Setting(schema.field(field, source).parse(value, source), source, explicit)
    return resolved


def only(desired: dict[str, Setting], fields: Sequence, known: Collection) -> dict[str, Setting]:
    """What is desired of these fields: each by its name, or all that start with an entry that ends in a dot.

    A single value outside of them is refused: whoever named it would think that it is set.
    """
    if not fields:
        return desired
    for entry in fields:
        if not any(_covers(entry, name) for name in known):
            raise Refusal(f"'{entry}' is no field of a profile; the known ones are {', '.join(sorted(known))}.")
    covered = {name: setting for name, setting in desired.items() if any(_covers(entry, name) for entry in fields)}
    for name, setting in desired.items():
        if setting.source == "-e" and name not in covered:
            command = f"playbooks/respond.yml -e set={name}={text(setting.value)}"
            raise Refusal(f"{name} was named, but only {', '.join(fields)} can be set here; for this one run {command}.")
    return covered


def plan(
    schema: Schema,
    desired: dict[str, Setting],
    observed: dict,
    strengthen: bool = True,
    tiers: Sequence = (),
    unfinished: Sequence = (),
) -> dict:
    """The one diff between desired and observed: {compared, changes, kept, inputs}.

    `compared` is every field, with what it is and what it would become; `changes` are those that are to be converged.
    `observed` is {resource: settings}; a resource without settings (an API that cannot be read) is written unseen, from None.
    A resource that is `unfinished` has its values but an interrupted run left work to do, so they are converged all the same.
    `kept` is what is stronger already and stays. `inputs` is what roles take: {resource: merge patch}, only what changes.
    """
    for tier in tiers:
        if tier not in schema.tiers:
            raise Refusal(f"'{tier}' is no tier; the known ones are {', '.join(schema.tiers)}.")
    compared, changes, kept, inputs = [], [], [], {}
    for name, setting in desired.items():
        field = schema.field(name, setting.source)
        if tiers and field.tier not in tiers:
            continue
        present = _observe(field, observed, setting.source)
        value = setting.value
        if strengthen and field.stronger == "none":
            value = value if setting.explicit else present
        elif strengthen and present is not None:
            value = field.stronger_of(present, value)
        entry = {"tier": field.tier, "object": field.resource, "path": field.path, "field": name}
        entry.update({"from": present, "source": setting.source})
        compared.append({**entry, "to": value})
        if value != setting.value:
            kept.append({**entry, "to": setting.value})
        if value != present or field.resource in unfinished:
            changes.append({**entry, "to": value})
            _place(inputs.setdefault(field.resource, {}), field.path, value)
    return {"compared": compared, "changes": changes, "kept": kept, "inputs": inputs}


def fingerprint(name: str, compared: list[dict]) -> str:
    """A hash over the profile and what was compared: two plans with the same hash start from the same and do the same."""
    subject = [
        name,
        sorted([[entry[part] for part in COMPARED] for entry in compared], key=lambda entry: entry[COMPARED.index("field")]),
    ]
    return hashlib.sha256(json.dumps(subject).encode()).hexdigest()


def in_force(change: dict, observed: dict) -> bool:
    """Whether a change shows in what is observed now. What could not be read before cannot be read back either."""
    node = observed.get(change["object"])
    if node is None:
        return change["from"] is None
    for key in change["path"].split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node == change["to"]


def counted(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def text(value: Any) -> str:
    """A value as people write it."""
    return "unknown" if value is None else json.dumps(value).strip('"')


def _covers(entry: str, name: str) -> bool:
    return name.startswith(entry) if entry.endswith(".") else name == entry


def _known(profiles: dict, name: str, where: str) -> None:
    if name not in profiles:
        raise Refusal(f"there is no profile '{name}' ({where}); the known ones are {', '.join(profiles)}.")


def _observe(field: Field, observed: dict, source: str) -> Any:
    node = observed.get(field.resource)
    if node is None:
        return None
    for key in field.path.split("."):
        if not isinstance(node, dict) or key not in node:
            known = ", ".join(sorted(node)) if isinstance(node, dict) else "nothing below it"
            lack = f"its {field.resource} have no '{key}', only {known}"
            raise Refusal(f"{field.name} ({source}) is unknown to the platform: {lack}.")
        node = node[key]
    try:
        return field.convert(node)
    except (TypeError, ValueError):
        message = f"the platform reports '{node}' as {field.name}, which is not {field.expected}; correct its {field.resource}."
        raise Refusal(message) from None


def _place(patch: dict, path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        patch = patch.setdefault(parent, {})
    patch[leaf] = value


def _integer(value: Any) -> int:
    if not _WHOLE.match(str(value).strip()):
        raise ValueError(value)
    return int(value)


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(value)
    return text in _TRUE


def _size(value: Any) -> int:
    match = _BYTES.match(str(value).strip())
    if not match:
        raise ValueError(value)
    return int(match.group(1)) * 1024 ** " kmgt".index(match.group(2).lower() or " ")


def _sequence(value: Any) -> list:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


_PARSERS = {"int": _integer, "bool": _boolean, "bytes": _size, "list": _sequence}
