# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module pgbouncer_pool: PgBouncer's default_pool_size in its file and in force, or a sentence that says why not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ansible_collections.smartsports.scaling.plugins.module_utils import _pgbouncer_ini as ini
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, ask, connect
from ansible_collections.smartsports.scaling.plugins.module_utils._host_file import HostFile, host_file
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._numbers import whole_number
from ansible_collections.smartsports.scaling.plugins.module_utils._pgbouncer import Console, connections, the_one
from ansible_collections.smartsports.scaling.plugins.module_utils._pgbouncer_capacity import (
    LARGEST,
    Pool,
    Server,
    problem,
    useful,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._psql import POSTGRES

NAME = "default_pool_size"
CHANGES = "pool"
SPEC = {
    "argument_spec": {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "default": "pgbouncer"},
        "postgres_service": {"type": "str", "default": "postgres-primary"},
        **POSTGRES,
        "port": {"type": "int", "default": 6432},
        "admin_user": {"type": "str", "default": "admin"},
        "admin_password": {"type": "str", "required": True, "no_log": True},
        NAME: {"type": "raw", "required": True},
        "reconnect": {"type": "bool", "default": False},
        "deadline": {"type": "int", "default": 30},
        "command": {"type": "str", "default": "ansible-playbook playbooks/resize_pool.yml"},
    },
    "supports_check_mode": True,
}
_RELOADED = 5  # seconds in which a reload shows
_LIMITS = ("max_user_connections", "max_db_connections", "reserve_pool_size")
_SERVERS = ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")


@dataclass(frozen=True)
class Seen:
    """PgBouncer as it is before anything is changed."""

    running: dict  # SHOW CONFIG
    text: str  # its file
    file: HostFile
    databases: list  # SHOW DATABASES, its own console left out
    pools: list  # SHOW POOLS, likewise

    @property
    def settings(self) -> dict:
        return ini.parse(self.text)

    @property
    def written(self) -> str:
        """What stands in the file; what runs where it says nothing."""
        return self.settings[ini.MAIN].get(NAME, self.running[NAME])

    @property
    def before(self) -> int:
        """The size to go back to: what is written, or what runs where that is no number."""
        return int(self.written if self.written.isdigit() else self.running[NAME])


def run(params: dict, check_mode: bool, say: Say) -> dict:
    size = whole_number(NAME, params[NAME], 1, LARGEST)
    client = connect()
    container = the_one(client, params["project"], params["service"], "smartsports_pgbouncer_service")
    console = Console(client, container, params["port"], params["admin_user"], params["admin_password"])
    seen = _look(client, console)
    before = seen.before
    resize = str(size) != seen.written or str(size) != seen.running[NAME]
    pools = _pools(seen)
    if resize:
        _require_possible(client, params, container, seen, pools, size)
    too_many = excess(seen.pools, pools, size)
    reconnect = params["reconnect"] and too_many > 0
    if not check_mode:
        if resize:
            _resize(console, seen, size)
        if reconnect:
            console.rows("RECONNECT")
            too_many = _wait(console, pools, size, params["deadline"], say)
    result = {
        "changed": resize or reconnect,
        "before": before,
        NAME: size,
        "file": str(seen.file.path),
        "excess": too_many,
        "reconnected": reconnect,
        "diff": _diff(seen, size, resize),
    }
    if resize and before != size:
        # A size beyond the limits did nothing: the largest one that does something is the same state.
        result["undo"] = f"{params['command']} -e {NAME}={min(before, useful(pools))}"
    result["report"] = _report(result, check_mode, reconnect, pools)
    return result


def _look(client, console: Console) -> Seen:
    running = console.config()
    details = client.api.inspect_container(console.container.id)
    file = host_file(details, running["conffile"])
    text = _read(file)
    code, inside, _complaint = ask(client, console.container, ["cat", file.inside])
    if code != 0 or inside.strip() != text.strip():
        raise Refusal(
            f"{console.container.name} sees another {file.inside} than the host's {file.path}: the file was replaced while mounted as a single "
            "file; recreate the container at a calm hour, or mount its directory."
        )
    if ini.MAIN not in ini.parse(text):
        raise Refusal(f"{file.path} has no section [{ini.MAIN}] with settings, where {NAME} belongs; repair the file.")
    if broken := ini.not_understood(text, running):
        raise Refusal(
            f"{file.path} has what PgBouncer does not understand ({broken}) and would not start with; repair it and run this again."
        )
    databases = [row for row in console.rows("SHOW DATABASES") if row["name"] != "pgbouncer"]
    names = {row["name"] for row in databases}
    return Seen(running, text, file, databases, [row for row in console.rows("SHOW POOLS") if row["database"] in names])


def _read(file: HostFile) -> str:
    try:
        return file.read()
    except OSError as error:
        raise Refusal(f"{file.path} cannot be read ({error.strerror}); run this with rights to it (become).") from error


def _pools(seen: Seen) -> list[Pool]:
    """Every pool as it is after a reload; a database that nobody has used yet counts as one."""
    settings = seen.settings
    config = {name: int(settings[ini.MAIN].get(name, seen.running[name])) for name in _LIMITS}
    found = []
    for row in seen.databases:
        listed = settings.get("databases", {})
        own = ini.options(listed.get(row["name"], listed.get("*", "")))
        users = sorted({pool["user"] for pool in seen.pools if pool["database"] == row["name"]}) or [
            row["force_user"] or "any user"
        ]
        for user in users:
            of_user = ini.options(settings.get("users", {}).get(user, ""))
            found.append(
                Pool(
                    database=row["name"],
                    user=user,
                    own=int(own["pool_size"]) if "pool_size" in own else None,
                    reserve=int(own.get("reserve_pool", config["reserve_pool_size"])),
                    database_limit=int(own.get("max_db_connections", config["max_db_connections"])),
                    user_limit=int(of_user.get("max_user_connections", config["max_user_connections"])),
                )
            )
    return found


def _require_possible(client, params: dict, container: Container, seen: Seen, pools: list[Pool], size: int) -> None:
    postgres = the_one(client, params["project"], params["postgres_service"], "smartsports_postgres_service")
    networks = client.api.inspect_container(postgres.id)["NetworkSettings"]["Networks"].values()
    names = {postgres.name, params["postgres_service"], *postgres.addresses.values()}
    names.update(name for network in networks for name in [*(network.get("Aliases") or []), *(network.get("DNSNames") or [])])
    # Pools of other servers take nothing from this one; where none is known by name, all count.
    here = {row["name"] for row in seen.databases if row["host"] in names} or {row["name"] for row in seen.databases}
    server = Server(**connections(client, postgres, list(container.addresses.values()), params))
    trouble = problem(size, int(seen.running[NAME]), [pool for pool in pools if pool.database in here], server)
    if trouble:
        raise Refusal(trouble)


def _resize(console: Console, seen: Seen, size: int) -> None:
    """The file, the reload, and proof that it took: RELOAD reports success on a broken file."""
    _write(seen.file, ini.with_value(seen.text, NAME, size))
    try:
        console.rows("RELOAD")
        _require_in_force(console, size)
    except Refusal:
        _write(seen.file, seen.text)
        console.reload_by_signal()
        raise


def _write(file: HostFile, text: str) -> None:
    try:
        file.replace(text)
    except OSError as error:
        raise Refusal(
            f"{file.path} cannot be written ({error.strerror}); nothing was changed; run this with rights to it (become)."
        ) from error


def _require_in_force(console: Console, size: int) -> None:
    end = time.monotonic() + _RELOADED
    while (running := console.config()[NAME]) != str(size):
        if time.monotonic() > end:
            raise Refusal(
                f"PgBouncer in {console.container.name} was reloaded and runs with {NAME} {running} instead of {size}; the file is as it was before; "
                f"see docker logs {console.container.name}, and whether the file includes another one (%include)."
            )
        time.sleep(0.1)


def excess(rows: list[dict], pools: list[Pool], size: int) -> int:
    """How many server connections are open beyond `size`, in the pools that take it; a reserve may be open."""
    sizes = {(pool.database, pool.user): size + pool.reserve for pool in pools if pool.own is None}
    open_now = {(row["database"], row["user"]): sum(int(row[column]) for column in _SERVERS) for row in rows}
    return sum(max(0, count - sizes[pool]) for pool, count in open_now.items() if pool in sizes)


def _wait(console: Console, pools: list[Pool], size: int, deadline: float, say: Say) -> int:
    """Until the pools are small: a connection closes at the end of its transaction. What is left after the deadline."""
    began = time.monotonic()
    while (left := excess(console.rows("SHOW POOLS"), pools, size)) and time.monotonic() - began < deadline:
        say(
            f"waiting for {left} connection(s) to end their transactions: {time.monotonic() - began:.0f} s of at most {deadline} s"
        )
        time.sleep(1)
    return left


def _diff(seen: Seen, size: int, resize: bool) -> dict:
    """The size in the file and in force; and what else waits in the file, which a reload takes along."""
    settings = seen.settings[ini.MAIN]
    numbers = {name: value for name, value in settings.items() if name != NAME and value.isdigit()}
    waiting = {name: value for name, value in numbers.items() if resize and seen.running.get(name, value) != value}
    before = {"in the file": seen.written, "in force": seen.running[NAME]}
    after = dict.fromkeys(before, str(size)) if resize else before
    others = {name: seen.running[name] for name in waiting}
    return {"before": {NAME: before, **others}, "after": {NAME: after, **waiting}}


def _report(result: dict, check_mode: bool, reconnect: bool, pools: list[Pool]) -> dict:
    size, left = result[NAME], result["excess"]
    before = int(result["diff"]["before"][NAME]["in force"])
    would = "would be " if check_mode else ""
    lines = []
    own = sorted({f"{pool.database} ({pool.own})" for pool in pools if pool.own is not None})
    if own:
        lines.append([f"a pool_size of their own wins and stays: {', '.join(own)}", "warn"])
    if reconnect and not left:
        lines.append("no connection is open beyond it")
    elif reconnect and check_mode:
        lines.append(f"{left} connection(s) beyond it would be closed, each after its transaction")
    elif left and reconnect:
        lines.append([f"{left} connection(s) beyond it are still in a transaction, and close when it ends", "warn"])
    elif left:
        lines.append(
            [f"busy pools do not shrink: {left} connection(s) beyond it stay open; -e reconnect=true closes them", "warn"]
        )
    if "undo" in result:
        lines.append([f"{'would be undone by' if check_mode else 'undo'}: {result['undo']}", "command"])
    if not result["changed"]:
        return {"lines": [f"{NAME} is {size} already: nothing changed", *lines]}
    title = f"{NAME}: {before} -> {size}, {would}in force" if before != size else f"{NAME} stays {size}"
    return {"title": title, "status": "good", "lines": lines}
