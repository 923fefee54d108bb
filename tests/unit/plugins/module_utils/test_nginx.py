# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _nginx
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._nginx import HostFile, Nginx, Worker

CONTAINER = Container("nginx-id", "p-nginx", 1, "running", "healthy", {"p_net": "172.30.0.10"}, "nginx:1")


def status(pid, age=10.0):
    ticks = int((time.clock_gettime(time.CLOCK_BOOTTIME) - age) * os.sysconf("SC_CLK_TCK"))
    return f"{pid} (nginx) S 1 " + "0 " * 17 + f"{ticks} 0 0"


class Engine:
    """An engine with one nginx: answers to commands, in order, and a record of the containers that test configurations."""

    def __init__(self, *answers, mounts=(), test_code=0, test_output=b""):
        self.api = self
        self.answers, self.mounts = list(answers), list(mounts)
        self.test_code, self.test_output = test_code, test_output
        self.commands, self.tested, self.removed = [], [], []

    def inspect_container(self, name):
        return {"Name": "/p-nginx", "Image": "sha256:nginx", "Mounts": self.mounts}

    def exec_create(self, container, command):
        self.commands.append(command)
        return {"Id": "job"}

    def exec_start(self, job, demux):
        self.code, output, complaint = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return output.encode() or None, complaint.encode() or None

    def exec_inspect(self, job):
        return {"ExitCode": self.code}

    def create_host_config(self, **options):
        return options

    def create_container(self, host_config, **options):
        for bind in host_config["binds"]:
            with open(bind.split(":")[0], encoding="utf-8") as candidate:
                self.tested.append((bind.split(":", 1)[1], candidate.read()))

    def start(self, name):
        pass

    def wait(self, name, timeout):
        return {"StatusCode": self.test_code}

    def logs(self, name):
        return self.test_output

    def remove_container(self, name, force):
        self.removed.append(name)
        raise DockerException("no such container")


def nginx(*answers, **options):
    engine = Engine(*answers, **options)
    return Nginx(engine, CONTAINER), engine


def processes(*titles):
    return "\n".join(f"{status(100 + index)}|{title}" for index, title in enumerate(titles))


def test_one_look_tells_the_files_and_the_workers():
    output = (
        "# configuration file /etc/nginx/nginx.conf:\nevents {}\n\n# configuration file /etc/nginx/conf.d/up.conf:\nupstream app {}\n\n"
        "\n# processes:\n"
        + processes("nginx: master process nginx", "nginx: worker process", "nginx: worker process is shutting down", "sh-c")
    )
    files, workers = nginx((0, output, ""))[0].look()
    assert list(files) == ["/etc/nginx/nginx.conf", "/etc/nginx/conf.d/up.conf"]
    assert files["/etc/nginx/conf.d/up.conf"].strip() == "upstream app {}"
    assert [(worker.pid, worker.leaving) for worker in workers] == [(101, False), (102, True)]
    assert workers[0].started == pytest.approx(time.time() - 10, abs=0.5)


def test_what_the_engine_lost_is_asked_for_again():
    assert nginx((0, "", ""), (0, "# configuration file /up.conf:\nupstream app {}\n\n# processes:\n", ""))[0].look()[0]
    with pytest.raises(Refusal, match="did not give the whole configuration of p-nginx in 3 attempts"):
        nginx((0, "", ""))[0].look()


def test_refuses_a_configuration_that_is_broken_already():
    complaint = 'nginx: [warn] x\nnginx: [emerg] unexpected "}" in /etc/nginx/conf.d/default.conf:3\n'
    with pytest.raises(
        Refusal, match=r'is broken \(nginx: \[emerg\] unexpected "}" in /etc/nginx/conf.d/default.conf:3\), although'
    ):
        nginx((1, "", complaint))[0].look()


def test_file_of_a_mounted_directory(tmp_path):
    file = nginx((0, "", ""), mounts=[{"Destination": "/etc/nginx/conf.d", "Source": str(tmp_path)}])[0].host_file(
        "/etc/nginx/conf.d/up.conf"
    )
    assert (file.path, file.alone) == (tmp_path / "up.conf", False)


def test_file_mounted_alone_wins_over_the_directory_around_it(tmp_path):
    mounts = [
        {"Destination": "/etc/nginx/conf.d", "Source": "/other"},
        {"Destination": "/etc/nginx/conf.d/up.conf", "Source": str(tmp_path / "up")},
    ]
    file = nginx((0, "", ""), mounts=mounts)[0].host_file("/etc/nginx/conf.d/up.conf")
    assert (file.path, file.alone) == (tmp_path / "up", True)


def test_a_link_is_followed_as_the_container_sees_it(tmp_path):
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "sites-enabled/up.conf").symlink_to("/etc/nginx/sites-available/up.conf")
    file = nginx((0, "", ""), mounts=[{"Destination": "/etc/nginx", "Source": str(tmp_path)}])[0].host_file(
        "/etc/nginx/sites-enabled/up.conf"
    )
    assert file.path == tmp_path / "sites-available/up.conf"


def test_refuses_a_file_of_the_image():
    with pytest.raises(
        Refusal, match=r"/etc/nginx/nginx.conf in p-nginx comes from its image.*\(volumes: ./config/nginx:/etc/nginx:ro\)"
    ):
        nginx((0, "", ""))[0].host_file("/etc/nginx/nginx.conf")


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "up.conf"
    path.write_text("a long text that was here before\n")
    path.chmod(0o640)
    return path


def test_file_in_a_directory_is_replaced_in_one_step(conf):
    before = conf.stat().st_ino
    HostFile("/x/up.conf", conf, alone=False).replace("new\n")
    assert conf.read_text() == "new\n"
    assert conf.stat().st_ino != before
    assert conf.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in conf.parent.iterdir()] == ["up.conf"]


@pytest.mark.parametrize("text", ["new\n", "a text that is longer than the one that was here before\n"])
def test_file_mounted_alone_keeps_its_inode(conf, text):
    before = conf.stat().st_ino
    HostFile("/x/up.conf", conf, alone=True).replace(text)
    assert conf.read_text() == text
    assert conf.stat().st_ino == before


def test_the_candidate_is_tested_in_its_place_and_gone_afterwards(conf):
    tester, engine = nginx((0, "", ""))
    tester.test([(HostFile("/etc/nginx/conf.d/up.conf", conf, alone=True), "new\n")])
    assert engine.tested == [("/etc/nginx/conf.d/up.conf:ro", "new\n")]
    assert conf.read_text() == "a long text that was here before\n"
    assert [path.name for path in conf.parent.iterdir()] == ["up.conf"]
    assert engine.removed == ["p-nginx-configuration-test"] * 2  # a leftover before, its own after


def test_all_new_files_are_tested_together(conf, tmp_path):
    other = tmp_path / "other.conf"
    other.write_text("old\n")
    tester, engine = nginx((0, "", ""))
    tester.test([(HostFile("/a/up.conf", conf, alone=True), "one\n"), (HostFile("/b/other.conf", other, alone=False), "two\n")])
    assert engine.tested == [("/a/up.conf:ro", "one\n"), ("/b/other.conf:ro", "two\n")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.conf", "up.conf"]


def test_refuses_what_nginx_refuses(conf):
    tester, _container = nginx(
        (0, "", ""), test_code=1, test_output=b"nginx: [emerg] host not found\nnginx: configuration test failed\n"
    )
    with pytest.raises(Refusal, match=r"refuses the new servers \(nginx: \[emerg\] host not found\); nothing was written"):
        tester.test([(HostFile("/etc/nginx/conf.d/up.conf", conf, alone=False), "new\n")])
    assert conf.read_text() == "a long text that was here before\n"


@pytest.mark.parametrize(
    ("started", "behind"),
    [((-60,), True), ((60,), False), ((60, -60), True), ((), True)],
)
def test_workers_older_than_the_file_have_not_loaded_it(conf, started, behind):
    changed = conf.stat().st_ctime
    workers = [Worker(pid, changed + offset, leaving=False) for pid, offset in enumerate(started)]
    leaving = Worker(99, changed - 500, leaving=True)
    assert nginx((0, "", ""))[0].is_behind(HostFile("/x", conf, alone=False), [*workers, leaving] if workers else []) is behind


def test_waits_until_the_old_workers_are_gone():
    busy = processes("nginx: worker process is shutting down", "nginx: worker process")
    gone, engine = nginx((0, busy, ""), (0, busy, ""), (0, f"{status(101)}|nginx: worker process", ""))
    gone.wait_for_old_workers({100}, 5, silent)
    assert len(engine.commands) == 3


def test_says_what_it_waits_for_and_gives_up(monkeypatch):
    clock = iter(range(0, 1000))
    monkeypatch.setattr(_nginx.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(_nginx.time, "sleep", lambda seconds: None)
    said = []
    with pytest.raises(Refusal, match=r"1 old nginx worker\(s\) in p-nginx still serve requests after 9 s.*nothing was stopped"):
        nginx((0, processes("nginx: worker process is shutting down"), ""))[0].wait_for_old_workers(set(), 9, said.append)
    assert said == [f"waiting for 1 old nginx worker(s) to end their requests: {waited} s of at most 9 s" for waited in (2, 4, 8)]


def test_no_new_workers_is_no_reload(monkeypatch):
    clock = iter(range(0, 1000))
    monkeypatch.setattr(_nginx.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(_nginx.time, "sleep", lambda seconds: None)
    with pytest.raises(Refusal, match="started no new workers within 10 s"):
        nginx((0, processes("nginx: worker process"), ""))[0].wait_for_new_workers({100})


def test_refuses_when_the_signal_fails():
    with pytest.raises(
        Refusal, match=r'did not take the signal to reload \(nginx: \[error\] invalid PID number "" in "/run/nginx.pid"\)'
    ):
        nginx((1, "", 'nginx: [error] invalid PID number "" in "/run/nginx.pid"'))[0].reload()
