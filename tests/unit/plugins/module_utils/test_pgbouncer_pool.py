# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PgBouncer behind `docker exec` that reads its file at RELOAD, and does as it is told or not."""

from __future__ import annotations

import csv
import io

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _pgbouncer, pgbouncer_pool
from ansible_collections.smartsports.scaling.plugins.module_utils import _pgbouncer_ini as ini
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

INSIDE = "/etc/pgbouncer/pgbouncer.ini"
PASSWORD = "pgb-Secret"
TEXT = """\
[databases]
smartsports = host=postgres-primary port=5432
[pgbouncer]
; as big as a user may have
default_pool_size = 100
reserve_pool_size = 20
max_db_connections = 200
max_user_connections = 100
"""


class Engine:
    """PgBouncer and PostgreSQL; `told` is what their consoles were asked."""

    def __init__(self, path):
        self.api = self
        self.path = path
        self.mounts = [{"Destination": INSIDE, "Source": str(path)}]
        self.running = ini.parse(TEXT)["pgbouncer"]
        self.told, self.commands = [], []
        self.open = 30
        self.deaf = False  # a RELOAD that says that it worked, and did not
        self.inside = None  # another text than the host's
        self.refuses = ""
        self.direct = 10

    def inspect_container(self, name):
        return {"Name": "/p-pgbouncer", "Mounts": self.mounts, "NetworkSettings": {"Networks": {"n": {"Aliases": ["db"]}}}}

    def kill(self, container, signal):
        self.told.append(signal)

    def exec_create(self, container, command, environment=None):
        assert PASSWORD not in str(command)
        self.commands.append((command, environment))
        return {"Id": (command, environment or {})}

    def exec_start(self, job, demux):
        command, environment = job
        self.code = 0
        if command[0] == "cat":
            return (self.path.read_text() if self.inside is None else self.inside).encode(), None
        if command[0] == "sh":
            assert "NOT IN ('172.30.0.13')" in command[-1]
            return table([{"max_connections": 200, "reserved": 3, "direct": self.direct}]), None
        if self.refuses or environment.get("PGPASSWORD") != PASSWORD:
            self.code = 2
            return None, b"psql: error:\nFATAL:  password authentication failed\n"
        return self.answer(command[-1]), None

    def exec_inspect(self, job):
        return {"ExitCode": self.code}

    def answer(self, statement):
        if statement in ("RELOAD", "RECONNECT"):
            self.told.append(statement)
            if statement == "RECONNECT":
                self.open = min(self.open, int(self.running["default_pool_size"]))
            elif not self.deaf:
                self.running = ini.parse(self.path.read_text())["pgbouncer"]
            return b""
        return table(
            {
                "SHOW CONFIG": [
                    {"key": "conffile", "value": INSIDE},
                    *({"key": name, "value": value} for name, value in self.running.items()),
                ],
                "SHOW DATABASES": [
                    {"name": "pgbouncer", "host": "", "force_user": "pgbouncer"},
                    {"name": "smartsports", "host": "postgres-primary", "force_user": ""},
                ],
                "SHOW POOLS": [
                    {"database": "pgbouncer", "user": "pgbouncer", **dict.fromkeys(pgbouncer_pool._SERVERS, 0)},
                    {
                        "database": "smartsports",
                        "user": "app",
                        **dict.fromkeys(pgbouncer_pool._SERVERS, 0),
                        "sv_active": self.open,
                    },
                ],
            }[statement]
        )


def table(rows):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


@pytest.fixture
def pooler(tmp_path, monkeypatch):
    path = tmp_path / "pgbouncer.ini"
    path.write_text(TEXT)
    engine = Engine(path)

    def containers(client, project, service):
        address = {"pgbouncer": "172.30.0.13", "postgres-primary": "172.30.0.11"}.get(service)
        return [Container(service, f"p-{service}", 1, "running", "healthy", {"n": address}, "x")] if address else []

    monkeypatch.setattr(pgbouncer_pool, "connect", lambda: engine)
    monkeypatch.setattr(_pgbouncer, "containers", containers)
    monkeypatch.setattr(pgbouncer_pool, "_RELOADED", 0.2)
    monkeypatch.setattr(pgbouncer_pool.time, "sleep", lambda seconds: None)
    return engine


def resize(size, check_mode=False, **options):
    params = {
        "project": "p",
        "service": "pgbouncer",
        "postgres_service": "postgres-primary",
        "postgres_user": "",
        "postgres_database": "postgres",
        "port": 6432,
        "admin_user": "admin",
        "admin_password": PASSWORD,
        "default_pool_size": size,
        "reconnect": False,
        "deadline": 1,
        "command": "ansible-playbook playbooks/resize_pool.yml",
    }
    return pgbouncer_pool.run({**params, **options}, check_mode, silent)


def refused(size, **options):
    with pytest.raises(Refusal) as caught:
        resize(size, **options)
    said = str(caught.value)
    assert PASSWORD not in said and "\n" not in said and said.endswith(".")
    return said


def test_written_in_place_reloaded_and_in_force(pooler):
    inode = pooler.path.stat().st_ino
    result = resize("80")
    assert result["changed"] and (result["before"], result["default_pool_size"]) == (100, 80)
    assert pooler.path.read_text() == TEXT.replace("= 100\nreserve", "= 80\nreserve")
    assert pooler.path.stat().st_ino == inode
    assert pooler.told == ["RELOAD"]
    assert pooler.running["default_pool_size"] == "80"
    assert result["undo"] == "ansible-playbook playbooks/resize_pool.yml -e default_pool_size=100"
    assert result["report"]["lines"][-1] == [f"undo: {result['undo']}", "command"]
    assert result["diff"]["before"] == {"default_pool_size": {"in the file": "100", "in force": "100"}}
    assert result["diff"]["after"] == {"default_pool_size": {"in the file": "80", "in force": "80"}}


def test_a_second_run_does_nothing(pooler):
    resize(80)
    again = resize(80)
    assert not again["changed"] and "undo" not in again
    assert again["diff"]["before"] == again["diff"]["after"]
    assert pooler.told == ["RELOAD"]


def test_check_mode_predicts_and_does_nothing(pooler):
    predicted = resize(20, check_mode=True, reconnect=True)
    assert pooler.told == [] and pooler.path.read_text() == TEXT
    pooler.open = 50
    predicted = resize(20, check_mode=True, reconnect=True)
    done = resize(20, reconnect=True)
    assert [predicted[key] for key in ("changed", "diff", "reconnected", "undo")] == [
        done[key] for key in ("changed", "diff", "reconnected", "undo")
    ]


def test_the_way_back(pooler):
    resize(80)
    assert resize(100)["before"] == 80
    assert pooler.path.read_text() == TEXT


def test_a_size_that_was_set_by_hand_and_not_written(pooler):
    pooler.running["default_pool_size"] = "60"
    result = resize(100)
    assert result["changed"] and pooler.told == ["RELOAD"]
    assert result["diff"]["before"]["default_pool_size"] == {"in the file": "100", "in force": "60"}


def test_what_else_waits_in_the_file_is_shown(pooler):
    pooler.running["max_db_connections"] = "150"
    result = resize(80, check_mode=True)
    assert result["diff"]["before"]["max_db_connections"] == "150"
    assert result["diff"]["after"]["max_db_connections"] == "200"


def test_a_reload_that_does_not_take_it_is_taken_back(pooler):
    pooler.deaf = True
    assert "was reloaded and runs with default_pool_size 100 instead of 80" in refused(80)
    assert pooler.path.read_text() == TEXT
    assert pooler.told == ["RELOAD", "SIGHUP"]


def test_busy_pools_shrink_only_when_asked(pooler):
    pooler.open = 90
    kept = resize(40)
    assert kept["excess"] == 30  # 90 - 40 - 20 of the reserve
    assert "-e reconnect=true closes them" in str(kept["report"])
    assert pooler.told == ["RELOAD"]
    closed = resize(40, reconnect=True)
    assert closed["changed"] and closed["reconnected"] and closed["excess"] == 0
    assert not resize(40, reconnect=True)["changed"]
    assert pooler.told == ["RELOAD", "RECONNECT"]


def test_a_size_beyond_the_limits_can_be_taken_back_to_what_it_did(pooler):
    pooler.path.write_text(TEXT.replace("default_pool_size = 100", "default_pool_size = 500"))
    pooler.running["default_pool_size"] = "500"
    assert resize(80)["undo"].endswith("-e default_pool_size=100")


@pytest.mark.parametrize("size", ["seven", 0, -1, 10001, "", None, True])
def test_a_bad_value(pooler, size):
    assert refused(size).startswith(f"default_pool_size is '{size}', but must be a whole number from 1 to 10000")
    assert pooler.commands == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("", "", "150 would do nothing beyond 100: max_user_connections is 100"),
        ("port=5432", "port=5432 pool_size=50", "every database has a pool_size of its own"),
        ("max_user_connections = 100", "max_user_connections = 0", "may open 170 connections"),
        ("max_user_connections = 100", "max_user_connections = 0\nmax_db_connections = 120", "max_db_connections is 120"),
        ("[pgbouncer]", "[users]\napp = max_user_connections=30\n[pgbouncer]", "max_user_connections is 30 for app"),
    ],
)
def test_what_would_do_nothing_or_harm_is_refused(pooler, old, new, sentence):
    text = TEXT.replace(old, new)
    pooler.path.write_text(text)
    pooler.direct = 40
    assert sentence in refused(150)
    assert pooler.path.read_text() == text and pooler.told == []


def test_databases_of_other_servers_take_nothing_from_this_one(pooler):
    here = pooler.answer("SHOW DATABASES").decode()
    answer = pooler.answer
    away = here + "reports,elsewhere,\r\n"
    pooler.answer = lambda statement: away.encode() if statement == "SHOW DATABASES" else answer(statement)
    pooler.path.write_text(TEXT.replace("max_user_connections = 100", "max_user_connections = 0"))
    pooler.running["default_pool_size"] = "90"
    assert resize(150)["changed"]


@pytest.mark.parametrize(("line", "named"), [("nonsense here", "line 9, 'nonsense here'"), ("thing = 5", "the setting thing")])
def test_a_file_that_pgbouncer_would_not_start_with(pooler, line, named):
    pooler.path.write_text(TEXT + line + "\n")
    assert f"has what PgBouncer does not understand ({named}) and would not start with" in refused(80)


def test_the_restore_does_not_need_the_console(pooler, monkeypatch):
    answer = pooler.answer

    def locked_out(statement):
        pooler.refuses = statement == "RELOAD"
        return answer(statement)

    monkeypatch.setattr(pooler, "answer", locked_out)
    assert "refused SHOW CONFIG" in refused(80)
    assert pooler.path.read_text() == TEXT and pooler.told == ["RELOAD", "SIGHUP"]


def test_a_wrong_password(pooler):
    assert "refused SHOW CONFIG (FATAL:  password authentication failed)" in refused(80, admin_password="wrong")


def test_a_file_that_the_container_no_longer_sees(pooler):
    pooler.inside = TEXT + "x = 1\n"
    assert "sees another /etc/pgbouncer/pgbouncer.ini" in refused(80)


def test_a_file_of_the_image(pooler):
    pooler.mounts = []
    assert "comes from its image" in refused(80)


def test_a_file_that_may_not_be_written(pooler, monkeypatch):
    def forbidden(file, text):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pgbouncer_pool.HostFile, "replace", forbidden)
    assert "cannot be written (Permission denied); nothing was changed" in refused(80)
    assert pooler.told == []


@pytest.mark.parametrize(
    ("option", "variable"), [("service", "smartsports_pgbouncer_service"), ("postgres_service", "smartsports_postgres_service")]
)
def test_a_service_that_does_not_run(pooler, option, variable):
    assert (
        f"0 containers of p/other run on this host, and exactly 1 is needed; start it, or correct smartsports_project and {variable}"
        in (refused(80, **{option: "other"}))
    )
