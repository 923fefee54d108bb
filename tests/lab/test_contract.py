"""The application serves docs/admin-api.openapi.yaml, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import RESOURCES, ROOT, Instance

DOCUMENT = ROOT / "docs" / "admin-api.openapi.yaml"
CONTRACT = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))


def test_fuzz(app, tmp_path):
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[auth.openapi.token]\nbearer = "{app.token}"\n', encoding="utf-8")
    config.chmod(0o600)
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            config,
            "run",
            DOCUMENT,
            "--url",
            app.url,
            "--max-examples",
            "15",
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            "1",
            "--request-timeout",
            "20",
            "--max-time",
            "60",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
    assert app.get("/health").status_code == 200


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_member_has_its_documented_range(app, resource):
    name = "".join(part.capitalize() for part in resource.split("-"))
    _check(app, resource, CONTRACT["components"]["schemas"][name]["properties"], app.settings(resource)["settings"], [])


def _check(app: Instance, resource: str, members: dict, settings: dict, path: list[str]) -> None:
    assert set(members) == set(settings)
    for name, schema in members.items():
        if schema["type"] == "object":
            _check(app, resource, schema["properties"], settings[name], [*path, name])
        elif schema["type"] == "integer":
            for value, status in (
                (schema["minimum"], 200),
                (schema["maximum"], 200),
                (schema["minimum"] - 1, 422),
                (schema["maximum"] + 1, 422),
                (True, 422),
                ("seven", 422),
                (None, 422),
            ):
                _post(app, resource, [*path, name], value, status)
        elif schema["type"] == "boolean":
            for value, status in ((True, 200), (False, 200), (1, 422), ("true", 422), (None, 422)):
                _post(app, resource, [*path, name], value, status)


def _post(app: Instance, resource: str, path: list[str], value, status: int) -> None:
    patch = value
    for name in reversed(path):
        patch = {name: patch}
    answer = app.ask("POST", f"/admin/{resource}", admin=True, json=patch)
    assert answer.status_code == status, (patch, answer.text)
    if status == 422:
        assert ".".join(path) in answer.json()["message"]


def test_token(app):
    assert app.get("/admin/rate-limits").status_code == 401
    for header, status in (("Bearer", 401), ("Basic abc", 401), ("Bearer wrong", 403), (f"bearer {app.token}", 200)):
        assert app.get("/admin/rate-limits", headers={"Authorization": header}).status_code == status


def test_curl_as_in_the_runbook(app):
    answer = app.ask(
        "POST",
        "/admin/rate-limits",
        admin=True,
        data='{"search_endpoints": {"requests_per_minute": 31}}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["settings"]["search_endpoints"] == {"requests_per_minute": 31}


def test_a_patch_that_changes_nothing_keeps_the_version(app):
    first = app.patch("cache-config", {"event_list_ttl": 61})
    assert app.patch("cache-config", {"event_list_ttl": 61}) == first
    assert app.patch("cache-config", {}) == first
    assert app.patch("cache-config", {"event_list_ttl": 62})["version"] == first["version"] + 1


def test_queue_status_is_as_described(app):
    answer = app.get("/admin/queue-status", admin=True)
    assert answer.status_code == 200
    schema = CONTRACT["components"]["schemas"]["QueueStatus"]["properties"]
    for name, part in schema.items():
        if part.get("type") == "object":
            assert set(answer.json()[name]) == set(part["properties"])
