# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import socket
import sys
import types
import uuid

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _process, run_identity
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import silent

HOST = socket.gethostname()


@pytest.fixture(autouse=True)
def nobody_special(monkeypatch):
    for name in ("AWX_HOST", "TOWER_HOST", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(run_identity.getpass, "getuser", lambda: "alice")
    started(monkeypatch, ["playbooks/respond.yml"])


def started(monkeypatch, positional):
    """Ansible read its command line; `positional` is what was no option and no option's value."""
    context = types.ModuleType("ansible.context")
    context.CLIARGS = {"args": positional}
    monkeypatch.setitem(sys.modules, "ansible.context", context)


def identity(**params):
    result = run_identity.run({"who": "", "source": "", "playbook": "", **params}, False, silent)
    assert result["changed"] is False
    return result["identity"]


def test_who_runs_which_playbook_from_where():
    found = identity()
    assert str(uuid.UUID(found["run"])) == found["run"] != identity()["run"]
    assert found == {
        "run": found["run"],
        "playbook": "respond.yml",
        "who": f"alice@{HOST}",
        "source": "person",
        "controller": _process.identity(os.getppid()),
    }


def test_behind_sudo_is_a_person(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "bob")
    assert identity()["who"] == f"bob@{HOST}"


@pytest.mark.parametrize(("who", "shown"), [("carol", f"carol@{HOST}"), ("carol@example.com", "carol@example.com")])
def test_who_is_named_is_it(monkeypatch, who, shown):
    monkeypatch.setenv("SUDO_USER", "bob")
    assert identity(who=who)["who"] == shown


@pytest.mark.parametrize("variable", ["AWX_HOST", "TOWER_HOST"])
def test_a_job_of_awx(monkeypatch, variable):
    monkeypatch.setenv(variable, "https://awx.example.com")
    assert identity()["source"] == "awx"
    assert identity(source="schedule")["source"] == "schedule"


@pytest.mark.parametrize(
    ("positional", "shown"),
    [
        (("playbooks/respond.yml",), "respond.yml"),
        (("/opt/scaling/playbooks/undo.yaml",), "undo.yaml"),
        (("smartsports.scaling.respond",), "smartsports.scaling.respond"),
        (("a.yml", "dir/b.yml"), "a.yml b.yml"),
        ((), "ansible"),
        (None, "ansible"),
        ("platform", "ansible"),
    ],
)
def test_the_playbook_as_it_was_started(monkeypatch, positional, shown):
    started(monkeypatch, positional)
    assert identity()["playbook"] == shown
    assert identity(playbook="nightly")["playbook"] == "nightly"


@pytest.mark.parametrize("option", ["token=eyJh.eyJz.c2ln", "password=x/secret.yml", "@secrets.yml", "eyJh.eyJz.c2ln"])
def test_the_value_of_an_option_is_never_shown(monkeypatch, option):
    monkeypatch.setattr(sys, "argv", ["ansible-playbook", "-i", "inventory/hosts.yml", "-e", option, "playbooks/respond.yml"])
    assert identity()["playbook"] == "respond.yml"


def test_without_ansible_around_it_there_is_no_playbook(monkeypatch):
    monkeypatch.delitem(sys.modules, "ansible.context")
    monkeypatch.setattr(sys, "argv", ["module.py", "secret.yml"])
    assert identity()["playbook"] == "ansible"
