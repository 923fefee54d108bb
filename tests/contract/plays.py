# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plays against a platform of the test's own: an engine, two instances, and both ways to a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from ansible_collections.smartsports.scaling.tests.unit.plugins.module_utils.admin_api import TOKEN, Platform

ROOT = Path(__file__).parents[2]


class Engine(ThreadingHTTPServer):
    """As much of a Docker engine as looking at containers takes."""

    daemon_threads = True

    def __init__(self, platform: Platform) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                content = json.dumps(told(self.path.rpartition("/v1.")[2], platform)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                """Tests are silent."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


def told(path: str, platform: Platform) -> dict | list:
    if path.endswith("/version"):
        return {"ApiVersion": "1.44"}
    if path.endswith("/info"):
        return {"ID": "engine-of-the-test"}
    return listed(platform) if "/containers/json" in path else {"HostConfig": {}}


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
            "smartsports_state_directory": str(directory / "state"),
            "smartsports_app_port": platform.port,
            "smartsports_admin_token": TOKEN,
            "smartsports_admin_deadline": 3,
        }

    def play(self, hosts: dict[str, dict], play: dict, *arguments: str) -> tuple[int, dict[str, list[dict]]]:
        """Return code and, for each host, its tasks' results. A host's variables that are None are left out."""
        playbook = self.directory / "play.yml"
        playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, **play}]))
        return self.playbook(playbook, hosts, *arguments)

    def playbook(self, playbook: Path, hosts: dict[str, dict], *arguments: str) -> tuple[int, dict[str, list[dict]]]:
        """The same of a playbook that exists."""
        inventory = self.directory / "hosts.yml"
        of_hosts = {
            host: {name: value for name, value in {**self.variables, **own}.items() if value is not None}
            for host, own in hosts.items()
        }
        inventory.write_text(yaml.safe_dump({"platform": {"hosts": of_hosts}}))
        command = [Path(sys.executable).parent / "ansible-playbook", "-i", inventory, playbook, "--diff", "-vvv", *arguments]
        ran = subprocess.run(command, env=self.environment, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
        assert TOKEN not in ran.stdout + ran.stderr
        tasks = [task["hosts"] for entry in json.loads(ran.stdout[ran.stdout.index("{\n") :])["plays"] for task in entry["tasks"]]
        return ran.returncode, {host: [task[host] for task in tasks if host in task] for host in hosts}

    def there(self) -> dict:
        """Variables of a host that is reached as another one is: that a task asks to become somebody sends it that way."""
        become = self.directory / "become"  # it becomes nobody else
        become.write_text('#!/bin/sh\n: >"$0.ran"\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n')
        become.chmod(0o755)
        somebody = {"method": "sudo", "exe": str(become), "user": "operator"}
        return {"ansible_become": True, **{f"ansible_become_{name}": value for name, value in somebody.items()}}

    def tasks(self, *tasks: tuple[str, dict, bool], elsewhere: bool) -> list[dict]:
        """Modules with options, previewed or not, run with the action group's defaults; their results, refusals among them."""
        play = {
            "roles": ["smartsports.scaling.platform"],
            "module_defaults": {"group/smartsports.scaling.admin": "{{ smartsports_admin }}"},
            "tasks": [
                {"name": module, f"smartsports.scaling.{module}": options, "check_mode": preview, "ignore_errors": True}
                for module, options, preview in tasks
            ],
        }
        _, results = self.play({"here": self.there() if elsewhere else {}}, play)
        mine = results["here"][-len(tasks) :]
        assert (self.directory / "become.ran").exists() == elsewhere
        return [{name: value for name, value in result.items() if name != "action" and name[0] != "_"} for result in mine]
