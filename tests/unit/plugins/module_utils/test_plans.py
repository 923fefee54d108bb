# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans are kept, found by a part of their hash, and carried out only where nothing differs."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _plans
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

REPLICAS = {"tier": "app", "object": "app", "path": "replicas", "field": "app.replicas", "from": 2, "to": 10}
CACHE = {"tier": "api", "object": "cache-config", "path": "event_list_ttl", "field": "cache.event_list_ttl", "from": 60, "to": 60}


def plan(digits="3f9a12cd4567", **more):
    about = {"at": "2026-11-25T20:31:07Z", "who": "alice@desk", "severity": "P0"}
    asked = {"profile": "overload", "values": {}, "tiers": [], "strengthen": True}
    return {"hash": digits.ljust(64, "0"), **about, **asked, "compared": [REPLICAS, CACHE], **more}


def kept(state, *plans):
    """Each a second after the one before."""
    for number, each in enumerate(plans):
        _plans.keep(state, each)
        os.utime(state.directory / f"plans/{_plans.short(each)}.json", (number, number))


def test_a_plan_is_plain_json_under_the_first_digits_of_its_hash(state):
    _plans.keep(state, plan())
    path = state.directory / "plans/3f9a12cd4567.json"
    assert json.loads(path.read_text()) == plan()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("given", ["3f9a12", "3f9a12cd4567", "3F9A12CD", " 3f9a12cd4567 ", "3f9a12cd4567".ljust(64, "0")])
def test_a_plan_is_found_by_its_first_six_digits_or_more(state, given):
    kept(state, plan(), plan("aaaa00000000"))
    assert _plans.find(state, given) == plan()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("3f9a1", r"^'3f9a1' is no hash of a plan, .* or its first 6\.$"),
        ("overload", r"^'overload' is no hash"),
        ("../../x", r"^'\.\./\.\./x' is no hash"),
        ("", r"^'' is no hash"),
        ("bbbbbb", r"^there is no plan bbbbbb in .*/plans \(the newest are 3f9a12ffffff, 3f9a12cd4567, and 20 are kept\)"),
        ("3f9a12", r"^3f9a12 begins several plans \(3f9a12ffffff, 3f9a12cd4567\); name one of them with more digits\.$"),
        ("3f9a12cd4567f", r"^there is no plan 3f9a12cd4567f in"),
    ],
)
def test_anything_else_is_refused(state, given, sentence):
    kept(state, plan(), plan("3f9a12ffffff"))
    with pytest.raises(Refusal, match=sentence):
        _plans.find(state, given)


def test_where_nothing_is_kept_there_is_no_plan(state):
    with pytest.raises(Refusal, match=r"\(the newest are none, and 20 are kept\)"):
        _plans.find(state, "3f9a12")


def test_the_newest_twenty_stay(state):
    kept(state, *(plan(f"{number:012x}") for number in range(20)))
    _plans.keep(state, plan("fff000000000"))
    names = state.names("plans")
    assert len(names) == 20
    assert "plans/000000000000.json" not in names
    assert {"plans/000000000001.json", "plans/fff000000000.json"} < set(names)


def test_the_same_plan_made_again_is_the_newest(state):
    kept(state, *(plan(f"{number:012x}") for number in range(20)))
    _plans.keep(state, plan("000000000000", who="bob@desk"))
    _plans.keep(state, plan("fff000000000"))
    assert _plans.find(state, "000000000000")["who"] == "bob@desk"
    assert "plans/000000000001.json" not in state.names("plans")


@pytest.mark.parametrize(
    "now",
    [
        [REPLICAS, CACHE],
        [CACHE, REPLICAS],
        [{**REPLICAS, "from": 10}, CACHE],  # done already, by a run that failed later
        [{**REPLICAS, "source": "-e"}, CACHE],
    ],
)
def test_where_nothing_differs_a_plan_is_carried_out(now):
    _plans.same(plan(), now)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([{**REPLICAS, "from": 4}, CACHE], "app.replicas was 2 and is 4"),
        ([{**REPLICAS, "from": None}, CACHE], "app.replicas was 2 and is unknown"),
        ([REPLICAS, {**CACHE, "from": 90, "to": 90}], "cache.event_list_ttl was 60 and is 90"),
        ([{**REPLICAS, "to": 12}, CACHE], "app.replicas was to become 10 and would become 12"),
        ([REPLICAS], "cache.event_list_ttl is no longer in the profile"),
        ([REPLICAS, CACHE, {**CACHE, "field": "flags.new"}], "flags.new is not in the plan"),
        (
            [{**REPLICAS, "from": 4}, {**CACHE, "from": 90}],
            "app.replicas was 2 and is 4, cache.event_list_ttl was 60 and is 90",
        ),
    ],
)
def test_what_differs_is_named(now, said):
    with pytest.raises(Refusal) as refusal:
        _plans.same(plan(), now)
    assert str(refusal.value) == (
        f"plan 3f9a12cd4567 is not carried out, as it was made for another state: {said}; look at it anew with playbooks/plan.yml "
        "-e profile=overload, and name the new plan."
    )


def test_a_refusal_has_the_table_of_all_that_differs():
    fields = [{**CACHE, "field": f"flags.{number}"} for number in range(6)]
    with pytest.raises(Refusal, match=r"flags\.3 was 60 and is 90 and 2 more settings; look") as refusal:
        _plans.same(plan(compared=fields), [{**field, "from": 90} for field in fields])
    report = refusal.value.details["report"]
    assert report["title"] == "DRIFT since plan 3f9a12cd4567 of alice@desk, made at 2026-11-25T20:31:07Z"
    assert report["columns"] == ["setting", "planned from", "now", "planned to", "would become"]
    assert report["rows"][0] == ["flags.0", "60", "90", "60", "60"]
    assert len(report["rows"]) == len(refusal.value.details["drift"]) == 6


def test_what_was_asked_for_is_told_as_it_is_typed():
    asked = {"values": {"app.replicas": 12, "flags.x": False}, "tiers": ["app", "api"], "strengthen": False}
    assert (
        _plans.arguments(plan(**asked))
        == " -e profile=overload -e set=app.replicas=12,flags.x=false -e tiers=app,api -e exactly=true"
    )
    assert _plans.arguments(plan(profile="")) == ""
