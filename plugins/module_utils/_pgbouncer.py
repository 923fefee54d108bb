# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""PgBouncer's admin console and PostgreSQL's psql, each in its container."""

from __future__ import annotations

import csv
import io

from ansible_collections.smartsports.scaling.plugins.module_utils._docker import (
    Container,
    DockerException,
    ask,
    containers,
    execute,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._psql import psql

_PATIENCE = {"PGCONNECT_TIMEOUT": "5"}
_CONNECTIONS = (
    "SELECT (SELECT setting FROM pg_settings WHERE name = 'max_connections') AS max_connections,"
    " (SELECT sum(setting::int) FROM pg_settings WHERE name LIKE '%reserved_connections') AS reserved,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    " AND (client_addr IS NULL OR host(client_addr) NOT IN ({addresses}))) AS direct"
)


class Console:
    """The admin console of one PgBouncer."""

    def __init__(self, client, container: Container, port: int, user: str, password: str) -> None:
        self._client = client
        self.container = container
        self._command = ["psql", "-X", "-q", "--csv", "-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", "pgbouncer", "-c"]
        self._environment = {**_PATIENCE, "PGPASSWORD": password}  # a command line would show it to everybody

    def rows(self, statement: str) -> list[dict]:
        """What SHOW tells, each row by its column names; nothing for a command."""
        put = ask if statement.startswith("SHOW") else execute  # a command answers nothing, and is never repeated
        code, output, complaint = put(self._client, self.container, [*self._command, statement], self._environment)
        if code != 0:
            raise Refusal(
                f"PgBouncer's console in {self.container.name} refused {statement} ({_last(complaint)}); check smartsports_pgbouncer_port, "
                "smartsports_pgbouncer_admin_user (one of admin_users) and smartsports_pgbouncer_admin_password."
            )
        return _table(output)

    def config(self) -> dict[str, str]:
        return {row["key"]: row["value"] for row in self.rows("SHOW CONFIG")}

    def reload_by_signal(self) -> None:
        """Also where a file that PgBouncer did not take has left its console without administrators."""
        try:
            self._client.api.kill(self.container.id, signal="SIGHUP")
        except DockerException as error:
            raise Refusal(
                f"{self.container.name} took no SIGHUP ({error}); its file is as it was before; have it read with docker kill -s HUP "
                f"{self.container.name}."
            ) from error


def connections(client, postgres: Container, poolers: list[str], params: dict) -> dict[str, int]:
    """PostgreSQL's max_connections, those reserved, and its clients now that come from none of the addresses `poolers`."""
    addresses = ", ".join(f"'{address}'" for address in poolers)
    code, output, complaint = ask(client, postgres, psql(params, _CONNECTIONS.format(addresses=addresses)), _PATIENCE)
    if code != 0:
        raise Refusal(
            f"PostgreSQL in {postgres.name} did not tell its max_connections ({_last(complaint)}), and pools must stay below it; see "
            "smartsports_postgres_user, and that this superuser may connect on its own socket."
        )
    return {name: int(value) for name, value in _table(output)[0].items()}


def the_one(client, project: str, service: str, variable: str) -> Container:
    """The one running container of a service."""
    found = containers(client, project, service)
    if len(found) != 1:
        raise Refusal(
            f"{len(found)} containers of {project}/{service} run on this host, and exactly 1 is needed; start it, or correct "
            f"smartsports_project and {variable}."
        )
    return found[0]


def _table(output: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(output)))


def _last(complaint: str) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return (lines[-1] if lines else "it said nothing").rstrip(".")
