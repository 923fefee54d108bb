# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import upstream
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import HostFile, Worker

INSIDE = "/etc/nginx/conf.d/upstream.conf"


def replica(number, health="healthy", state="running"):
    return Container(f"id{number}", f"p-app-{number}", number, state, health, {"p_net": f"172.30.0.{number}"}, "app:1")


class FakeNginx:
    """An nginx that reloads; what is done to it is recorded in order. `more`: further files that it loads."""

    name = "p-nginx"
    container = Container("n", "p-nginx", 1, "running", "healthy", {"a_net": "10.0.0.1", "p_net": "172.30.0.10"}, "nginx:1")

    def __init__(self, path):
        self.file = HostFile(INSIDE, path, alone=False)
        self.done = []
        self.more = {}
        self.behind = False
        self.refuses = {}

    def look(self):
        return {INSIDE: self.file.read(), **{inside: file.read() for inside, file in self.more.items()}}, [
            Worker(7, 0.0, leaving=False)
        ]

    def host_file(self, inside):
        return self.more.get(inside, self.file)

    def is_behind(self, file, workers):
        return self.behind

    def _do(self, what, *details):
        self.done.append((what, *details))
        if what in self.refuses:
            raise Refusal(self.refuses[what])

    def test(self, texts):
        self._do("test", *(file.read() != text for file, text in texts))

    def reload(self):
        self._do("reload")

    def wait_for_new_workers(self, old):
        self._do("new", old)

    def wait_for_old_workers(self, old, deadline, say):
        self._do("old", old)


class Engine:
    api = property(lambda self: self)

    def inspect_network(self, name):
        assert name == "p_net"
        return {"IPAM": {"Config": [{"Subnet": "172.30.0.0/24"}]}}

    def inspect_container(self, identifier):
        return {"NetworkSettings": {"Networks": {"p_net": {"Aliases": ["app", "backend.inside"]}, "other": {"Aliases": ["far"]}}}}


@pytest.fixture
def nginx(tmp_path):
    path = tmp_path / "upstream.conf"
    path.write_text("upstream app { server app:3000 max_fails=3; server 10.9.9.9:80 backup; }\n")
    return FakeNginx(path)


@pytest.fixture
def send(monkeypatch, nginx):
    def send(*replicas, check_mode=False, **options):
        found = {"app": list(replicas), "nginx": [nginx.container]}
        monkeypatch.setattr(upstream, "connect", Engine)
        monkeypatch.setattr(upstream, "containers", lambda client, project, service: found[service])
        monkeypatch.setattr(upstream, "Nginx", lambda client, container: nginx)
        params = {
            "project": "p",
            "service": "app",
            "port": 3000,
            "nginx_service": "nginx",
            "network": "",
            "name": ["app"],
            "exclude": [],
            "expected": 0,
            "deadline": 60,
        }
        return upstream.run({**params, **options}, check_mode, silent)

    return send


def test_a_line_for_each_replica_with_the_options_of_before(send, nginx):
    result = send(replica(1), replica(2))
    assert nginx.file.read() == (
        "upstream app {\n    server 172.30.0.1:3000 max_fails=3;  # p-app-1\n    server 172.30.0.2:3000 max_fails=3;  # p-app-2\n"
        "    server 10.9.9.9:80 backup;\n}\n"
    )
    assert result["changed"]
    assert result["added"] == ["p-app-1", "p-app-2"]
    assert nginx.done == [("test", True), ("reload",), ("new", {7}), ("old", {7})]


def test_a_second_run_does_not_reload(send, nginx):
    send(replica(1), replica(2))
    nginx.done.clear()
    assert not send(replica(1), replica(2))["changed"]
    assert nginx.done == [("old", set())]  # workers that a killed run left behind are waited for


def test_a_file_that_is_right_and_not_loaded_is_loaded(send, nginx):
    send(replica(1))
    nginx.done.clear()
    nginx.behind = True
    result = send(replica(1))
    assert result["changed"]
    assert result["diff"]["before"]["loaded by nginx"] is False
    assert [step[0] for step in nginx.done] == ["reload", "new", "old"]


def test_an_excluded_replica_gets_nothing(send):
    send(replica(1), replica(2), replica(3))
    result = send(replica(1), replica(2), replica(3), exclude=["p-app-3", "p-app-2"])
    assert result["servers"] == ["172.30.0.1:3000"]


@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_a_new_replica_enters_when_it_is_healthy(send, health):
    send(replica(1))
    result = send(replica(1), replica(2, health))
    assert (result["servers"], result["waiting"]) == (["172.30.0.1:3000"], ["p-app-2"])


def test_a_replica_that_is_slow_under_load_stays(send):
    send(replica(1), replica(2))
    assert send(replica(1, "unhealthy"), replica(2))["members"] == ["p-app-1", "p-app-2"]


def test_one_that_is_resolved_by_name_and_slow_stays(send):
    assert send(replica(1, "unhealthy"), replica(2))["members"] == ["p-app-1", "p-app-2"]


def test_one_that_crashes_all_the_time_is_no_server(send):
    assert send(replica(1), replica(2, state="restarting"))["members"] == ["p-app-1"]


def test_own_options_and_a_server_taken_down_stay(send, nginx):
    nginx.file.path.write_text("upstream app { server 172.30.0.1:3000 down; server 172.30.0.2:3000 weight=2; }\n")
    send(replica(1), replica(2), replica(3))
    assert nginx.file.read() == (
        "upstream app {\n    server 172.30.0.1:3000 down;  # p-app-1\n    server 172.30.0.2:3000 weight=2;  # p-app-2\n"
        "    server 172.30.0.3:3000 weight=2;  # p-app-3\n}\n"
    )


def test_check_mode_predicts_and_touches_nothing(send, nginx):
    before = nginx.file.read()
    predicted = send(replica(1), check_mode=True, expected=3)
    assert predicted["diff"]["after"]["upstream app"] == [
        "172.30.0.1:3000 max_fails=3 (p-app-1)",
        "known after apply",
        "known after apply",
    ]
    assert predicted["changed"]
    assert nginx.file.read() == before
    assert nginx.done == []
    assert send(replica(1), check_mode=True) == send(replica(1))


def test_a_preview_where_none_runs_yet_tells_how_many_will(send, nginx):
    predicted = send(check_mode=True, expected=2, network="p_net")
    assert predicted["diff"]["after"]["upstream app"] == ["known after apply", "known after apply"]
    with pytest.raises(Refusal, match=r"no network is shared .* \(0 run\)"):
        send(expected=2)


def test_nothing_is_written_when_nginx_refuses(send, nginx):
    before = nginx.file.read()
    nginx.refuses["test"] = "nginx refuses the new servers"
    with pytest.raises(Refusal):
        send(replica(1))
    assert nginx.file.read() == before


@pytest.mark.parametrize("step", ["reload", "new"])
def test_the_file_is_put_back_when_nginx_does_not_take_it(send, nginx, step):
    before = nginx.file.read()
    nginx.refuses[step] = "started no new workers"
    with pytest.raises(Refusal):
        send(replica(1))
    assert nginx.file.read() == before


def test_refuses_to_leave_nginx_without_a_server(send, nginx):
    with pytest.raises(Refusal, match=r"left without any server: of 1 running replica"):
        send(replica(1), exclude=["p-app-1"])
    assert nginx.done == []


def test_refuses_where_no_network_is_shared(send):
    alone = Container("id1", "p-app-1", 1, "running", "healthy", {"other": "10.1.1.1"}, "app:1")
    with pytest.raises(Refusal, match="no network is shared by p-nginx and all running containers of p/app"):
        send(alone)


def test_refuses_an_unknown_upstream(send):
    with pytest.raises(
        Refusal, match=r"0 files of the nginx configuration in p-nginx define 'upstream web', and exactly 1 is needed"
    ):
        send(replica(1), name=["web"])


def test_refuses_a_file_that_the_container_does_not_see(send, nginx, tmp_path):
    looked = nginx.look()
    nginx.look = lambda: looked
    nginx.file.path.write_text("upstream app { server else:1; }\n")
    with pytest.raises(Refusal, match="the file was replaced while mounted as a single file; recreate the container"):
        send(replica(1))


def test_refuses_two_nginx(send, nginx, monkeypatch):
    monkeypatch.setattr(upstream, "connect", Engine)
    monkeypatch.setattr(upstream, "containers", lambda client, project, service: [])
    with pytest.raises(Refusal, match="0 containers of p/nginx run on this host, and exactly 1 is needed"):
        upstream.run({"project": "p", "nginx_service": "nginx"}, False, silent)


@pytest.fixture
def two(nginx, tmp_path):
    """A second upstream in a file of its own, a third in the first file."""
    path = tmp_path / "write.conf"
    path.write_text("upstream write { least_conn; server app:3000 weight=2; server 127.0.0.1:3000 backup; }\n")
    nginx.more = {"/etc/nginx/write.conf": HostFile("/etc/nginx/write.conf", path, alone=True)}
    nginx.file.path.write_text(
        "upstream app { server app:3000; }\nupstream pages { server site:80; }\nupstream third { server app:3000; }\n"
    )
    return path


NAMES = ["app", "write", "third"]


def test_several_upstreams_in_one_reload(send, nginx, two):
    result = send(replica(1), replica(2), name=NAMES)
    assert nginx.file.path.read_text() == (
        "upstream app {\n    server 172.30.0.1:3000;  # p-app-1\n    server 172.30.0.2:3000;  # p-app-2\n}\n"
        "upstream pages { server site:80; }\n"
        "upstream third {\n    server 172.30.0.1:3000;  # p-app-1\n    server 172.30.0.2:3000;  # p-app-2\n}\n"
    )
    assert two.read_text() == (
        "upstream write {\n    least_conn;\n    server 172.30.0.1:3000 weight=2;  # p-app-1\n    server 172.30.0.2:3000 weight=2;  # p-app-2\n"
        "    server 127.0.0.1:3000 backup;\n}\n"
    )
    assert nginx.done == [("test", True, True), ("reload",), ("new", {7}), ("old", {7})]
    assert result["added"] == ["p-app-1", "p-app-2"]
    assert len(result["files"]) == 2
    assert sorted(result["diff"]["after"]) == ["loaded by nginx", "upstream app", "upstream third", "upstream write"]
    nginx.done.clear()
    assert not send(replica(1), replica(2), name=NAMES)["changed"]


def test_only_the_file_that_differs_is_written(send, nginx, two):
    send(replica(1), name=["write"])
    nginx.done.clear()
    untouched = two.stat().st_mtime_ns
    result = send(replica(1), name=["write", "app"])
    assert result["added"] == ["p-app-1"]  # new in one of them is new: it is seen to serve
    assert nginx.done[0] == ("test", True)
    assert two.stat().st_mtime_ns == untouched


@pytest.mark.parametrize("step", ["reload", "new"])
def test_all_files_are_put_back(send, nginx, two, step):
    before = nginx.file.path.read_text(), two.read_text()
    nginx.refuses[step] = "started no new workers"
    with pytest.raises(Refusal):
        send(replica(1), name=NAMES)
    assert (nginx.file.path.read_text(), two.read_text()) == before


def test_a_file_that_cannot_be_written_leaves_the_others_as_they_were(send, nginx, two, monkeypatch):
    before, second = nginx.file.path.read_text(), nginx.more["/etc/nginx/write.conf"]

    def overwrite(file, data):
        raise PermissionError(13, "Permission denied", str(file.path))

    monkeypatch.setattr(HostFile, "_overwrite", overwrite)
    with pytest.raises(Refusal, match=r"write.conf cannot be written \(Permission denied\); nginx runs as before"):
        send(replica(1), name=NAMES)
    assert second.alone and nginx.file.path.read_text() == before
    assert ("reload",) not in nginx.done


def test_refuses_no_upstream_at_all(send):
    with pytest.raises(Refusal, match=r"no upstream is named.*set smartsports_nginx_upstreams"):
        send(replica(1), name=[])


def test_another_name_of_the_service_is_the_application(send, nginx):
    nginx.file.path.write_text("upstream app { server backend.inside:3000; server far:3000; server elsewhere.rw:3000; }\n")
    send(replica(1))
    assert nginx.file.path.read_text() == (
        "upstream app {\n    server 172.30.0.1:3000;  # p-app-1\n    server far:3000;\n    server elsewhere.rw:3000;\n}\n"
    )


def test_the_network_that_is_named(send, nginx):
    with pytest.raises(
        Refusal, match="smartsports_network is 'a_net', but p-nginx and the application share p_net; name one of these"
    ):
        send(replica(1), network="a_net")
    assert send(replica(1), network="p_net")["servers"] == ["172.30.0.1:3000"]
