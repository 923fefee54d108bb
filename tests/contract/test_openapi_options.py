# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules' options are the admin API's patches: every member, its type and its range."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _admin_client,
    admin_info,
    cache_config,
    database_config,
    feature_flags,
    payment_queue,
    performance_mode,
    queue_config,
    rate_limits,
    redis_config,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import Addresses

ROOT = Path(__file__).parents[2]
API = yaml.safe_load((ROOT / "docs/admin-api.openapi.yaml").read_text())
MODULES = {
    "rate-limits": rate_limits,
    "queue-config": queue_config,
    "feature-flags": feature_flags,
    "cache-config": cache_config,
    "payment-queue": payment_queue,
    "database-config": database_config,
    "redis-config": redis_config,
    "performance-mode": performance_mode,
}


def resolved(schema: dict) -> dict:
    """A schema without references."""
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = API["components"]["schemas"][name]
    return schema


def patch_schema(resource: str) -> dict:
    body = API["paths"][f"/admin/{resource}"]["post"]["requestBody"]
    return resolved(body["content"]["application/json"]["schema"])


def described(schema: dict) -> dict:
    """A patch's schema in the notation of the modules' SETTINGS."""
    return {name: _described(resolved(member)) for name, member in schema["properties"].items()}


def _described(schema: dict):
    kind = schema["type"]
    if kind == "object":
        return described(schema)
    if kind == "array":
        assert schema["uniqueItems"]
        return Addresses(schema["minItems"], schema["maxItems"])
    return bool if kind == "boolean" else {"integer": (schema.get("minimum"), schema.get("maximum"))}[kind]


def documented(options: dict) -> dict:
    """Documented options as {name: type or nested}."""
    return {
        name: documented(option["suboptions"]) if "suboptions" in option else option["type"] for name, option in options.items()
    }


def typed(settings: dict) -> dict:
    return {name: _typed(kind) for name, kind in settings.items()}


def _typed(kind):
    if isinstance(kind, dict):
        return typed(kind)
    return "list" if isinstance(kind, Addresses) else "bool" if kind is bool else "int"


def documentation(module: str) -> dict:
    source = (ROOT / f"plugins/modules/{module}.py").read_text()
    return yaml.safe_load(source.partition('DOCUMENTATION = r"""')[2].partition('"""')[0])


@pytest.mark.parametrize("resource", MODULES)
def test_settings_are_the_patch(resource):
    assert described(patch_schema(resource)) == MODULES[resource].SETTINGS


def test_every_resource_has_a_module():
    assert set(MODULES) == set(_admin_client.RESOURCES)


@pytest.mark.parametrize("resource", MODULES)
def test_documentation_is_the_patch(resource):
    module = MODULES[resource].__name__.rpartition(".")[2]
    assert documented(documentation(module)["options"]) == typed(MODULES[resource].SETTINGS)


def test_every_resource_can_be_read():
    offered = {path.removeprefix("/admin/") for path, methods in API["paths"].items() if "post" in methods}
    assert set(_admin_client.RESOURCES) == offered == set(admin_info.SPEC["argument_spec"]["resources"]["choices"])


def test_every_resource_answers_with_settings_and_version():
    for resource in _admin_client.RESOURCES:
        answer = API["paths"][f"/admin/{resource}"]["get"]["responses"]["200"]
        name = answer["$ref"].rpartition("/")[2]
        envelope = resolved(API["components"]["responses"][name]["content"]["application/json"]["schema"])
        assert {"settings", "version", "instance"} <= set(envelope["required"])


def test_queue_status_is_offered():
    assert "get" in API["paths"]["/admin/queue-status"]
