# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run has changed something, a second one nothing, when these tests begin; they go on from there, in order."""

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
FIELD = "cache-config.event_list_ttl"
RUN = "molecule/incident/converge.yml"


def play(playbook, *arguments):
    """(return code, output, tasks that changed something) of a playbook, run as an engineer runs it."""
    done = subprocess.run(
        ["ansible-playbook", "-i", "inventory/lab", playbook, "-vvv", "--diff", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    output = done.stdout + done.stderr
    return done.returncode, output, sum(map(int, re.findall(r"changed=(\d+)", output)))


def files(platform, pattern="*"):
    return sorted(path for path in (platform.directory / "state").rglob(pattern) if path.is_file())


def records(platform):
    """The oldest first."""
    return [json.loads(path.read_text()) for path in files(platform, "records/*.json")]


def journal(platform, record):
    lines = (platform.directory / f"state/journal/{record['id']}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def holder(platform):
    return json.loads((platform.directory / "state/lock.json").read_text())["holder"]


def test_the_run_left_a_record_of_before_and_after(platform):
    [record] = records(platform)
    assert (record["kind"], record["severity"], record["why"], record["closed"]) == ("incident", "P1", "final tickets", "")
    assert record["baseline"][FIELD] == 60
    assert record["baseline"]["app.replicas"] == 1
    assert record["baseline"]["pool.default_pool_size"] > 0
    assert {name: (change["from"], change["to"]) for name, change in record["changed"].items()} == {FIELD: (60, 300)}


def test_the_second_run_is_in_the_same_record_and_changed_nothing(platform):
    [record] = records(platform)
    told = [event for event in journal(platform, record) if event["event"] != "metrics"]  # when they come is not ours to say
    events = [(event["event"], event["step"], event["result"]) for event in told]
    step = [("step-start", "cache_config", "")]
    assert events == [
        ("opened", "", ""),
        *[("run-start", "", ""), *step, ("step-end", "cache_config", "ok"), ("run-end", "", "ok")],
        *[("run-start", "", ""), *step, ("step-end", "cache_config", "unchanged"), ("run-end", "", "unchanged")],
    ]
    assert {event["playbook"] for event in journal(platform, record)} == {"converge.yml"}
    assert holder(platform) is None


def test_what_is_open_is_told_and_nothing_changed_by_it(platform):
    before = {path: path.read_bytes() for path in files(platform)}
    code, output, changed = play("playbooks/incident.yml")
    assert (code, changed) == (0, 0), output
    [record] = records(platform)
    assert f"INCIDENT P1 OPEN since {record['opened']}: {record['id']} of {record['who']}: final tickets" in output
    assert re.search(rf"{FIELD} +60 +300 +300", output), output
    code, output, changed = play("playbooks/timeline.yml")
    assert (code, changed) == (0, 0), output
    assert re.search(r"cache_config +ok +event_list_ttl 60 -> 300", output), output
    assert {path: path.read_bytes() for path in files(platform)} == before


def test_a_preview_holds_up_nobody_and_leaves_nothing(platform):
    before = {path: path.read_bytes() for path in files(platform)}
    code, output, changed = play(RUN, "-e", json.dumps({"cache_ttls": {"event_list_ttl": 90}}), "--check")
    assert (code, changed) == (0, 1), output
    assert {path: path.read_bytes() for path in files(platform)} == before
    assert platform.admin("cache-config")[0]["settings"]["event_list_ttl"] == 300


def test_a_record_is_not_closed_while_something_of_it_is_in_force(platform):
    code, output, _changed = play("playbooks/incident.yml", "-e", "action=close")
    assert code != 0
    assert f"1 setting of its runs still in force ({FIELD}); take them back first" in output
    assert records(platform)[0]["closed"] == ""


def test_what_is_taken_back_can_be_closed(platform):
    code, output, _changed = play(RUN, "-e", json.dumps({"cache_ttls": {"event_list_ttl": 60}}))
    assert code == 0, output
    code, output, changed = play("playbooks/incident.yml", "-e", "action=close", "-e", "why='sold out'")
    assert (code, changed) == (0, 1), output
    [record] = records(platform)
    assert record["closed"] and record["closed_by"]["why"] == "sold out"
    assert "NO RECORD IS OPEN" in play("playbooks/incident.yml")[1]


def test_a_run_that_changes_nothing_leaves_no_record(platform):
    before = files(platform)
    code, output, changed = play(RUN, "-e", json.dumps({"cache_ttls": {"event_list_ttl": 60}}))
    assert (code, changed) == (0, 0), output
    assert "opened: how everything was set is kept" in output
    assert files(platform) == before
    assert [bool(record["closed"]) for record in records(platform)] == [True]
    assert holder(platform) is None


def test_the_state_is_its_owner_s_alone(platform):
    folders = [platform.directory / "state", *(path for path in (platform.directory / "state").rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in files(platform)} == {0o600}


def test_no_secret_of_the_platform_is_in_the_state(platform):
    secrets = [value for name, value in platform.env.items() if name.endswith(("TOKEN", "PASSWORD", "SECRET"))]
    text = "".join(path.read_text() for path in files(platform))
    assert len(secrets) > 2 and "converge.yml" in text
    assert [secret for secret in secrets if secret in text] == []
