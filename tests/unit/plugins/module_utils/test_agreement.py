# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances that disagree, over real HTTP: what is told, and that the command which is named ends it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.smartsports.scaling.plugins.module_utils import _agreement, rate_limits
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import RESOURCES, Client
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._profile import Schema

SCHEMA = yaml.safe_load((Path(__file__).parents[4] / "profiles/schema.yml").read_text())


@pytest.fixture
def find(platform):
    return lambda: _agreement.drifts(Client(platform.params()).read_once(RESOURCES), Schema(SCHEMA))


def test_none(platform, find):
    platform.start(3)
    assert find() == []


def test_one_instance_has_nobody_to_disagree_with(platform, find):
    platform.start(1)
    assert find() == []


def test_the_newest_counts_not_the_majority(platform, find):
    platform.start(3)
    one = platform.instances[1]
    one.alone = True
    platform.apply(
        "rate-limits", {"search_endpoints": {"requests_per_minute": 30}, "non_essential_endpoints": {"enabled": False}}, one
    )
    platform.apply("feature-flags", {"social_features": False}, one)
    limits, flags = find()
    assert limits.what == "rate-limits" and limits.expected == "version 1 on every instance"
    assert limits.found == (
        "smartsports-app-1: search_endpoints.requests_per_minute is 600, not 30, non_essential_endpoints.enabled is True, not False; "
        "smartsports-app-3: search_endpoints.requests_per_minute is 600, not 30, non_essential_endpoints.enabled is True, not False"
    )
    assert limits.heals == flags.heals  # one command for both
    assert limits.heals == (
        "undo.yml -e set=shedding.search.rpm=30,shedding.non_essential.enabled=false,flags.social_features=false"
    )


def test_of_versions_that_are_the_same_most_instances_count(platform, find):
    platform.start(3)
    platform.instances[0].settings["cache-config"]["event_list_ttl"] = 5
    [drift] = find()
    assert (drift.found, drift.heals) == (
        "smartsports-app-1: event_list_ttl is 5, not 60",
        "undo.yml -e set=cache.event_list_ttl=60",
    )


def test_what_no_profile_can_set_is_not_told(platform, find):
    platform.start(2)
    platform.instances[0].settings["redis-config"]["cluster_mode"] = True
    platform.instances[0].settings["cache-config"]["of_a_newer_release"] = 1
    assert find() == []


@pytest.mark.parametrize("answer", [("GET", "hang"), ("GET", "drop"), ("GET", 404, {}, {}), ("GET", 503, {}, {})])
def test_who_does_not_answer_says_nothing_and_costs_no_more_than_the_timeout(platform, find, answer):
    platform.start(3)
    platform.instances[2].always = answer
    platform.instances[1].lagging = True
    platform.apply("feature-flags", {"social_features": False})
    began = time.monotonic()
    assert [drift.found for drift in find()] == ["smartsports-app-2: social_features is True, not False"]
    assert time.monotonic() - began < 1.2


@pytest.mark.parametrize("alone", [0, 1])
def test_the_module_ends_it_whoever_was_set_alone(platform, find, monkeypatch, alone):
    monkeypatch.setattr("ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync.PATIENCE", 0.1)
    platform.start(3)
    one = platform.instances[alone]
    one.alone = True
    platform.apply("rate-limits", {"search_endpoints": {"requests_per_minute": 30}}, one)
    assert len(find()) == 1
    wanted = platform.params(search_endpoints={"requests_per_minute": 30})
    assert rate_limits.run(wanted, True, silent)["changed"]
    done = rate_limits.run(wanted, False, silent)
    assert (done["changed"], done["diff"]["before"]) == (True, {"search_endpoints": {"requests_per_minute": 600}})
    assert find() == []
    assert rate_limits.run(wanted, False, silent)["changed"] is False


def test_one_that_cannot_be_told_is_named_with_the_fix(platform, find, monkeypatch):
    monkeypatch.setattr("ansible_collections.smartsports.scaling.plugins.module_utils._admin_sync.PATIENCE", 0.1)
    platform.start(2)
    lost = platform.instances[1]
    lost.lagging = True
    platform.apply("rate-limits", {"search_endpoints": {"requests_per_minute": 30}})
    lost.always = ("POST", 503, {}, {"error": "unavailable", "message": "The database cannot be reached."})
    with pytest.raises(Refusal, match=r"1 of 2 instances .*\(smartsports-app-2: .* is 600, not 30.* restart or remove them"):
        rate_limits.run(platform.params(search_endpoints={"requests_per_minute": 30}, deadline=0.5), False, silent)


def test_who_hangs_or_refuses_one_resource_takes_nothing_from_the_others(platform):
    platform.start(3)
    platform.instances[2].always = ("GET", "hang")
    platform.instances[1].answers = [("GET", 400, {}, {"error": "no", "message": "no"})]
    found = Client(platform.params(timeout=1)).read_within(RESOURCES, 30)  # enough for who answers, however busy this machine is
    assert all("smartsports-app-1" in readings.told for readings in found.values())
    assert sum("smartsports-app-2" in readings.failed for readings in found.values()) == 1
    assert all("smartsports-app-3" in readings.failed for readings in found.values())


def test_what_is_not_told_in_time_is_not_waited_for(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", "hang")
    found = Client(platform.params(timeout=20)).read_within(RESOURCES, 0.2)
    assert {str(readings.failed["smartsports-app-1"]) for readings in found.values()} == {"no answer within 0.2 s"}


def test_a_token_that_all_refuse_is_a_refusal(platform):
    platform.start(2)
    with pytest.raises(Refusal, match="refused the admin token"):
        Client(platform.params(token="wrong")).read_within(RESOURCES, 2)
