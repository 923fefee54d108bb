# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back to how it was before the open record."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _lock,
    _profile,
    _record,
    _runs,
    platform_snapshot,
    restore_plan,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

SCHEMA = yaml.safe_load((Path(__file__).resolve().parents[4] / "profiles" / "schema.yml").read_text())
BEFORE = {
    "app": {"replicas": 2, "cpus": "0.5", "memory": "512M"},
    "pool": {"default_pool_size": 100},
    "cache-config": {"event_list_ttl": 60},
    "feature-flags": {"social_features": True},
    "database-config": {"read_replicas": []},
}
AFTER = {
    "app": {"replicas": 10, "cpus": "1", "memory": "512M"},
    "pool": {"default_pool_size": 50},
    "cache-config": {"event_list_ttl": 300},
    "feature-flags": {"social_features": False},
    "database-config": {"read_replicas": ["replica:5432"]},
}


@pytest.fixture
def platform(state, monkeypatch):
    """Settings that can be changed, and the state that tells of the incident which brought them from BEFORE to AFTER."""
    seen = {"settings": yaml.safe_load(yaml.safe_dump(AFTER)), "unreadable": {}}
    monkeypatch.setattr(_runs, "open_state", lambda directory, make=True: state)
    monkeypatch.setattr(platform_snapshot, "run", lambda params, check_mode, say: seen)
    return seen


@pytest.fixture
def record(state):
    before, after = _runs.flat(BEFORE), _runs.flat(AFTER)
    wanted = {"kind": "incident", "severity": "P0", "who": "alice", "why": "", "source": "person"}
    opened, _how = _record.join_or_open(state, wanted, before)
    _record.saw(state, opened["id"], after)
    return _record.set_changes(state, opened["id"], _runs.differences(before, after), "run-1")


def plan(**options):
    defaults = {name: option.get("default") for name, option in restore_plan.SPEC["argument_spec"].items()}
    return restore_plan.run({**defaults, "state_directory": "x", "schema": SCHEMA, **options}, False, silent)


def goals(planned):
    return {change["setting"]: change["to"] for change in planned["changes"]}


def test_says_where_no_record_is_open_and_plans_nothing(platform):
    planned = plan()
    assert planned["record"] == "" and "changes" not in planned
    assert "no record is open" in planned["report"]["lines"][0][0]


def test_everything_goes_back(platform, record):
    planned = plan()
    changed = {name: value for name, value in _runs.flat(BEFORE).items() if name != "app.memory"}
    assert goals(planned) == changed
    assert planned["record"] == record["id"] and planned["kept"] == []
    assert planned["inputs"] == {
        "app": {"replicas": 2},
        "limits": {"cpus": "0.5"},
        "pool": {"default_pool_size": 100},
        "cache-config": {"event_list_ttl": 60},
        "feature-flags": {"social_features": True},
        "database-config": {"read_replicas": []},
    }
    assert all(_profile.in_force(change, BEFORE) and not _profile.in_force(change, AFTER) for change in planned["changes"])


def test_a_change_has_the_name_that_undo_takes_where_there_is_one(platform, record):
    named = {change["setting"]: change["field"] for change in plan()["changes"] if change["named"]}
    assert named == {
        "app.replicas": "app.replicas",
        "cache-config.event_list_ttl": "cache.event_list_ttl",
        "feature-flags.social_features": "flags.social_features",
    }


def test_what_was_changed_by_hand_stays_and_is_told(platform, record):
    platform["settings"]["cache-config"]["event_list_ttl"] = 77
    planned = plan()
    assert "cache-config.event_list_ttl" not in goals(planned)
    assert planned["kept"] == [{"field": "cache-config.event_list_ttl", "ours": 300, "theirs": 77, "baseline": 60}]
    told = [line[0] for line in planned["report"]["lines"]]
    assert told[0].endswith("cache-config.event_list_ttl 77 (ours 300, before 60)") and "-e overwrite=true" in told[1]


def test_what_was_changed_by_hand_is_overwritten_where_that_is_asked(platform, record):
    platform["settings"]["cache-config"]["event_list_ttl"] = 77
    planned = plan(overwrite=True)
    assert goals(planned)["cache-config.event_list_ttl"] == 60 and planned["kept"] == []


def test_what_is_back_already_needs_nothing(platform, record):
    platform["settings"] = BEFORE
    assert plan()["changes"] == [] and plan()["inputs"] == {}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"fields": ["feature-flags.social_features"]}, {"feature-flags.social_features": True}),
        ({"fields": ["app.replicas"], "values": {"app.replicas": 6}}, {"app.replicas": 6}),
        ({"fields": ["app.replicas"], "tiers": ["api"]}, {}),
        ({"tiers": ["pool"]}, {"pool.default_pool_size": 100}),
    ],
)
def test_a_part_of_the_way(platform, record, options, expected):
    assert goals(plan(**options)) == expected


def test_a_step_is_taken_back_from_the_value_before_too(platform, record):
    platform["settings"]["app"]["replicas"] = 2
    assert goals(plan(fields=["app.replicas"], values={"app.replicas": 4})) == {"app.replicas": 4}


def test_what_a_killed_run_did_is_ours(platform, record, state):
    wanted = {
        "run": "run-2", "playbook": "recover.yml", "who": "alice", "source": "person", "kind": "incident", "preemptible": True,
        "controller": {"host": "elsewhere", "pid": 1, "started": 1},
    }  # fmt: skip
    _lock.acquire(state, wanted, 0)
    _journal.note(state, record["id"], event="run-start", run="run-2")
    platform["settings"]["app"]["replicas"] = 7
    planned = plan()
    assert goals(planned)["app.replicas"] == 2 and planned["kept"] == []
    platform["settings"]["app"]["replicas"] = 2
    planned = plan()
    assert planned["unfinished"] == ["app"] and goals(planned)["app.replicas"] == 2


def test_what_cannot_be_read_is_refused(platform, record):
    del platform["settings"]["pool"]
    platform["unreadable"] = {"pool": "no password"}
    with pytest.raises(Refusal, match=r"pool.default_pool_size cannot be read \(pool: no password\)"):
        plan()
    assert goals(plan(fields=["app.replicas"])) == {"app.replicas": 2}


def ended(state, record, run, playbook, **changes):
    """A run that changed settings from before to after: {name: (before, after)}."""
    before, after = ({name.replace("__", "."): pair[at] for name, pair in changes.items()} for at in (0, 1))
    _record.set_changes(state, record["id"], {name: {"from": before[name], "to": after[name]} for name in after}, run)
    about = {"run": run, "number": int(run[-1]), "actor": "alice", "playbook": playbook}
    _journal.note(state, record["id"], event="run-start", **about)
    _journal.note(state, record["id"], event="run-end", before=before, after=after, **about)


@pytest.fixture
def two_runs(platform, record, state):
    """Replicas went from 2 to 5 and then to 10, with a TTL."""
    ended(state, record, "run-1", "scale_app.yml", **{"app.replicas": (2, 5)})
    ended(state, record, "run-2", "respond.yml", **{"app.replicas": (5, 10), "cache-config.event_list_ttl": (60, 300)})
    return record


def test_the_last_run_goes_back_to_what_was_before_it(platform, two_runs):
    planned = plan(last=True)
    assert goals(planned) == {"app.replicas": 5, "cache-config.event_list_ttl": 60}
    assert planned["subject"] == "as before run 2, respond.yml of alice"
    assert {change["source"] for change in planned["changes"]} == {"before run 2"}
    assert planned["report"]["lines"][0].startswith("takes back run 2, respond.yml of alice, which ended at 20")
    assert goals(plan(last=True, tiers=["app"])) == {"app.replicas": 5}


@pytest.mark.parametrize("playbook", ["undo.yml", "smartsports.scaling.undo"])
def test_what_was_undone_is_not_undone_again_and_nothing_more(platform, two_runs, state, playbook):
    ended(state, two_runs, "run-3", playbook, **{"app.replicas": (10, 5), "cache-config.event_list_ttl": (300, 60)})
    platform["settings"]["app"]["replicas"] = 5
    platform["settings"]["cache-config"]["event_list_ttl"] = 60
    planned = plan(last=True)
    assert planned["changes"] == [] and planned["subject"] == "as before run 2, respond.yml of alice"
    platform["settings"]["app"]["replicas"] = 10  # by hand, after it was undone
    planned = plan(last=True)
    assert planned["changes"] == [] and [each["field"] for each in planned["kept"]] == ["app.replicas"]


def test_what_was_changed_by_hand_after_the_last_run_stays_unless_asked(platform, two_runs):
    platform["settings"]["app"]["replicas"] = 7
    planned = plan(last=True)
    assert goals(planned) == {"cache-config.event_list_ttl": 60}
    assert planned["kept"] == [{"field": "app.replicas", "ours": 10, "theirs": 7, "baseline": 5}]
    assert goals(plan(last=True, overwrite=True)) == {"app.replicas": 5, "cache-config.event_list_ttl": 60}


def test_nobody_goes_back_to_an_outage(platform, record, state):
    ended(state, record, "run-1", "respond.yml", **{"app.replicas": (0, 10), "cache-config.event_list_ttl": (60, 300)})
    assert goals(plan(last=True)) == {"cache-config.event_list_ttl": 60}


def killed(state, record, playbook):
    _journal.note(state, record["id"], event="run-start", run="run-3", number=3, actor="bob", playbook=playbook)
    _record.saw(state, record["id"], _runs.flat(AFTER))


def test_the_last_run_may_be_one_that_was_killed(platform, two_runs, state):
    killed(state, two_runs, "tune_cache.yml")
    platform["settings"]["cache-config"]["event_list_ttl"] = 900
    planned = plan(last=True)
    assert goals(planned) == {"cache-config.event_list_ttl": 300}
    assert planned["report"]["lines"] == ["takes back run 3, tune_cache.yml of bob, which did not come to its end"]


def test_the_last_run_may_be_one_whose_end_saw_nothing(platform, two_runs, state):
    killed(state, two_runs, "tune_cache.yml")
    _journal.note(state, two_runs["id"], event="run-end", run="run-3", number=3, actor="bob", playbook="tune_cache.yml")
    _record.saw(state, two_runs["id"], {}, {"cache-config.event_list_ttl": "run-3"})
    platform["settings"]["cache-config"]["event_list_ttl"] = 900
    assert goals(plan(last=True)) == {"cache-config.event_list_ttl": 300}


def test_an_undo_that_was_killed_is_gone_on_with(platform, two_runs, state):
    killed(state, two_runs, "undo.yml")
    platform["settings"]["app"]["replicas"] = 7
    assert goals(plan(last=True)) == {"app.replicas": 5, "cache-config.event_list_ttl": 60}


def test_a_run_that_was_taken_over_is_one(platform, two_runs, state):
    change = {"cache-config.event_list_ttl": {"from": 300, "to": 900}}
    _record.set_changes(state, two_runs["id"], change, "run-3")
    platform["settings"]["cache-config"]["event_list_ttl"] = 900
    about = {"run": "run-3", "number": 3, "actor": "bob", "playbook": "tune_cache.yml"}
    _journal.note(state, two_runs["id"], event="takeover", before={"cache-config.event_list_ttl": 300},
                  after={"cache-config.event_list_ttl": 900}, **about)  # fmt: skip
    planned = plan(last=True)
    assert goals(planned) == {"cache-config.event_list_ttl": 300}
    assert planned["report"]["lines"] == ["takes back run 3, tune_cache.yml of bob, which did not come to its end"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"last": True, "values": {"app.replicas": 2}}, "set and last were both given"),
        ({"tiers": ["apps"]}, "'apps' is no tier; the known ones are api, app, pool"),
        ({"last": True}, "no run of the open record has changed anything"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(platform, record, options, says):
    with pytest.raises(Refusal, match=says) as refusal:
        plan(**options)
    assert str(refusal.value).endswith(".") and str(refusal.value).count(". ") == 0


def test_without_a_record_it_is_refused_where_one_is_required(platform):
    with pytest.raises(Refusal, match="no record is open, so nothing tells how everything was before"):
        plan(required=True, tiers=["app"])


def test_the_same_plan_is_shown_once(platform, record):
    assert plan(shown=plan()["changes"])["report"] is None
