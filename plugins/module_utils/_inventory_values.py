# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of an inventory's values alone: no part of the platform is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.smartsports.scaling.plugins.module_utils import _profile, _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory import Finding, Seen, Skip, closest, of_refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS, THRESHOLDS, merged

_ASSESSMENT = {"load_assessment_thresholds": THRESHOLDS, "load_assessment_metrics": METRICS}


def typed(variables: dict, specification: dict) -> tuple[dict, list[str]]:
    """The variables in their types, with defaults; one that cannot be is None, and has a sentence."""
    values, sentences = {}, []
    for name, option in specification.items():
        given = {name: variables[name]} if name in variables else {}
        checked = ArgumentSpecValidator({name: option}).validate(given)
        values[name] = None if checked.error_messages else checked.validated_parameters.get(name)
        if checked.error_messages:
            wanted = f"one of {', '.join(option['choices'])}" if "choices" in option else f"of type {option['type']}"
            sentences.append(f"{name} is '{given[name]}', but must be {wanted}; correct it in the inventory.")
    return values, sentences


def problems(seen: Seen) -> Iterator[Finding]:
    """What role platform refuses, and values of another type than their variable's."""
    for name, sentence in zip(named(seen.problems), seen.problems, strict=True):
        yield of_refusal(name, Refusal(sentence))


def named(sentences: list[str]) -> list[str]:
    """The variables that the sentences are about: each begins with its name."""
    return [sentence.split(maxsplit=1)[0].rstrip(",") for sentence in sentences]


def overrides(seen: Seen) -> Iterator[Finding]:
    schema, corrections = _profile.Schema(seen.schema), seen["smartsports_profile_overrides"]
    for profile, fields in corrections.items():
        what = f"smartsports_profile_overrides.{profile}"
        if profile not in seen.profiles:
            yield Finding(what, profile, "no such profile", f"use one of {', '.join(seen.profiles)}")
        if not isinstance(fields, dict):
            yield Finding(what, fields, "a profile is corrected by its fields", "write them as in {app.replicas: 12}")
            continue
        for name, value in fields.items():
            try:
                field = schema.field(name, "inventory")
            except Refusal:
                like = closest(name, seen.schema)
                fix = f"did you mean {like}?" if like else "docs/profiles.md lists the fields"
                yield Finding(what, f"{name}: {value}", "no such field", fix)
                continue
            try:
                field.parse(value, "inventory")
            except Refusal:
                yield Finding(what, f"{name}: {value}", f"it is {field.expected}", "give it one")


def assessment(seen: Seen) -> Iterator[Finding]:
    for name in _ASSESSMENT:
        try:
            merged(_ASSESSMENT[name], seen[name], name)
        except Refusal as refusal:
            yield of_refusal(name, refusal)


def corrected(seen: Seen, name: str) -> dict:
    """The assessment's table of that name with the inventory's corrections; one that cannot be used has a line of its own."""
    try:
        return merged(_ASSESSMENT[name], seen[name], name)
    except Refusal as refusal:
        raise Skip(name) from refusal


def contacts(seen: Seen) -> Iterator[Finding]:
    if not seen["smartsports_contacts"]:
        yield Finding(
            "smartsports_contacts", "nobody", "needed when nothing helps", "name whom to call, with telephone numbers", True
        )
    for entry in seen["smartsports_contacts"]:
        if not (isinstance(entry, dict) and entry.get("name")):
            yield Finding("smartsports_contacts", entry, "a contact has a name", "write {name: ..., phone: ..., after: ...}")


def shell(seen: Seen) -> Iterator[Finding]:
    names = _scale_file.overruled(seen.directory, os.environ)
    if names:
        listed = " ".join(names)
        yield Finding(
            ".env", listed, "the shell's environment says otherwise", f"unset {listed}, or correct {seen.directory}/.env"
        )


def replicas(seen: Seen) -> Iterator[Finding]:
    """No profile asks for more replicas than scaling accepts."""
    most = seen["app_scale_maximum"]
    profile, count = max(wanted_replicas(seen).items(), key=lambda each: each[1], default=("", 0))
    if count > most:
        fix = f"raise it to {count}, or correct the profile in smartsports_profile_overrides"
        yield Finding("app_scale_maximum", most, f"profile {profile} wants {count}", fix)


def wanted_replicas(seen: Seen) -> dict[str, int]:
    """By profile. Corrections that cannot be used have lines of their own, and are left out here."""
    corrections = {} if list(overrides(seen)) else seen["smartsports_profile_overrides"]
    schema = _profile.Schema(seen.schema)
    resolved = {name: _profile.resolve(schema, seen.profiles, name, corrections).get("app.replicas") for name in seen.profiles}
    return {name: setting.value for name, setting in resolved.items() if setting}


CHECKS = {
    "variables": problems,
    "profile overrides": overrides,
    "assessment": assessment,
    "contacts": contacts,
    "shell": shell,
    "replicas of profiles": replicas,
}
