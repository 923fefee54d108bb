# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The admin modules and their roles as ansible-playbook runs them: in process and as real modules, with an engine and instances of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import TOKEN, Platform

ROOT = Path(__file__).parents[2]
LIMITS = {"search_endpoints": {"requests_per_minute": 30}, "non_essential_endpoints": {"enabled": False}}


class Engine(ThreadingHTTPServer):
    """As much of a Docker engine as listing containers takes."""

    daemon_threads = True

    def __init__(self, platform: Platform) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                content = json.dumps({"ApiVersion": "1.44"} if self.path.endswith("/version") else listed(platform)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                """Tests are silent."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


def listed(platform: Platform) -> list[dict]:
    return [
        {
            "Id": container.id,
            "Names": [f"/{container.name}"],
            "Labels": {"com.docker.compose.container-number": str(container.number)},
            "State": "running",
            "Status": "Up 1 minute (healthy)",
            "Image": container.image,
            "NetworkSettings": {"Networks": {"network": {"IPAddress": container.address}}},
        }
        for container in platform.containers(None, "", "")
    ]


class Runner:
    """Runs plays against a platform of two instances."""

    def __init__(self, platform: Platform, engine: Engine, directory: Path) -> None:
        self.platform = platform
        self.directory = directory
        self.environment = {
            **os.environ,
            "DOCKER_HOST": f"tcp://127.0.0.1:{engine.server_port}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
            "ANSIBLE_NOCOLOR": "1",
        }
        self.variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "smartsports_project_dir": str(directory),
            "smartsports_app_port": platform.port,
            "smartsports_admin_token": TOKEN,
            "smartsports_admin_deadline": 3,
        }
        # Becomes nobody else; that a task asks to become makes it a real module.
        self.become = directory / "become"
        self.become.write_text('#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n')
        self.become.chmod(0o755)

    def play(self, play: dict, *arguments: str, **variables) -> subprocess.CompletedProcess:
        inventory, playbook = self.directory / "hosts.yml", self.directory / "play.yml"
        kept = {name: value for name, value in {**self.variables, **variables}.items() if value is not None}
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"here": kept}}}))
        playbook.write_text(yaml.safe_dump([{"hosts": "here", "gather_facts": False, **play}]))
        command = [Path(sys.executable).parent / "ansible-playbook", "-i", inventory, playbook, *arguments]
        return subprocess.run(command, env=self.environment, cwd=ROOT, text=True, capture_output=True, timeout=120, check=False)

    def task(self, module: str, options: dict, *arguments: str, as_module: bool = False) -> dict:
        """One task with the action group's defaults, and its result."""
        become = (
            {"ansible_become": True, "ansible_become_method": "sudo", "ansible_become_exe": str(self.become)} if as_module else {}
        )
        play = {
            "roles": ["smartsports.scaling.platform"],
            "tasks": [
                {
                    "name": "Test",
                    f"smartsports.scaling.{module}": options,
                    "module_defaults": {"group/smartsports.scaling.admin": "{{ smartsports_admin }}"},
                }
            ],
        }
        ran = self.play(play, "--diff", *arguments, **become)
        result = results(ran)[-1]
        assert ("invocation" in result) == as_module or result.get("failed")
        assert TOKEN not in ran.stdout + ran.stderr
        return {
            name: value for name, value in result.items() if name not in ("invocation", "action") and not name.startswith("_")
        }

    def role(self, name: str, *arguments: str, **variables) -> subprocess.CompletedProcess:
        return self.play({"roles": [f"smartsports.scaling.{name}"]}, *arguments, **variables)


def results(ran: subprocess.CompletedProcess) -> list[dict]:
    output = json.loads(ran.stdout[ran.stdout.index("{\n") :])
    return [task["hosts"]["here"] for play in output["plays"] for task in play["tasks"] if "here" in task["hosts"]]


@pytest.fixture
def runner(tmp_path):
    platform = Platform()
    platform.start(2)
    engine = Engine(platform)
    yield Runner(platform, engine, tmp_path)
    engine.shutdown()
    engine.server_close()
    for instance in platform.instances:
        instance.stop()


def test_both_lanes_give_the_same_result(runner):
    """Preview, change and second run, in process and as a real module."""
    told = {}
    for as_module in (False, True):
        runner.platform.apply(
            "rate-limits", {"search_endpoints": {"requests_per_minute": 600}, "non_essential_endpoints": {"enabled": True}}
        )
        runner.platform.instances[0].versions["rate-limits"] = runner.platform.instances[1].versions["rate-limits"] = 7
        previewed = runner.task("rate_limits", LIMITS, "--check", as_module=as_module)
        done = runner.task("rate_limits", LIMITS, as_module=as_module)
        again = runner.task("rate_limits", LIMITS, as_module=as_module)
        told[as_module] = (previewed, done, again)
        assert previewed["diff"] == done["diff"] and previewed["changed"] and done["changed"] and not again["changed"]
        assert (previewed["version"], done["version"]) == (7, 8)
    assert told[False] == told[True]


@pytest.mark.parametrize(
    "options", [{"search_endpoints": {"requests_per_minute": "7"}}, {"non_essential_endpoints": {"enabled": "false"}}]
)
def test_both_lanes_read_text_as_what_it_means(runner, options):
    here, there = (runner.task("rate_limits", options, "--check", as_module=as_module) for as_module in (False, True))
    assert here == there
    assert here["diff"]["after"] in (
        {"search_endpoints": {"requests_per_minute": 7}},
        {"non_essential_endpoints": {"enabled": False}},
    )


@pytest.mark.parametrize("options", [{"search_endpoints": {"requests_per_minute": 0}}, {"search_endpoints": {}}])
def test_both_lanes_refuse_alike(runner, options):
    here, there = (runner.task("rate_limits", options, as_module=as_module) for as_module in (False, True))
    assert here["failed"] and here["msg"] == there["msg"]
    assert runner.platform.sent("POST") == []


def test_readers_work_in_both_lanes(runner):
    for module in ("admin_info", "queue_status"):
        here, there = (runner.task(module, {}, as_module=as_module) for as_module in (False, True))
        assert here == there and not here["changed"]


@pytest.mark.parametrize(
    ("role", "variables", "resource", "after"),
    [
        ("load_shedding", {"load_shedding_limits": LIMITS}, "rate-limits", LIMITS),
        (
            "queues",
            {"queues_config": {"virtual_queue": {"enabled": "true"}}},
            "queue-config",
            {"virtual_queue": {"enabled": True}},
        ),
        ("feature_flags", {"feature_flags_flags": {"social_features": "false"}}, "feature-flags", {"social_features": False}),
        ("cache", {"cache_ttls": {"event_list_ttl": "300"}}, "cache-config", {"event_list_ttl": 300}),
    ],
)
def test_a_role_previews_changes_once_and_hides_the_token(runner, role, variables, resource, after):
    given = json.dumps(variables)
    previewed, done, again = (runner.role(role, *extra, "--diff", "-vvv", "-e", given) for extra in (["--check"], [], []))
    for ran in (previewed, done, again):
        assert ran.returncode == 0, ran.stdout
        assert TOKEN not in ran.stdout + ran.stderr
    changes = [[result["diff"]["after"] for result in results(ran) if result["changed"]] for ran in (previewed, done, again)]
    assert changes == [[after], [after], []]
    assert runner.platform.sent("POST") == [("POST", resource, after)]


@pytest.mark.parametrize(
    ("role", "variables", "sentence"),
    [
        (
            "load_shedding",
            {"load_shedding_limits": {"search_endpoints": {"requests_per_minute": "seven"}}},
            "is 'seven', but must be a whole number",
        ),
        (
            "feature_flags",
            {"feature_flags_flags": {"dark_mode": False}},
            "feature_flags_flags.dark_mode is not known, but must be one of analytics",
        ),
        ("cache", {"cache_ttls": {"event_list_ttl": None}}, "cache_ttls.event_list_ttl is 'None', but must be a whole number"),
        ("queues", {}, "queues_config is empty, so nothing was asked"),
        ("platform", {"smartsports_admin_token": None}, "smartsports_admin_token is not set; give"),
        ("platform", {"smartsports_admin_token": ""}, "smartsports_admin_token is not set; give"),
        ("platform", {"smartsports_project_dir": None}, "smartsports_project_dir is '', but must be the absolute path"),
        (
            "platform",
            {"smartsports_entry_url": "127.0.0.1:80"},
            "smartsports_entry_url is '127.0.0.1:80', but must be nginx's URL",
        ),
        ("platform", {"smartsports_prometeus_url": "http://x"}, "smartsports_prometeus_url is not a variable of this collection"),
        ("cache", {"cache_ttls": {"event_list_ttl": 9}, "smartsports_admin_token": "wrong"}, "refused the admin token (403"),
    ],
)
def test_a_role_refuses_in_one_sentence_before_anything_changes(runner, role, variables, sentence):
    ran = runner.role(role, **variables)
    said = results(ran)[-1]["msg"]
    assert ran.returncode != 0
    assert sentence in said
    assert "\n" not in said and said.endswith(".")
    assert runner.platform.sent("POST") == []
