# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module inventory_check: every difference between an inventory and its platform, each with its fix, in one run. Reads only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _drift,
    _inventory_app,
    _inventory_compose,
    _inventory_parts,
    _inventory_values,
    upstream,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import DockerException, connect
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory import (
    PROJECT,
    Finding,
    Seen,
    findings,
    of_refusal,
    report,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import Nginx
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import Started
from ansible_collections.smartsports.scaling.plugins.module_utils._web import require_requests

SPEC = {
    "argument_spec": {
        "variables": {"type": "dict", "required": True},
        "specification": {"type": "dict", "required": True},
        "problems": {"type": "list", "elements": "str", "default": []},
        "token": {"type": "str", "default": "", "no_log": True},
        "pgbouncer_admin_password": {"type": "str", "default": "", "no_log": True},
        "redis_password": {"type": "str", "default": "", "no_log": True},
        "schema": {"type": "dict", "required": True},
        "profiles": {"type": "dict", "required": True},
        "playbooks": {"type": "str", "default": "ansible-playbook playbooks"},
    },
    "supports_check_mode": True,
}
_FACTS = 2.6  # seconds for what all checks look at
_CHECKS = 4.0  # seconds for the checks, side by side; each has shorter time-outs of its own


def run(params: dict, check_mode: bool, say: Say) -> dict:
    require_requests()
    seen = _look(params)
    found, skipped = findings(seen, CHECKS, _CHECKS)
    told = [asdict(each) | {"says": str(each.says)} for each in found]
    return {
        "changed": False,
        "mismatches": [each for each in told if not each["warning"]],
        "remarks": [each for each in told if each["warning"]],  # "warnings" are Ansible's own
        "not_checked": skipped,  # "skipped" would be the whole task to Ansible
        "report": report(found, skipped, len(CHECKS)),
    }


def _look(params: dict) -> Seen:
    """What all checks need, asked once and side by side."""
    variables, sentences = _inventory_values.typed(params["variables"], params["specification"])
    problems = [*params["problems"], *sentences]
    variables |= dict.fromkeys(_inventory_values.named(problems))  # what is wrong is not used: it has its line
    directory, files = variables.get("smartsports_project_dir"), variables.get("smartsports_compose_files")
    asked = Started(
        {
            "engine": _engine,
            "compose": lambda: _inventory_compose.configuration(directory or "", files or []),
        }
    )
    answers = asked.collect(_FACTS)
    engine, compose = answers["engine"], answers["compose"]
    client, listed = engine if isinstance(engine, tuple) else (_refusal(engine, "the Docker engine", "see that it is well"), [])
    return Seen(
        variables,
        params["token"] or "",
        params["pgbouncer_admin_password"] or "",
        params["redis_password"] or "",
        params["schema"],
        params["profiles"],
        params["playbooks"],
        problems,
        client,
        listed,
        compose if isinstance(compose, dict) else _refusal(compose, "docker compose config", "correct the Compose files"),
    )


def _engine() -> tuple:
    client = connect(timeout=2)
    try:
        return client, client.api.containers(all=True, filters={"label": [PROJECT]})
    except DockerException as error:
        raise Refusal(f"the Docker engine did not list its containers ({error}); see that it is well.") from error


def _refusal(problem: Exception, who: str, fix: str) -> Refusal:
    if isinstance(problem, Refusal):
        return problem
    if not isinstance(problem, (OSError, ValueError, DockerException)):
        raise problem
    return Refusal(f"{who}: {str(problem).rstrip('.')}; {fix}.")


def nginx(seen: Seen) -> Iterator[Finding]:
    """Its upstream can be found and written, and names the replicas that run."""
    [container, *_others] = seen.running("smartsports_nginx_service")
    replicas = seen.running("smartsports_app_service")
    wanted = seen["smartsports_nginx_upstreams"]
    names = wanted if isinstance(wanted, list) else [wanted]
    try:
        known = {option: value for option, value in _options(seen).items() if option in upstream.SPEC["argument_spec"]}
        look = upstream.preview(**known, name=names)
    except Refusal as refusal:
        yield _with_names(of_refusal("nginx", refusal, f"upstream {', '.join(map(str, names))}"), Nginx(seen.client, container))
        return
    for file in map(Path, look["files"]):
        if not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
            yield Finding("nginx", file, "it and its directory cannot be written from here", "run with rights to them (become)")
    heals = _drift.healing(replicas, seen.directory)
    yield from (_drifted(seen, each) for each in _drift.of_nginx(seen.client, _options(seen), replicas, look["diff"], heals))


def drift(seen: Seen) -> Iterator[Finding]:
    """What is kept for replicas is what runs."""
    found, remarks = _drift.find(seen.client, {**_options(seen), "project_dir": str(seen.directory)})
    yield from (_drifted(seen, each) for each in found)
    yield from (Finding("drift", "", remark.rstrip("."), "see that the files can be read (become)", True) for remark in remarks)


def _options(seen: Seen) -> dict:
    return {
        "project": seen["smartsports_project"],
        "service": seen["smartsports_app_service"],
        "port": seen["smartsports_app_port"],
        "nginx_service": seen["smartsports_nginx_service"],
        "network": seen["smartsports_network"],
        "files": seen["smartsports_compose_files"],
    }


def _drifted(seen: Seen, each: _drift.Drift) -> Finding:
    """A warning: the next playbook heals it."""
    return Finding(each.what, each.expected, each.found, f"{seen.playbooks}/{each.heals}", warning=True)


def _with_names(finding: Finding, present: Nginx) -> Finding:
    """Where no upstream has the name, those that there are."""
    if not finding.has.startswith("0 files"):
        return finding
    configuration, _workers = present.look()
    names = sorted({name for text in configuration.values() for name in re.findall(r"(?m)^\s*upstream\s+([^\s{]+)", text)})
    has = f"{present.name} has {', '.join(f'upstream {name}' for name in names) or 'no upstream'}"
    return Finding("smartsports_nginx_upstreams", finding.says.partition(" ")[2], has, finding.fix)


CHECKS = {
    **_inventory_values.CHECKS,
    **_inventory_compose.CHECKS,
    **_inventory_app.CHECKS,
    "nginx": nginx,
    **_inventory_parts.CHECKS,
    "drift": drift,
}
