# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _web, app_wait
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

METRICS = """\
# HELP smartsports_http_requests_total requests
smartsports_http_requests_total{method="GET",route="/api/v1/events",status_code="200"} %d
smartsports_http_requests_total{method="GET",route="/api/v1/events",status_code="500"} 40
smartsports_http_requests_total{method="GET",route="/health",status_code="200"} 900
smartsports_http_requests_total{method="GET",route="/admin/{resource}",status_code="200"} 70
smartsports_http_requests_total_other{route="/"} 9
"""


def replica(number, health="healthy", state="running"):
    return Container(f"id{number}", f"app-{number}", number, state, health, {"net": f"10.0.0.{number}"}, "app:1")


@pytest.fixture
def wait(monkeypatch):
    """Waits with a clock of its own; `looks` are the listings of the engine, the last one for ever."""

    def wait(until, looks, gets=None, said=None, own_get=None, **options):
        looks = list(looks)
        clock = iter(n / 4 for n in range(10000))
        monkeypatch.setattr(app_wait, "connect", lambda: None)
        monkeypatch.setattr(app_wait, "containers", lambda *arguments, **more: looks.pop(0) if len(looks) > 1 else looks[0])
        monkeypatch.setattr(app_wait, "_get", own_get or (lambda session, url: (gets(url) if gets else None, "")))
        monkeypatch.setattr(app_wait.time, "monotonic", lambda: next(clock))
        monkeypatch.setattr(app_wait.time, "sleep", lambda seconds: None)
        params = {name: option.get("default") for name, option in app_wait.SPEC["argument_spec"].items()}
        params |= {"project": "p", "until": until, "replicas": 2, "deadline": 30, **options}
        return app_wait.run(params, False, silent if said is None else said.append)

    return wait


def test_waits_until_the_new_ones_are_healthy(wait):
    old, said = replica(1), []
    result = wait(
        "healthy",
        [[old]] * 5 + [[old, replica(2, "starting")]] * 9 + [[old, replica(2)]],
        said=said,
        present=["id1"],
        settled=["id1"],
    )
    assert result["containers"] == ["app-1", "app-2"]
    assert not result["changed"]
    assert said[0].startswith("waiting: 1 of 2 replicas are ready (1 not started); ")
    assert any("(app-2 starting)" in line for line in said)


def test_nobody_waits_for_one_that_was_ill_before(wait):
    wait("healthy", [[replica(1, "unhealthy"), replica(2)]], present=["id1"], settled=["id1"])


def test_a_crashing_old_one_does_not_keep_the_new_ones_waiting(wait):
    wait("healthy", [[replica(1, "none", "restarting"), replica(2)]], present=["id1"], settled=["id1"])


def test_gives_up_and_names_the_late_one(wait):
    with pytest.raises(
        Refusal, match=r"1 of 2 replicas are ready \(app-2 unhealthy\) after 30 s; nginx sends no requests to the new ones"
    ):
        wait("healthy", [[replica(1), replica(2, "unhealthy")]], present=["id1"], settled=["id1"])


def test_one_that_ends_at_once_is_named(wait):
    with pytest.raises(Refusal, match="app-2 ended as soon as it was started; look at docker logs app-2"):
        wait("healthy", [[replica(1), replica(2, "none", "exited")]], present=["id1"], settled=["id1"])


def test_those_that_ran_before_must_be_the_same(wait):
    with pytest.raises(
        Refusal,
        match=r"1 replica\(s\) that ran before were removed meanwhile \(abcdefabcdef\); somebody else changes the platform",
    ):
        wait("healthy", [[replica(1), replica(2)]], present=["abcdefabcdef0123"], settled=[])


def test_without_a_health_check_the_health_path_is_asked(wait):
    answers = iter([None, None, "ok"])
    asked = []

    def get(url):
        asked.append(url)
        return next(answers)

    wait("healthy", [[replica(1), replica(2, "none")]], gets=get, present=["id1"], settled=["id1"])
    assert asked == ["http://10.0.0.2:3000/health"] * 3


def counters(**served):
    """Replicas whose counters rise by one with every probe at the entry, if they are behind it."""
    counts = dict(served)

    def get(url):
        host = url.split("/")[2].split(":")[0]
        if host == "127.0.0.1":
            assert url == "http://127.0.0.1:8080/api/v1/events"
            for name in counts:
                counts[name] += name != "unreached"
            return "[]"
        name = {"10.0.0.1": "first", "10.0.0.2": "second", "10.0.0.3": "unreached"}[host]
        return METRICS % counts[name]

    return get


def test_a_new_one_must_be_seen_from_now_on(wait):
    result = wait("serving", [[replica(1), replica(2)]], gets=counters(first=5, second=3), fresh=["app-2"])
    assert result["containers"] == ["app-1", "app-2"]
    assert result["waited"] > 0


def test_old_ones_that_served_before_need_no_probe(wait):
    assert wait("serving", [[replica(1), replica(2)]], gets=counters(first=5, second=3))["containers"] == ["app-1", "app-2"]


def test_one_that_nginx_does_not_reach_is_named(wait):
    with pytest.raises(
        Refusal, match=r"1 replica\(s\) not seen to serve requests through nginx yet \(app-3\) after 30 s; see that nginx"
    ):
        wait("serving", [[replica(1), replica(3)]], gets=counters(first=5, unreached=0), fresh=["app-3"])


def test_an_old_one_that_drowns_is_not_asked(wait):
    assert wait("serving", [[replica(1, "unhealthy"), replica(2)]], gets=counters(second=1))["containers"] == ["app-2"]


def test_the_probe_goes_to_the_site_by_its_name(wait, monkeypatch):
    asked = []

    class Session:
        def __init__(self, *options):
            self.options, self.headers = options, {}

    monkeypatch.setattr(_web, "session", Session)
    monkeypatch.setattr(app_wait, "session", Session)
    counts = iter(range(9))

    def get(session, url):
        asked.append((url.rpartition("/")[0], session.options, dict(session.headers)))
        return METRICS % next(counts), ""

    wait(
        "serving",
        [[replica(1)]],
        own_get=get,
        fresh=["app-1"],
        scheme="https",
        server_name="app.rw",
        entry_url="https://127.0.0.1:8443/",
        entry_server_name="tickets.rw",
        entry_validate_certs=False,
    )
    assert ("https://10.0.0.1:3000/internal", (True, None, "app.rw"), {}) in asked
    assert ("https://127.0.0.1:8443/api/v1", (False, None, "tickets.rw"), {"Host": "tickets.rw"}) in asked


def test_why_the_probe_is_no_help_is_said(wait):
    def get(session, url):
        return (None, "is answered 301") if "127.0.0.1" in url else (METRICS % 0, "")

    with pytest.raises(Refusal, match=r"\(app-1; http://127.0.0.1:8080/api/v1/events is answered 301\) after 30 s"):
        wait("serving", [[replica(1)]], own_get=get, fresh=["app-1"])


def test_a_ca_that_is_not_there_is_refused(wait):
    with pytest.raises(Refusal, match=r"smartsports_entry_ca_path '/nowhere.pem' does not exist on the Docker host"):
        wait("serving", [[replica(1)]], entry_ca_path="/nowhere.pem")


def test_own_traffic_and_errors_are_no_evidence():
    assert app_wait.served(METRICS % 3, "smartsports_http_requests_total", ("/health", "/internal/metrics", "/admin")) == 3
