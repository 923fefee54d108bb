# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _limits, _scale_file, app_resources
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container, DockerException
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

MIB, GIB = 2**20, 2**30


class Engine:
    """The calls of the SDK, on containers that remember their limits."""

    def __init__(self, hosts, used, fails=()):
        self.api = self
        self.hosts, self.used, self.fails, self.sent = hosts, used, fails, []

    def info(self):
        return {"NCPU": 4, "MemTotal": 8 * GIB}

    def inspect_container(self, name):
        return {"HostConfig": dict(self.hosts[name])}

    def stats(self, name, stream, one_shot):
        return {"memory_stats": {"usage": self.used + MIB, "stats": {"inactive_file": MIB}}}

    def _url(self, template, name):
        return name

    def _post_json(self, url, data):
        if (url, data.get("NanoCpus")) in self.fails:
            raise DockerException("the engine says no")
        self.sent.append(url)
        self.hosts[url].update(data)

    def _result(self, response, json):
        return response


@pytest.fixture
def hosts():
    limits = {"NanoCpus": 150_000_000, "Memory": 192 * MIB, "MemorySwap": 384 * MIB, "CpuQuota": 0, "CpuPeriod": 0}
    return {f"id{n}": dict(limits) for n in (1, 2)}


@pytest.fixture
def resize(monkeypatch, tmp_path, hosts):
    (tmp_path / "docker-compose.prod.yml").write_text("")

    def resize(cpus=None, memory=None, check_mode=False, used=90 * MIB, fails=(), **options):
        engine = Engine(hosts, used, fails)
        found = [Container(f"id{n}", f"app-{n}", n, "running", "healthy", {}, "app:1") for n in range(1, len(hosts) + 1)]
        monkeypatch.setattr(app_resources, "connect", lambda: engine)
        monkeypatch.setattr(app_resources, "containers", lambda *arguments: found)
        params = {
            "project": "p",
            "project_dir": str(tmp_path),
            "files": ["docker-compose.prod.yml"],
            "service": "app",
            "cpus": cpus,
            "memory": memory,
            "lower": False,
            "playbooks": "pb",
        }
        return app_resources.run({**params, **options}, check_mode, silent)

    return resize


def lines(result):
    return [text for text, _style in result["report"]["lines"]]


def test_changes_every_replica_and_keeps_it_once(resize, hosts, tmp_path):
    assert resize("0.5", "512M")["changed"]
    for host in hosts.values():
        assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (500_000_000, 512 * MIB, GIB)
    assert _scale_file.limits(tmp_path) == {"cpus": "0.5", "memory": "512M"}
    assert "COMPOSE_FILE=docker-compose.prod.yml:docker-compose.scale.yml" in (tmp_path / ".env").read_text()
    again = resize("0.5", "512M")
    assert not again["changed"]
    assert lines(again) == ["app limits: cpus 0.5, memory 512M on 2 replica(s), as wanted"]


def test_the_limits_alone_take_no_name_and_no_port_away(resize, tmp_path):
    resize("0.5")
    text = _scale_file.stored(tmp_path)
    assert "container_name" not in text
    assert "replicas" not in text


def test_the_number_and_the_addresses_stay(resize, tmp_path):
    _scale_file.store(tmp_path, ["docker-compose.prod.yml"], _scale_file.text("app", 3, ["front"]))
    resize("0.5")
    assert _scale_file.kept(tmp_path) == 3
    assert _scale_file.static_networks(tmp_path) == {"front"}
    resize(memory="256M")
    assert _scale_file.limits(tmp_path) == {"cpus": "0.5", "memory": "256M"}


def test_check_mode_predicts_and_changes_nothing(resize, hosts, tmp_path):
    before = {name: dict(host) for name, host in hosts.items()}
    predicted = resize("0.5", "256M", check_mode=True)
    assert (hosts, _scale_file.stored(tmp_path)) == (before, "")
    done = resize("0.5", "256M")
    assert (predicted["changed"], predicted["diff"]) == (done["changed"], done["diff"])
    assert done["diff"]["before"]["containers"]["app-1"] == {"cpus": "0.15", "memory": "192M"}
    assert done["diff"]["after"]["kept for new replicas"] == {"cpus": "0.5", "memory": "256M"}


def test_a_quota_stays_a_quota(resize, hosts):
    hosts["id1"].update(NanoCpus=0, CpuQuota=15_000, CpuPeriod=50_000)
    resize("1.5")
    assert (hosts["id1"]["NanoCpus"], hosts["id1"]["CpuQuota"]) == (0, 75_000)
    assert not resize("1.5")["changed"]


@pytest.mark.parametrize(("swap", "after", "kept"), [(192 * MIB, 256 * MIB, "256M"), (-1, -1, "-1")])
def test_swap_keeps_its_share(resize, hosts, tmp_path, swap, after, kept):
    for host in hosts.values():
        host["MemorySwap"] = swap
    resize(memory="256M")
    assert hosts["id1"]["MemorySwap"] == after
    assert _scale_file.limits(tmp_path)["memswap"] == kept
    assert not resize(memory="256M")["changed"]


def test_prints_the_way_back_and_the_way_back_works(resize, hosts):
    before = {name: dict(host) for name, host in hosts.items()}
    done = resize("4.0", "512M")
    assert lines(done) == [
        "app limits: cpus 0.15 -> 4, memory 192M -> 512M on 2 replica(s); nothing was restarted",
        "undo: pb/resize_app.yml -e cpus=0.15 -e memory=192M -e lower=true",
    ]
    back = resize("0.15", "192M", lower=True)
    assert hosts == before
    assert lines(back)[-1] == "undo: pb/resize_app.yml -e cpus=4 -e memory=512M"


def test_the_undo_names_only_what_changed(resize):
    assert (
        lines(resize("0.15", "512M", check_mode=True))[-1] == "would be undone by: pb/resize_app.yml -e memory=192M -e lower=true"
    )


@pytest.mark.parametrize(
    ("cpus", "memory", "options", "message"),
    [
        (None, "", {}, "neither cpus nor memory was given"),
        ("seven", None, {}, "cpus=seven is not a number"),
        (True, None, {}, "cpus=True is not a number"),
        (None, "seven", {}, "memory=seven is not a size"),
        (None, "-8G", {}, "memory=-8G is not a size"),
        ("4.5", None, {}, "cpus=4.5 is more than the 4 CPUs of this host; choose at most 4"),
        ("0", None, {"lower": True}, "cpus=0 is less than the 0.01 that Docker asks for"),
        (None, "1.5", {"lower": True}, "memory=1 is less than the 6M that Docker asks for"),
        (None, "5G", {}, r"replicas=2 x 5.0 GiB each \(their memory limit\) is 10.0 GiB, more than the 8.0 GiB .* choose at most 4096M"),
        ("0.1", None, {}, "cpus=0.1 is less than the 0.15 of app-1, and lowering was not asked for; choose more, or add -e lower=true"),
        (None, "128M", {}, "memory=128M is less than the 192M of app-1, and lowering"),
        (None, "100M", {"lower": True}, "memory=100M is less than the 90 MiB that app-1 uses and a fifth more; choose at least 109M"),
    ],
)  # fmt: skip
def test_refuses_and_changes_nothing(resize, hosts, tmp_path, cpus, memory, options, message):
    before = {name: dict(host) for name, host in hosts.items()}
    with pytest.raises(Refusal, match=message):
        resize(cpus, memory, **options)
    assert (hosts, _scale_file.stored(tmp_path)) == (before, "")


def test_counts_the_replicas_that_are_kept_and_do_not_run(resize, tmp_path):
    _scale_file.store(tmp_path, ["docker-compose.prod.yml"], _scale_file.text("app", 9, []))
    with pytest.raises(Refusal, match=r"replicas=9 x 1\.0 GiB each"):
        resize(memory="1G")


def test_lowering_is_not_measured_against_the_host(resize, hosts):
    for host in hosts.values():
        host.update(Memory=7 * GIB, MemorySwap=14 * GIB)
    assert resize(memory="6G", lower=True)["changed"]


def test_refuses_a_limit_that_could_not_be_taken_away(resize, hosts):
    hosts["id2"]["Memory"] = 0
    with pytest.raises(Refusal, match="memory=256M would be a limit for app-2, which has none"):
        resize(memory="256M")


def test_a_failure_half_way_puts_the_others_back(resize, hosts, tmp_path):
    before = {name: dict(host) for name, host in hosts.items()}
    message = r"the limits of app-2 could not be changed \(the engine says no\); 2 replica\(s\) have their former limits again"
    with pytest.raises(Refusal, match=message):
        resize("0.5", fails=[("id2", 500_000_000)])
    assert (hosts, _scale_file.stored(tmp_path)) == (before, "")


def test_one_that_cannot_be_put_back_is_named(resize):
    with pytest.raises(Refusal, match="app-1 could not be put back"):
        resize("0.5", fails=[("id2", 500_000_000), ("id1", 150_000_000)])


def test_a_file_that_cannot_be_written_puts_all_back(resize, hosts, monkeypatch):
    before = {name: dict(host) for name, host in hosts.items()}

    def store(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(_scale_file, "store", store)
    with pytest.raises(Refusal, match=r"the override could not be changed \(disk full\); 2 replica\(s\) have"):
        resize("0.5")
    assert hosts == before


def test_refuses_where_nothing_runs(resize, hosts):
    hosts.clear()
    with pytest.raises(Refusal, match="no container of p/app runs on this host"):
        resize("0.5")


@pytest.mark.parametrize(
    ("text", "count"),
    [("8G", 8 * GIB), ("512m", 512 * MIB), ("1.5G", 3 * GIB // 2), ("1GiB", GIB), ("1024kb", MIB), (4096, 4096)],
)
def test_sizes_are_read_as_docker_reads_them(text, count):
    assert _limits.size(text) == count
    assert _limits.size(_limits.size_text(count)) == count
