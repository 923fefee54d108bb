# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role has set 80 when these tests begin; they go on from there, in order."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BEFORE = (ROOT / "lab/config/pgbouncer/pgbouncer.ini").read_text()


def resize(size, *arguments):
    """(return code, output) of the playbook."""
    command = ["ansible-playbook", "-i", "inventory/lab", "playbooks/resize_pool.yml", "-vvv", "-e", f"default_pool_size={size}"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def query(container, environment, *arguments):
    result = container.exec_run(["psql", "-X", "-q", "-A", "-t", *arguments], environment=environment)
    assert result.exit_code == 0, result.output.decode()
    return result.output.decode()


def in_force(platform):
    """What PgBouncer's console says."""
    [pgbouncer] = platform.containers("pgbouncer")
    password = {"PGPASSWORD": platform.env["PGBOUNCER_ADMIN_PASSWORD"]}
    console = ["-h", "127.0.0.1", "-p", "6432", "-U", "admin", "-d", "pgbouncer", "-c", "SHOW CONFIG"]
    rows = (line.split("|") for line in query(pgbouncer, password, *console).splitlines())
    return next(row[1] for row in rows if row[0] == "default_pool_size")


def file(platform):
    return platform.directory / "config/pgbouncer/pgbouncer.ini"


@pytest.fixture
def queries(platform):
    """Clients that query through PgBouncer all the while; yields, and then says what they met."""
    [pgbouncer] = platform.containers("pgbouncer")
    # Few clients that keep their connections: the container has a third of a core, which new ones would eat up.
    psql = "psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p 6432 -U smartsports -d smartsports"
    script = f"yes 'SELECT pg_sleep(0.05);' | head -n 600 | {psql} >/dev/null"
    command = ["docker", "exec", "-e", "PGPASSWORD", pgbouncer.name, "sh", "-c", script]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PGPASSWORD": platform.env["APP_DB_PASSWORD"]}
    clients = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    yield clients
    for client in clients:
        client.terminate()


def unharmed(clients):
    """They still query, or are done, and none of them met an error."""
    return [client.stderr.read() for client in clients if client.poll() not in (None, 0)] == []


def test_it_is_in_force_and_the_container_sees_the_file(platform):
    assert in_force(platform) == "80"
    [pgbouncer] = platform.containers("pgbouncer")
    assert pgbouncer.exec_run(["cat", "/etc/pgbouncer/pgbouncer.ini"]).output.decode() == file(platform).read_text()


def test_one_line_of_the_file_is_another(platform):
    assert file(platform).read_text() == BEFORE.replace("default_pool_size = 100", "default_pool_size = 80")


def test_a_preview_shows_it_and_changes_nothing(platform):
    code, output = resize(60, "--check", "--diff")
    assert code == 0, output
    assert "changed=1 " in output and '"in force": "60"' in output
    assert in_force(platform) == "80" and "= 80\n" in file(platform).read_text()


def test_queries_run_on_while_it_changes_and_the_undo_line_takes_it_back(platform, queries):
    code, output = resize(60, "-e", "reconnect=true")
    assert code == 0, output
    assert "changed=1 " in output and "undo: " in output
    assert in_force(platform) == "60"
    undo = output.partition("undo: ")[2].splitlines()[0]
    assert undo.endswith("playbooks/resize_pool.yml -e default_pool_size=80")
    done = subprocess.run(undo.split(), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert in_force(platform) == "80"
    assert unharmed(queries)


def test_a_second_run_changes_nothing_and_hides_the_password(platform):
    code, output = resize(80)
    assert code == 0, output
    assert "changed=0 " in output
    assert platform.env["PGBOUNCER_ADMIN_PASSWORD"] not in output


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ("150", "default_pool_size 150 would do nothing beyond 100: max_user_connections is 100"),
        ("seven", "default_pool_size is 'seven', but must be a whole number from 1 to 10000"),
        ("0", "default_pool_size is '0', but must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(platform, size, sentence):
    text = file(platform).read_text()
    code, output = resize(size)
    assert code != 0 and sentence in output
    assert file(platform).read_text() == text and in_force(platform) == "80"


def test_more_than_postgresql_takes_is_refused(platform):
    text = file(platform).read_text()
    with file(platform).open("r+") as stream:  # in place, as the container has the file itself
        stream.write(text.replace("max_user_connections = 100", "max_user_connections = 0  "))
    code, output = resize(190)
    assert code != 0 and "PostgreSQL has " in output and "ask for at most " in output
    with file(platform).open("r+") as stream:
        stream.truncate(stream.write(text))
    assert in_force(platform) == "80"


def test_a_wrong_password_is_refused_in_a_sentence(platform):
    code, output = resize(60, "-e", "smartsports_pgbouncer_admin_password=wrong")
    assert code != 0 and "check smartsports_pgbouncer_port, smartsports_pgbouncer_admin_user" in output
    assert in_force(platform) == "80"


def test_the_way_back(platform):
    code, output = resize(100)
    assert code == 0, output
    assert "changed=1 " in output
    assert file(platform).read_text() == BEFORE and in_force(platform) == "100"
