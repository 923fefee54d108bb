# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an engineer is told about a platform that is fine, that Prometheus does not know, and that hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
PLAYBOOK = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/assess.yml"]


@pytest.fixture
def assess(tmp_path):
    """Runs the playbook; (result, output)."""

    def run(*arguments):
        report = tmp_path / "report.json"
        command = [*PLAYBOOK, "-e", f"report={report}", *arguments]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "changed=0" in done.stdout
        return json.loads(report.read_text()), done.stdout

    return run


def until(assess, expected, seconds=60):
    """Assess again until the result is as expected: Prometheus needs some seconds to see what happened."""
    end = time.monotonic() + seconds
    while True:
        result, output = assess()
        if expected(result) or time.monotonic() > end:
            return result, output


def values(result):
    return {reason["metric"]: reason for reason in result["reasons"]}


def test_a_quiet_platform_is_normal_and_prometheus_says_so(assess, platform):
    result, output = until(assess, lambda result: result["severity"] == "normal")
    assert result["severity"] == "normal", output
    assert result["source"] == "prometheus"
    running = len(platform.containers("app"))
    assert result["replicas"] == {"running": running, "seen": running, "start": 0}
    assert result["command"]["command"] == ""
    assert "SEVERITY normal" in output
    found = values(result)
    assert found["connections"]["source"] == "prometheus", found["connections"]
    assert 0 < found["memory"]["value"] < 100
    assert all(reason["threshold"] is not None for reason in result["reasons"])


def test_json_on_the_screen(assess):
    _result, output = assess("-e", "output=json")
    assert json.loads(output[output.index("{") : output.rindex("}") + 1])["severity"]


def test_prometheus_down(assess):
    result, output = assess("-e", "smartsports_prometheus_url=http://127.0.0.1:9")
    assert result["source"] == "direct"
    assert "Prometheus at http://127.0.0.1:9 refuses connections" in output
    assert result["replicas"]["seen"] == result["replicas"]["running"]
    assert {reason["metric"]: reason["severity"] for reason in result["reasons"]} == dict.fromkeys(values(result), "normal")
    assert values(result)["connections"]["note"].endswith("of 100")
    assert [trigger["fired"] for trigger in result["triggers"] if trigger["trigger"] == "cpu"] == [None]


def test_something_else_answers_for_prometheus(assess, platform):
    result, output = assess("-e", f"smartsports_prometheus_url={platform.entry_url}")
    assert result["source"] == "direct"
    assert "correct smartsports_prometheus_url" in " ".join(output.split())


def test_a_replica_that_hangs_is_not_seen_and_the_probe_notices(assess, platform):
    replica = platform.containers("app")[0]
    running = len(platform.containers("app"))
    replica.pause()
    try:
        result, output = until(assess, lambda result: result["replicas"]["seen"] < running)
    finally:
        replica.unpause()
    assert result["replicas"] == {"running": running, "seen": running - 1, "start": 0}, output
    assert f"{running - 1} of {running} replicas seen" in output
    assert result["severity"] in ("P0", "P1", "P2"), output
    assert "ansible-playbook playbooks/respond.yml" in result["command"]["command"]


def test_nothing_is_changed(assess, platform):
    def state():
        return [
            (each.id, each.attrs["State"]["StartedAt"]) for service in ("app", "nginx") for each in platform.containers(service)
        ]

    before, settings = state(), platform.admin("feature-flags")
    assess()
    assert (state(), platform.admin("feature-flags")) == (before, settings)


def test_a_wrong_number_is_one_sentence():
    command = [*PLAYBOOK, "-e", '{"load_assessment_thresholds": {"severity": {"cpu": {"P1": "seven"}}}}']
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "load_assessment_thresholds.severity.cpu.P1 is 'seven', but must be a number" in " ".join(said.split())
    assert "Traceback" not in said
