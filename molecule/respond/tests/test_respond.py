# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform ran with profile elevated and three replicas when these tests began; they go on from there, in order."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RESOURCES = ["rate-limits", "queue-config", "feature-flags", "cache-config"]
NORMAL = {
    "rate-limits": {
        "search_endpoints": {"requests_per_minute": 600},
        "analytics_endpoints": {"requests_per_minute": 600},
        "non_essential_endpoints": {"enabled": True},
    },
    "queue-config": {
        "ticket_purchase_queue": {"enabled": False, "max_concurrent": 1000},
        "virtual_queue": {"enabled": False, "max_concurrent_users": 5000, "queue_timeout": 1800, "estimated_wait_time": True},
    },
    "feature-flags": {
        "analytics_tracking": True,
        "recommendation_engine": True,
        "social_features": True,
        "email_notifications": True,
    },
    "cache-config": {"event_list_ttl": 60, "venue_info_ttl": 300, "team_info_ttl": 300, "static_content_ttl": 1800},
}
ELEVATED = {
    **NORMAL,
    "cache-config": {"event_list_ttl": 300, "venue_info_ttl": 3600, "team_info_ttl": 3600, "static_content_ttl": 7200},
}


def playbook(name, *arguments):
    """(return code, output, tasks that changed something) of a playbook, run as an engineer runs it."""
    command = [
        "ansible-playbook",
        f"playbooks/{name}.yml",
        *(f"--extra-vars={text}" if "=" in text else text for text in arguments),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    output = done.stdout + done.stderr
    return done.returncode, output, sum(map(int, re.findall(r"changed=(\d+)", output)))


def settings(platform):
    """What all instances run with: one value a resource, or the test fails."""
    found = {}
    for resource in RESOURCES:
        first, *others = [answer["settings"] for answer in platform.admin(resource)]
        assert all(other == first for other in others), f"instances disagree on {resource}"
        found[resource] = first
    return found


def state(platform):
    return settings(platform), [container.id for container in platform.containers("app")]


def rows(output):
    """The table of changes: field -> (from, to)."""
    table = re.findall(r"^([a-z_.]+\.[a-z_.]+) +(\S+) +(\S+)  +\S", output, re.MULTILINE)
    return {field: (before, after) for field, before, after in table}


def test_the_profile_is_in_force_on_every_instance(platform):
    assert settings(platform) == ELEVATED
    assert len(platform.containers("app")) == 3


def test_check_mode_predicts_exactly_what_the_run_then_changes(platform):
    before = state(platform)
    command = ("respond", "profile=high", "set=app.replicas=3")
    code, preview, predicted = playbook(*command, "--check", "--diff")
    assert code == 0, preview
    assert state(platform) == before

    code, output, changed = playbook(*command)
    assert code == 0, output
    assert (changed, rows(output)) == (predicted, rows(preview))
    assert rows(output)["shedding.search.rpm"] == ("600", "30")
    assert settings(platform)["rate-limits"]["search_endpoints"] == {"requests_per_minute": 30}
    assert "respond.yml -e profile=overload" in output
    assert "reset_configuration.yml" in output

    code, output, changed = playbook(*command)
    assert (code, changed) == (0, 0), output


def test_a_weaker_profile_weakens_nothing_and_says_so(platform):
    before = state(platform)
    code, output, changed = playbook("respond", "profile=elevated", "set=app.replicas=2")
    assert (code, changed) == (0, 0), output
    assert "stays, being stronger already: app.replicas 3 (not 2)" in output
    assert state(platform) == before


def test_a_failed_tier_stops_no_other_and_is_named(platform):
    code, output, _changed = playbook("respond", "profile=overload", "set=app.replicas=99")
    assert code != 0
    assert re.search(r"1 of \d+ changes could not be made \(app.replicas 3 -> 99\), because app: ", " ".join(output.split()))
    assert settings(platform)["feature-flags"]["email_notifications"] is False
    assert settings(platform)["queue-config"]["virtual_queue"]["enabled"] is True
    assert len(platform.containers("app")) == 3


def test_what_an_interrupted_run_left_is_finished(host, platform):
    """A fourth replica runs that nginx does not know, as after a run that was killed between the two."""
    added = host.run(f"cd {platform.directory} && docker compose up --detach --no-recreate --no-deps --scale app=4 --wait app")
    assert added.rc == 0, added.stderr
    code, output, changed = playbook("respond", "profile=elevated", "set=app.replicas=3")
    assert code == 0, output
    assert changed > 0
    upstream = (platform.directory / "config/nginx/upstream.conf").read_text()
    assert sorted(re.findall(r"server (\S+):3000", upstream)) == sorted(platform.addresses("app"))
    assert len(platform.containers("app")) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("profile=overlord",),
            "there is no profile 'overlord' (asked for); the known ones are normal, elevated, high, overload.",
        ),
        (("profile=high", "set=app.replicas=seven"), "app.replicas is 'seven' (-e), which is not a whole number from 1 to 100"),
        (("profile=high", "set=app.replicas=0"), "app.replicas is '0' (-e), which is not a whole number from 1 to 100"),
        (("profile=high", "set=app.replicas=1000"), "app.replicas is '1000' (-e), which is not a whole number from 1 to 100"),
        (("profile=high", "set=flags.teleport=false"), "flags.teleport (-e) is unknown to the platform"),
        (("profile=high", "set=app.replica=3"), "'app.replica' (-e) is no field of a profile; the known ones are app.replicas,"),
        (("profile=high", "tiers=sky"), "'sky' is no tier; the known ones are api, app."),
        (("profile=overload", "smartsports_admin_token=wrong-token-4711"), "token"),
    ],
)
def test_a_mistake_is_refused_in_one_sentence_and_changes_nothing(platform, arguments, sentence):
    before = state(platform)
    code, output, changed = playbook("respond", *arguments)
    assert code != 0
    assert changed == 0
    assert sentence in " ".join(output.split())
    assert "Traceback" not in output
    assert "wrong-token-4711" not in output
    assert state(platform) == before


def test_the_token_is_nowhere_in_the_output(platform):
    _code, output, _changed = playbook("respond", "profile=overload", "--check", "--diff", "-vvv")
    assert platform.env["ADMIN_TOKEN"] not in output


def test_the_way_back(platform):
    code, preview, predicted = playbook("reset_configuration", "--check", "--diff")
    assert code == 0, preview
    code, output, changed = playbook("reset_configuration")
    assert code == 0, output
    assert (changed, rows(output)) == (predicted, rows(preview))
    assert settings(platform) == NORMAL
    assert playbook("reset_configuration")[2] == 0

    code, output, _changed = playbook("scale_down", "replicas=2")
    assert code == 0, output
    assert len(platform.containers("app")) == 2
