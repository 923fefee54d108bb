# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _scale_file, app_scale_info
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

GIB = 2**30


class Engine:
    """The calls of the SDK that observe."""

    def __init__(self, memory, holders, static):
        self.api = self
        self.memory, self.holders, self.static = memory, holders, static

    def info(self):
        return {"MemTotal": 8 * GIB}

    def inspect_container(self, name):
        number = int(name[2:])
        ports = {"3000/tcp": [{"HostPort": "3000"}]} if number in self.holders else {}
        address = {"IPv4Address": "172.30.0.9"} if number in self.static else None
        return {
            "HostConfig": {"Memory": self.memory, "PortBindings": ports},
            "NetworkSettings": {"Networks": {"p_net": {"IPAMConfig": address}}},
        }

    def inspect_network(self, name):
        return {"Labels": {"com.docker.compose.network": "front"}}


@pytest.fixture
def observe(monkeypatch, tmp_path):
    (tmp_path / "docker-compose.prod.yml").write_text("")

    def observe(
        replicas, numbers=(1, 2), states=None, health=None, memory=GIB, holders=(1,), static=(), check_mode=False, **options
    ):
        found = [
            Container(
                f"id{n}",
                f"app-{n}",
                n,
                (states or {}).get(n, "running"),
                (health or {}).get(n, "healthy"),
                {"p_net": f"172.30.0.{n}"},
                "app:1",
            )
            for n in numbers
        ]
        monkeypatch.setattr(app_scale_info, "connect", lambda: Engine(memory, holders, static))
        monkeypatch.setattr(app_scale_info, "containers", lambda *arguments, **more: found)
        params = {
            "project": "p",
            "project_dir": str(tmp_path),
            "files": ["docker-compose.prod.yml"],
            "service": "app",
            "replicas": replicas,
            "maximum": 20,
            "allow_down": False,
            "allow_up": True,
            "since": None,
            "playbooks": "",
        }
        return app_scale_info.run({**params, **options}, check_mode, silent)

    return observe


def test_refuses_a_shell_that_overrules_the_deployment(observe, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("ADMIN_TOKEN='one'\nexport OTHER=two\nMADE=of$OTHER\nCOMPOSE_FILE=a.yml\n")
    for name, value in {"ADMIN_TOKEN": "one", "MADE": "else", "COMPOSE_FILE": "b.yml"}.items():
        monkeypatch.setenv(name, value)
    assert observe(3)["plan"]["add"] == 1
    monkeypatch.setenv("ADMIN_TOKEN", "another")
    with pytest.raises(Refusal, match=r"about ADMIN_TOKEN, .*unset ADMIN_TOKEN") as refused:
        observe(3)
    assert "another" not in str(refused.value)
    assert observe(2)["plan"]["add"] == 0


def test_plans_what_is_missing(observe):
    result = observe("5")
    assert result["plan"]["add"] == 3
    assert result["plan"]["remove"] == result["plan"]["debris"] == []
    assert result["diff"] == {"before": {"replicas": 2}, "after": {"replicas": 5}}
    assert not result["changed"]


def test_removes_the_newest_by_number_with_gaps(observe):
    assert observe(2, numbers=(1, 3, 7, 10), allow_down=True)["plan"]["remove"] == ["app-10", "app-7"]


def test_never_removes_the_one_that_holds_the_port(observe):
    assert observe(1, numbers=(1, 2, 3), holders=(3,), allow_down=True)["plan"]["remove"] == ["app-2", "app-1"]


def test_stopped_leftovers_go(observe):
    plan = observe(4, numbers=(1, 2, 3, 4), states={3: "exited", 4: "created"})["plan"]
    assert (plan["add"], plan["debris"]) == (2, ["app-4", "app-3"])


def test_the_stopped_holder_of_the_port_is_started_again(observe):
    plan = observe(2, numbers=(1, 2), states={1: "exited"})["plan"]
    assert (plan["add"], plan["debris"]) == (1, [])


def test_leftover_that_wants_the_port_which_another_holds_goes(observe):
    assert observe(3, numbers=(1, 2, 3), states={3: "created"}, holders=(1, 3))["plan"]["debris"] == ["app-3"]


def test_a_replica_that_starts_is_waited_for_an_unhealthy_one_is_not(observe):
    plan = observe(3, numbers=(1, 2, 3), health={2: "unhealthy", 3: "starting"})["plan"]
    assert (plan["present"], plan["settled"]) == (["id1", "id2", "id3"], ["id1", "id2"])


def test_static_addresses_are_found(observe):
    assert observe(3, static=(1,))["plan"]["static_networks"] == ["front"]


def test_without_a_wanted_number_it_only_observes(observe):
    result = observe(None, project_dir=None)
    assert result["replicas"] == 2
    assert "plan" not in result


@pytest.mark.parametrize(
    ("replicas", "message"),
    [
        ("seven", "replicas=seven is not a whole number; say how many app replicas are wanted, for example -e replicas=5."),
        ("7.5", "replicas=7.5 is not a whole number"),
        (True, "replicas=True is not a whole number"),
        ("", "the number of replicas is missing; say how many"),
        (0, "replicas=0 is outside 1 to 20; choose a number in this range"),
        ("-1", "replicas=-1 is outside 1 to 20"),
        (1000, "replicas=1000 is outside 1 to 20"),
        (
            1,
            "replicas=1 is less than the 2 that run, and scaling down was not asked for; to drain and remove 1, run playbooks/scale_down.yml",
        ),
        (9, r"replicas=9 x 1.0 GiB each \(their memory limit\) is 9.0 GiB, more than the 8.0 GiB of this host; choose at most 8"),
    ],
)
def test_refuses(observe, replicas, message):
    with pytest.raises(Refusal, match=message) as refusal:
        observe(replicas)
    assert str(refusal.value).count("\n") == 0


def test_scaling_down_adds_none(observe):
    with pytest.raises(
        Refusal,
        match=r"replicas=5 is more than the 2 that run, and scaling down adds none; to add 3, run playbooks/scale_app.yml",
    ):
        observe(5, allow_down=True, allow_up=False)


def test_the_kept_limit_is_what_new_replicas_get(observe, tmp_path):
    kept = _scale_file.text("app", 2, [], {"memory": "2G"})
    _scale_file.store(tmp_path, ["docker-compose.prod.yml"], kept)
    with pytest.raises(
        Refusal, match=r"replicas=5 x 2\.0 GiB each .* choose at most 4, or lower the limit \(playbooks/resize_app.yml"
    ):
        observe(5)


def test_memory_without_a_limit_is_no_reason_to_refuse(observe):
    assert observe(20, memory=0)["plan"]["add"] == 18


def test_memory_is_no_reason_to_refuse_what_runs_already(observe):
    assert observe(2, memory=8 * GIB)["plan"]["add"] == 0


@pytest.mark.parametrize(("replicas", "numbers"), [(2, ()), (None, (1,))])
def test_refuses_where_nothing_runs(observe, replicas, numbers):
    with pytest.raises(Refusal, match="no container of p/app runs on this host"):
        observe(replicas, numbers=numbers, states={1: "exited"})


def test_what_a_command_that_failed_left_is_started_again(observe):
    plan = observe(3, numbers=(4,), states={4: "created"}, holders=(4,))["plan"]
    assert (plan["add"], plan["debris"], plan["present"]) == (3, [], [])
    with pytest.raises(Refusal, match="scaling down adds none"):
        observe(3, numbers=(4,), states={4: "created"}, allow_down=True, allow_up=False)


def test_refuses_a_directory_without_the_compose_file(observe, tmp_path):
    with pytest.raises(Refusal, match=r"docker-compose.prod.yml does not exist on this host; correct smartsports_project_dir"):
        observe(3, project_dir=str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("before", "check_mode", "line", "status"),
    [
        (1, False, r"app replicas: 1 -> 2; 2 healthy; 2\.\d s", "good"),
        (2, False, r"app replicas: 2, as before; 2 healthy; 2\.\d s", "good"),
        (1, True, r"app replicas: would go from 1 to 2; nothing was changed \(check mode\)", "dim"),
    ],
)
def test_report_is_one_line(observe, before, check_mode, line, status):
    since = {"replicas": before, "at": app_scale_info.time.time() - 2}
    [[text, shown]] = observe(2, since=since, check_mode=check_mode)["report"]["lines"]
    assert app_scale_info.re.fullmatch(line, text)
    assert shown == status


def test_report_names_the_unhealthy(observe):
    since = {"replicas": 2, "at": app_scale_info.time.time()}
    [[text, status]] = observe(2, health={2: "unhealthy"}, since=since)["report"]["lines"]
    assert "1 healthy, 1 unhealthy (docker logs app-2)" in text
    assert status == "warn"


@pytest.mark.parametrize(
    ("before", "check_mode", "undo"),
    [
        (1, False, [["undo: pb/scale_down.yml -e replicas=1", "command"]]),
        (4, False, [["undo: pb/scale_app.yml -e replicas=4", "command"]]),
        (1, True, [["would be undone by: pb/scale_down.yml -e replicas=1", "command"]]),
        (2, False, []),
        (0, False, []),
    ],
)
def test_report_ends_with_the_command_that_takes_it_back(observe, before, check_mode, undo):
    since = {"replicas": before, "at": app_scale_info.time.time()}
    assert observe(2, since=since, check_mode=check_mode, playbooks="pb")["report"]["lines"][1:] == undo
