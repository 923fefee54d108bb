# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of an inventory against what stands around the application: the entry, Prometheus, PgBouncer, PostgreSQL and Redis."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ansible_collections.smartsports.scaling.plugins.module_utils import _probe, _prometheus
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, ask
from ansible_collections.smartsports.scaling.plugins.module_utils._host_file import host_file
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory import SERVICE, Finding, Seen
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory_app import OF_EXPORTERS, lacking
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory_values import corrected
from ansible_collections.smartsports.scaling.plugins.module_utils._pgbouncer import Console
from ansible_collections.smartsports.scaling.plugins.module_utils._web import entry_session, require_ca

_TIMEOUT = 1.5  # seconds
_PATIENCE = 3.0  # seconds that a page may take: a slow one is no wrong URL


def entry(seen: Seen) -> Iterator[Finding]:
    url = seen["smartsports_entry_url"].rstrip("/")
    options = {name: seen[f"smartsports_{name}"] for name in ("entry_validate_certs", "entry_ca_path", "entry_server_name")}
    require_ca(options)
    probes = _probe.probe(url + seen["load_assessment_probe_path"], 1, _PATIENCE, lambda: entry_session(options))
    if probes.redirected:
        fix = "name the site as buyers reach it (smartsports_entry_url, smartsports_entry_server_name)"
        yield Finding("smartsports_entry_url", _prometheus.named(url), f"redirected: {probes.redirected}", fix)
    elif probes.failures:
        published = _published(seen, "smartsports_nginx_service")
        fix = f"nginx is published at {published}" if published else "see that nginx runs and publishes its port"
        yield Finding("smartsports_entry_url", _prometheus.named(url), probes.failures[0].partition(";")[0], fix)
    elif probes.given_up:
        yield Finding(
            "smartsports_entry_url", _prometheus.named(url), f"no answer within {_PATIENCE:g} s", "run playbooks/assess.yml"
        )


def prometheus(seen: Seen) -> Iterator[Finding]:
    """It answers, knows the metrics' names, and has fresh samples of every replica."""
    url = seen["smartsports_prometheus_url"]
    if not url:
        return  # none there, as the inventory says: the platform is asked directly
    metrics = corrected(seen, "load_assessment_metrics")
    thresholds = corrected(seen, "load_assessment_thresholds")
    try:
        known = _prometheus.known(url, _TIMEOUT)
        instances = _prometheus.observe(url, metrics, thresholds, _TIMEOUT).instances
    except _prometheus.Unavailable as unavailable:
        why, _mark, fix = str(unavailable).partition("; ")
        fix = fix or "correct it, or start Prometheus: without it no trigger's window can be judged"
        yield Finding("smartsports_prometheus_url", _prometheus.named(url), why, fix)
        return
    yield from lacking(metrics, known, "Prometheus knows", *OF_EXPORTERS)
    replicas = seen.running("smartsports_app_service")
    unseen = [each.name for each in replicas if not instances & {*each.addresses.values(), each.name}]
    if unseen and metrics["cpu"] in known:
        has = f"no fresh sample of {', '.join(unseen[:3])}" + (f" and {len(unseen) - 3} more" if unseen[3:] else "")
        yield Finding(
            "Prometheus",
            f"{len(replicas)} replicas",
            has,
            "have it scrape every replica (dns_sd_configs), or raise load_assessment_thresholds.max_age",
        )


def pgbouncer(seen: Seen) -> Iterator[Finding]:
    """Its console takes the password, and its file can be written."""
    container = seen.running("smartsports_pgbouncer_service")[0]
    if not seen.pgbouncer_password.strip():
        fix = "give it in a vault, or playbooks/resize_pool.yml will refuse"
        yield Finding("smartsports_pgbouncer_admin_password", "nothing", "PgBouncer's console asks for it", fix, warning=True)
        return
    user, port = seen["smartsports_pgbouncer_admin_user"], seen["smartsports_pgbouncer_port"]
    console = Console(seen.client, container, port, user, seen.pgbouncer_password)
    file = host_file(seen.client.api.inspect_container(container.id), console.config()["conffile"])
    if not os.access(file.path, os.R_OK | os.W_OK):
        yield Finding(
            "pgbouncer.ini",
            file.path,
            "it cannot be read and written from here",
            "mount it from this host, or run with rights to it (become)",
        )


def postgres(seen: Seen) -> Iterator[Finding]:
    yield from _asked(seen, "smartsports_postgres_service", ["pg_isready"], "accepting connections")


def redis(seen: Seen) -> Iterator[Finding]:
    container, command = (
        seen.running("smartsports_redis_service")[0],
        ["redis-cli", "-p", str(seen["smartsports_redis_port"]), "ping"],
    )
    _code, output, complaint = ask(
        seen.client, container, command, {"REDISCLI_AUTH": seen.redis_password} if seen.redis_password else None
    )
    said = f"{output} {complaint}"
    if "NOAUTH" not in said:
        yield from _unlike(seen, "smartsports_redis_service", container, command, said, "PONG")
    elif seen.redis_password:
        yield Finding(
            "smartsports_redis_password", "a password", "Redis refuses it", "correct it in the vault or the environment"
        )
    else:
        fix = "give it in a vault, or Redis cannot be assessed while Prometheus is down"
        yield Finding("smartsports_redis_password", "nothing", "Redis asks for it", fix, warning=True)


def _asked(seen: Seen, variable: str, command: list[str], expected: str) -> Iterator[Finding]:
    container = seen.running(variable)[0]
    _code, output, complaint = ask(seen.client, container, command)
    yield from _unlike(seen, variable, container, command, output or complaint, expected)


def _unlike(seen: Seen, variable: str, container: Container, command: list[str], said: str, expected: str) -> Iterator[Finding]:
    said = " ".join(said.split())
    if expected not in said:
        has = f"{' '.join(command)} in {container.name} says: {said[:120] or 'nothing'}"
        yield Finding(variable, seen[variable], has, f"see docker logs {container.name}, or correct {variable}")


def _published(seen: Seen, variable: str) -> str:
    """Where the host offers the service's ports."""
    ports = [
        port for each in seen.of_project if each["Labels"].get(SERVICE) == seen[variable] for port in each.get("Ports") or []
    ]
    return ", ".join(sorted({f"{each.get('IP') or '0.0.0.0'}:{each['PublicPort']}" for each in ports if each.get("PublicPort")}))


CHECKS = {"entry": entry, "Prometheus": prometheus, "PgBouncer": pgbouncer, "PostgreSQL": postgres, "Redis": redis}
