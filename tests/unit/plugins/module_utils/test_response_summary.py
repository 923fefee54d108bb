# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import response_summary
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

FLAG = {
    "tier": "api",
    "object": "feature-flags",
    "path": "social",
    "field": "flags.social",
    "from": True,
    "to": False,
    "source": "profile high",
}
REPLICAS = {
    "tier": "app",
    "object": "app",
    "path": "replicas",
    "field": "app.replicas",
    "from": 2,
    "to": 8,
    "source": "profile high",
}
PLAN = {
    "profile": "high",
    "severity": "P1",
    "strengthen": True,
    "values": {},
    "fields": [],
    "changes": [FLAG, REPLICAS],
    "next_profile": "overload",
    "away": {"flags.social": True, "app.replicas": 2},
}
DONE = {"feature-flags": {"social": False}, "app": {"replicas": 8}}
COMMANDS = {"respond": "respond.yml", "reset": "reset.yml", "scale_down": "scale_down.yml", "undo": "undo.yml"}


def summary(observed=None, check_mode=False, plan=None, **options):
    defaults = {name: option.get("default") for name, option in response_summary.SPEC["argument_spec"].items()}
    params = {
        **defaults,
        "plan": {**PLAN, **(plan or {})},
        "observed": DONE if observed is None else observed,
        "commands": COMMANDS,
        **options,
    }
    return response_summary.run(params, check_mode, silent)


def lines(result):
    return [line if isinstance(line, str) else line[0].strip() for line in result["report"]["lines"]]


def test_says_what_changed_what_is_next_and_how_to_go_back():
    report = summary()["report"]
    assert report["title"] == "DONE: 2 changes in force (profile high, severity was P1)"
    assert report["status"] == "good"
    assert [[cell[0] if isinstance(cell, list) else cell for cell in row] for row in report["rows"]] == [
        ["flags.social", "true", "false", "profile high"],
        ["app.replicas", "2", "8", "profile high"],
    ]
    assert lines(summary()) == [
        "no better within a minute?",
        "respond.yml -e profile=overload",
        "back to normal, once it is over:",
        "reset.yml",
        "scale_down.yml -e replicas=2",
        "undo: undo.yml -e set=flags.social=true,app.replicas=2",
    ]


def test_after_the_strongest_profile_it_says_whom_to_call():
    contacts = [{"name": "Infrastructure lead", "phone": "+250 1", "after": "5"}, {"name": "CTO", "phone": "", "after": ""}]
    assert lines(summary(plan={"next_profile": ""}, contacts=contacts))[:3] == [
        "no better within a minute? This is the strongest profile; call",
        "Infrastructure lead (from minute 5): +250 1",
        "CTO: no number; put it into smartsports_contacts",
    ]


def test_names_what_a_response_leaves_out_for_the_bottleneck():
    assert "left out: restarts PostgreSQL" in lines(summary(bottleneck="database", beyond={"database": "restarts PostgreSQL"}))
    assert not any("left out" in line for line in lines(summary(bottleneck="app", beyond={"database": "restarts PostgreSQL"})))


def test_the_way_back_names_only_what_is_away_from_normal():
    assert "scale_down.yml -e replicas=2" not in lines(summary(plan={"away": {"flags.social": True}}))
    assert "back to normal, once it is over:" not in lines(summary(plan={"away": {}}))


@pytest.mark.parametrize(
    ("plan", "title"),
    [
        ({"changes": []}, "NOTHING TO DO: already in force (profile high, severity was P1)"),
        ({"changes": [], "profile": "", "severity": "normal"}, "NOTHING TO DO: severity is normal"),
        (
            {"changes": [], "profile": "", "severity": "unknown", "values": {"app.replicas": 8}},
            "NOTHING TO DO: already in force (single values, severity was unknown)",
        ),
        ({"profile": "", "strengthen": False, "changes": []}, "NOTHING TO DO: already in force (single values)"),
        ({"profile": "", "strengthen": False}, "DONE: 2 changes in force (single values)"),
        ({"profile": "normal", "strengthen": False}, "DONE: 2 changes in force (profile normal)"),
        ({"profile": "", "severity": "normal"}, "DONE: 2 changes in force (single values, severity was normal)"),
    ],
)
def test_titles(plan, title):
    assert summary(plan=plan)["report"]["title"] == title


def test_a_reset_needs_no_next_step():
    assert lines(summary(plan={"strengthen": False})) == ["undo: undo.yml -e set=flags.social=true,app.replicas=2"]


def test_part_of_a_profile_goes_on_with_the_whole_of_the_severitys():
    result = summary(plan={"fields": ["flags."]})
    assert result["report"]["title"] == "DONE: 2 changes in force (profile high)"
    assert lines(result)[:2] == ["no better within a minute?", "respond.yml"]


def undo(**options):
    return [line for line in lines(summary(**options)) if "undo" in line]


def test_undo_names_what_was_there_before():
    assert undo() == ["undo: undo.yml -e set=flags.social=true,app.replicas=2"]
    assert undo(check_mode=True, observed={}) == ["would be undone by: undo.yml -e set=flags.social=true,app.replicas=2"]


def test_nothing_changed_is_nothing_to_undo():
    assert undo(plan={"changes": []}) == []
    assert undo(plan={"changes": [{**REPLICAS, "from": 8}]}) == [], "an interrupted run was finished, no value changed"


def test_undo_does_not_guess_what_could_not_be_read():
    unread = {"app": {"replicas": 8}}
    assert undo(plan={"changes": [{**FLAG, "from": None}, REPLICAS]}, observed=unread) == [
        "undo: undo.yml -e set=app.replicas=2",
        "no undo, as what was there before is unknown: flags.social",
    ]


def test_what_no_field_is_has_the_playbook_that_sets_it():
    def unnamed(setting, value):
        return {**FLAG, "setting": setting, "field": setting, "named": False, "from": value}

    changes = [REPLICAS, unnamed("app.cpus", "0.5"), unnamed("app.memory", "512M"), unnamed("pool.default_pool_size", 80)]
    changes.append(unnamed("database-config.read_replicas", []))
    commands = {**COMMANDS, "resize_app": "resize_app.yml", "resize_pool": "resize_pool.yml"}
    assert undo(plan={"changes": changes, "strengthen": False}, check_mode=True, commands=commands) == [
        "would be undone by: undo.yml -e set=app.replicas=2",
        "would be undone by: resize_app.yml -e cpus=0.5 -e memory=512M -e lower=true",
        "would be undone by: resize_pool.yml -e default_pool_size=80",
        "no field of a profile, so not taken back by undo: database-config.read_replicas was []",
    ]


def test_what_failed_half_way_is_undone_too():
    with pytest.raises(Refusal) as refusal:
        summary(observed={**DONE, "app": {"replicas": 5}}, failures=[{"object": "app", "reason": "too big"}])
    assert ["undo: undo.yml -e set=flags.social=true,app.replicas=2", "command"] in refusal.value.details["report"]["lines"]


def test_what_an_interrupted_run_left_is_shown_as_such():
    assert summary(plan={"changes": [{**REPLICAS, "from": 8}]})["report"]["rows"][0][1] == "unfinished"


def test_check_mode_previews_and_looks_at_nothing():
    report = summary(observed={}, check_mode=True)["report"]
    assert report["title"] == "PREVIEW: 2 changes would be made (profile high, severity was P1)"
    assert report["status"] == "warn"


def test_what_was_only_finished_is_no_change_to_go_back_from():
    result = summary(plan={"changes": [FLAG, {**REPLICAS, "from": 8}]})
    assert result["in_force"] == [FLAG]


def test_a_change_that_is_not_in_force_is_named_and_fails():
    with pytest.raises(Refusal) as refusal:
        summary(
            observed={**DONE, "app": {"replicas": 2}}, failures=[{"object": "app", "reason": "10 replicas need more memory."}]
        )
    assert str(refusal.value) == (
        "1 of 2 changes could not be made (app.replicas 2 -> 8), because app: 10 replicas need more memory; "
        "mend that and run the same command again."
    )
    report = refusal.value.details["report"]
    assert report["title"] == "NOT DONE: 1 of 2 changes (profile high, severity was P1)"
    assert report["status"] == "bad"
    assert report["lines"][0] == ["not done, app: 10 replicas need more memory.", "bad"]
    assert "scale_down.yml" not in str(report["lines"])


def test_a_failed_step_fails_the_run_even_where_everything_is_in_force():
    with pytest.raises(Refusal, match="every change is in force, but a step failed, because feature-flags: app-3 lags behind"):
        summary(failures=[{"object": "feature-flags", "reason": "app-3 lags behind"}])


def test_check_mode_names_what_could_not_be_done():
    with pytest.raises(Refusal, match=r"1 of 2 changes could not be made \(app.replicas 2 -> 8\)"):
        summary(observed={}, check_mode=True, failures=[{"object": "app", "reason": "too big"}])
