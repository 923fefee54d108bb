# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _profile
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

SCHEMA = _profile.Schema(
    {
        "app.replicas": {
            "type": "int",
            "min": 1,
            "max": 100,
            "stronger": "max",
            "tier": "app",
            "resource": "app",
            "path": "replicas",
        },
        "app.memory": {
            "type": "bytes",
            "min": "64M",
            "max": "8G",
            "stronger": "max",
            "tier": "app",
            "resource": "app",
            "path": "memory",
        },
        "search.rpm": {"type": "int", "stronger": "min", "tier": "api", "resource": "limits", "path": "search.rpm"},
        "queue.enabled": {"type": "bool", "stronger": True, "tier": "api", "resource": "queue", "path": "enabled"},
        "flags.*": {"type": "bool", "stronger": False, "tier": "api", "resource": "flags", "path": "*"},
        "pg.work_mem": {"type": "bytes", "stronger": "none", "tier": "database", "resource": "postgres", "path": "work_mem"},
        "pg.replicas": {"type": "list", "stronger": "none", "tier": "database", "resource": "postgres", "path": "replicas"},
    }
)
PROFILES = {
    "normal": {"app.replicas": 2, "search.rpm": 600, "flags.social": True},
    "high": {"extends": "normal", "app.replicas": "8", "flags.social": "false"},
    "overload": {"extends": "high", "app.replicas": 10, "queue.enabled": True, "pg.work_mem": "256MB"},
}
OBSERVED = {
    "app": {"replicas": 2, "memory": 512 * 1024**2},
    "limits": {"search": {"rpm": 600}},
    "queue": {"enabled": False},
    "flags": {"social": True, "mail": True},
    "postgres": {"work_mem": 4 * 1024**2, "replicas": ["a"]},
}


def resolve(name="high", **layers):
    return _profile.resolve(SCHEMA, PROFILES, name, **layers)


def changes(desired, observed=None, **options):
    found = _profile.plan(SCHEMA, desired, observed or OBSERVED, **options)["changes"]
    return {change["field"]: (change["from"], change["to"]) for change in found}


def refused(function, *arguments, **options):
    with pytest.raises(Refusal) as refusal:
        function(*arguments, **options)
    return str(refusal.value)


class TestResolve:
    def test_a_profile_inherits_what_it_does_not_name(self):
        assert {name: setting.value for name, setting in resolve().items()} == {
            "app.replicas": 8,
            "search.rpm": 600,
            "flags.social": False,
        }

    def test_every_value_says_where_it_came_from(self):
        settings = resolve(
            "overload", overrides={"high": {"search.rpm": 60}}, event={"flags.social": True}, values={"app.replicas": 12}
        )
        assert {name: setting.source for name, setting in settings.items()} == {
            "app.replicas": "-e",
            "search.rpm": "inventory high",
            "flags.social": "event",
            "queue.enabled": "profile overload",
            "pg.work_mem": "profile overload",
        }

    @pytest.mark.parametrize(
        ("layers", "value"),
        [
            ({}, 8),
            ({"overrides": {"high": {"app.replicas": 9}}}, 9),
            ({"overrides": {"high": {"app.replicas": 9}}, "event": {"app.replicas": 11}}, 11),
            ({"overrides": {"high": {"app.replicas": 9}}, "event": {"app.replicas": 11}, "values": "app.replicas=12"}, 12),
        ],
    )
    def test_the_nearer_layer_wins(self, layers, value):
        assert resolve(**layers)["app.replicas"].value == value

    def test_the_inventory_corrects_a_profile_in_its_place_in_the_chain(self):
        assert resolve(overrides={"normal": {"app.replicas": 3}})["app.replicas"].value == 8
        assert resolve(overrides={"normal": {"search.rpm": 300}})["search.rpm"].value == 300

    def test_without_a_profile_only_single_values_remain(self):
        assert list(resolve("", values={"app.replicas": 3})) == ["app.replicas"]

    def test_unknown_profile_names_the_known_ones(self):
        message = refused(resolve, "overlord")
        assert message == "there is no profile 'overlord' (asked for); the known ones are normal, high, overload."
        assert "in smartsports_profile_overrides" in refused(resolve, overrides={"hihg": {}})

    def test_an_override_is_a_mapping(self):
        assert "has '12' for high; give it fields, as in {app.replicas: 12}." in refused(resolve, overrides={"high": 12})

    def test_unknown_field_names_the_known_ones(self):
        message = refused(resolve, values={"app.replica": 3})
        assert message.startswith("'app.replica' (-e) is no field of a profile; the known ones are app.memory, app.replicas,")

    @pytest.mark.parametrize("name", ["flags", "flags.", "flags.*", "flags.a.b", "", "."])
    def test_a_wildcard_stands_for_one_name(self, name):
        assert "is no field" in refused(resolve, values={name: False})

    def test_null_is_refused(self):
        message = refused(resolve, overrides={"high": {"search.rpm": None}})
        assert message == "search.rpm is null (inventory high); leave the field out to leave it alone, or give it a value."

    def test_a_circle_is_refused(self):
        circle = {"a": {"extends": "b"}, "b": {"extends": "a"}}
        assert refused(_profile.chain, circle, "a") == "profile 'a' extends itself (a -> b -> a); break the circle."


class TestValues:
    @pytest.mark.parametrize(
        ("field", "given", "value"),
        [
            ("app.replicas", "7", 7),
            ("app.replicas", " 7 ", 7),
            ("flags.social", "false", False),
            ("flags.social", "Yes", True),
            ("flags.social", 0, False),
            ("app.memory", "512M", 512 * 1024**2),
            ("app.memory", "1GB", 1024**3),
            ("app.memory", "2GiB", 2 * 1024**3),
            ("app.memory", "262144 kB", 256 * 1024**2),
            ("pg.replicas", ["a:1", "b:2"], ["a:1", "b:2"]),
        ],
    )
    def test_text_means_what_it_says(self, field, given, value):
        parsed = resolve(values={field: given})[field].value
        assert parsed == value
        assert type(parsed) is type(value)

    @pytest.mark.parametrize(
        ("field", "given", "expected"),
        [
            ("app.replicas", "seven", "a whole number from 1 to 100"),
            ("app.replicas", 0, "a whole number from 1 to 100"),
            ("app.replicas", 1000, "a whole number from 1 to 100"),
            ("app.replicas", 7.5, "a whole number from 1 to 100"),
            ("app.replicas", "1_0", "a whole number from 1 to 100"),
            ("app.replicas", True, "a whole number from 1 to 100"),
            ("flags.social", "maybe", "true or false"),
            ("flags.social", 2, "true or false"),
            ("app.memory", "1M", "a size like 512M from 64M to 8G"),
            ("app.memory", "lots", "a size like 512M from 64M to 8G"),
            ("pg.replicas", "a:1", "a list"),
        ],
    )
    def test_what_does_not_fit_is_refused_in_one_sentence(self, field, given, expected):
        assert refused(resolve, values={field: given}) == f"{field} is '{given}' (-e), which is not {expected}; give it one."

    def test_assignments_on_a_command_line(self):
        assert _profile.assignments("app.replicas=12, flags.social=false") == {"app.replicas": "12", "flags.social": "false"}
        assert _profile.assignments("") == {}
        assert _profile.assignments({"app.replicas": 1}) == {"app.replicas": 1}

    @pytest.mark.parametrize("text", ["app.replicas", "app.replicas=", "=3", "a=1,b", "a b=1"])
    def test_an_assignment_without_field_or_value_is_refused(self, text):
        assert "write field=value, as in app.replicas=12" in refused(_profile.assignments, text)

    @pytest.mark.parametrize(
        "entry", [{"type": "float"}, {"type": "int", "stronger": True}, {"type": "bool", "stronger": "max"}, {"type": "list"}]
    )
    def test_a_broken_schema_is_refused(self, entry):
        assert "the schema of x is broken" in refused(_profile.Schema, {"x": entry})


class TestPlan:
    def test_only_what_differs_changes(self):
        assert changes(resolve()) == {"app.replicas": (2, 8), "flags.social": (True, False)}

    def test_inputs_are_patches_of_what_changes(self):
        planned = _profile.plan(SCHEMA, resolve(values={"search.rpm": 30}), OBSERVED)
        assert planned["inputs"] == {"app": {"replicas": 8}, "limits": {"search": {"rpm": 30}}, "flags": {"social": False}}

    def test_the_ratchet_keeps_what_is_stronger_and_says_so(self):
        observed = {**OBSERVED, "app": {"replicas": 10}}
        planned = _profile.plan(SCHEMA, resolve(), observed)
        assert [(kept["field"], kept["from"], kept["to"]) for kept in planned["kept"]] == [("app.replicas", 10, 8)]
        assert "app.replicas" not in changes(resolve(), observed)
        assert changes(resolve(), observed, strengthen=False)["app.replicas"] == (10, 8)

    @pytest.mark.parametrize(
        ("field", "weak", "strong"),
        [("app.replicas", 2, 9), ("search.rpm", 600, 30), ("queue.enabled", False, True), ("flags.social", True, False)],
    )
    def test_each_field_moves_in_its_own_direction(self, field, weak, strong):
        for one, other in ((weak, strong), (strong, weak)):
            assert SCHEMA.field(field, "").stronger_of(one, other) == strong

    def test_a_field_without_direction_moves_only_when_an_operator_names_it(self):
        assert "pg.work_mem" not in changes(resolve("overload"))
        assert changes(resolve("overload", values="pg.work_mem=64MB"))["pg.work_mem"] == (4 * 1024**2, 64 * 1024**2)
        assert "pg.work_mem" in changes(resolve("overload", overrides={"overload": {"pg.work_mem": "16MB"}}))
        assert "pg.work_mem" in changes(resolve("overload"), strengthen=False)

    def test_a_tier_is_a_filter(self):
        assert set(changes(resolve(), tiers=["app"])) == {"app.replicas"}
        assert refused(changes, resolve(), tiers=["sky"]) == "'sky' is no tier; the known ones are api, app, database."

    def test_what_the_platform_does_not_have_is_refused_with_what_it_has(self):
        message = refused(changes, resolve(values={"flags.teleport": False}))
        assert message == "flags.teleport (-e) is unknown to the platform: its flags have no 'teleport', only mail, social."

    def test_what_the_platform_reports_out_of_range_is_a_fact_and_nonsense_is_refused(self):
        assert changes(resolve(), {**OBSERVED, "app": {"replicas": 0}})["app.replicas"] == (0, 8)
        assert "the platform reports 'many' as app.replicas" in refused(
            changes, resolve(), {**OBSERVED, "app": {"replicas": "many"}}
        )

    def test_what_cannot_be_read_is_written_unseen(self):
        unseen = {key: value for key, value in OBSERVED.items() if key != "flags"}
        assert changes(resolve(), unseen)["flags.social"] == (None, False)

    def test_what_is_unfinished_is_converged_again_and_never_weakened(self):
        observed = {**OBSERVED, "app": {"replicas": 10}}
        planned = _profile.plan(SCHEMA, resolve(), observed, unfinished=["app"])
        assert planned["inputs"]["app"] == {"replicas": 10}
        assert [(change["from"], change["to"]) for change in planned["changes"] if change["object"] == "app"] == [(10, 10)]
        assert [(kept["from"], kept["to"]) for kept in planned["kept"]] == [(10, 8)]

    def test_a_change_is_in_force_once_it_is_observed(self):
        change = _profile.plan(SCHEMA, resolve(values={"search.rpm": 30}), OBSERVED, tiers=["api"])["changes"][0]
        assert not _profile.in_force(change, OBSERVED)
        assert not _profile.in_force(change, {})
        assert _profile.in_force(change, {"limits": {"search": {"rpm": 30}}})
        assert _profile.in_force({**change, "from": None}, {})

    def test_what_is_compared_is_every_field_with_what_it_would_become(self):
        compared = _profile.plan(SCHEMA, resolve(), OBSERVED, tiers=["app"])["compared"]
        assert [[entry[part] for part in _profile.COMPARED] for entry in compared] == [["app", "app", "app.replicas", 2, 8]]
        stronger = _profile.plan(SCHEMA, resolve(), {**OBSERVED, "app": {"replicas": 10}}, tiers=["app"])["compared"]
        assert [(entry["from"], entry["to"]) for entry in stronger] == [(10, 10)]

    def test_the_hash_is_over_the_profile_and_what_was_compared(self):
        def of(desired, observed=None, name="high"):
            return _profile.fingerprint(name, _profile.plan(SCHEMA, desired, observed or OBSERVED)["compared"])

        assert of(resolve()) == of(resolve(values={"app.replicas": "8"}), dict(reversed(OBSERVED.items())))
        assert of(resolve()) != of(resolve(), name="higher")
        assert of(resolve()) != of(resolve(values={"app.replicas": 9}))
        assert of(resolve()) != of(resolve(), {**OBSERVED, "app": {"replicas": 3}})
        # What no field speaks of is neither changed nor compared: limits and pools are in a snapshot, and not in the first look.
        assert of(resolve()) == of(resolve(), {**OBSERVED, "pool": {"default_pool_size": 100}})
