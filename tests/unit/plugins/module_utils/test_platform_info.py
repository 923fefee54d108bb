# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look tells what three modules would, and only as much as is asked for."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.smartsports.scaling.plugins.module_utils import platform_info
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent


@pytest.fixture
def look(monkeypatch):
    asked = {}

    def told(name, answer):
        def run(params, *_rest):
            asked[name] = params
            if isinstance(answer, Exception):
                raise answer
            return answer

        return run

    def look(reload=False, disagreements=(), **options):
        asked.clear()
        settings = {"settings": {"cache-config": {"event_list_ttl": 60}}, "disagreements": disagreements}
        monkeypatch.setattr(platform_info.admin_info, "run", told("admin_info", settings))
        monkeypatch.setattr(platform_info.app_scale_info, "run", told("app_scale_info", {"replicas": 4}))
        answer = reload if isinstance(reload, Exception) else {"reload": reload}
        monkeypatch.setattr(platform_info.upstream, "preview", lambda **known: told("upstream", answer)(known))
        checked = ArgumentSpecValidator(platform_info.SPEC["argument_spec"]).validate({"project": "p", "token": "t", **options})
        assert not checked.error_messages
        return platform_info.run(checked.validated_parameters, False, silent), asked

    return look


def test_it_tells_settings_replicas_and_what_nginx_knows(look):
    result, asked = look(upstreams=["read", "write"])
    assert result == {
        "changed": False,
        "observed": {"cache-config": {"event_list_ttl": 60}, "app": {"replicas": 4}},
        "unfinished": [],
    }
    assert asked["upstream"]["name"] == ["read", "write"]
    assert asked["app_scale_info"]["project"] == "p" and asked["app_scale_info"]["replicas"] is None


@pytest.mark.parametrize("reload", [True, Refusal("nginx is not there.")])
def test_replicas_that_nginx_does_not_know_are_unfinished(look, reload):
    assert look(reload, upstreams=["app"])[0]["unfinished"] == ["app"]


def test_what_instances_disagree_about_is_unfinished(look):
    apart = [{"resource": "cache-config", "member": member, "values": {"a": 1, "b": 2}} for member in ("one", "two")]
    assert look(True, apart, upstreams=["app"])[0]["unfinished"] == ["cache-config", "app"]


def test_only_what_is_asked_for_is_looked_at(look):
    assert set(look(tiers=["api"])[1]) == {"admin_info"}
    assert set(look(tiers=["app"])[1]) == {"app_scale_info"}
    assert set(look(tiers=["sky"])[1]) == set()
