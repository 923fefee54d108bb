# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Production's inventory names every variable of the platform and holds no secret; the host's packages are the controller's."""

from __future__ import annotations

import json
import re
import subprocess

from repository import ROOT, load

PRODUCTION = ROOT / "inventory/production"


def variables() -> dict:
    return {name: value for path in PRODUCTION.rglob("group_vars/**/*.yml") for name, value in (load(path) or {}).items()}


def test_it_names_every_variable_of_the_platform_and_no_other():
    specified = set(load("roles/platform/meta/argument_specs.yml")["argument_specs"]["main"]["options"])
    named = {name for name in variables() if name.startswith("smartsports_")}
    assert (specified - named, named - specified) == (set(), set())


def test_ansible_reads_it():
    listed = subprocess.run(
        ["ansible-inventory", "-i", PRODUCTION, "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    [host] = json.loads(listed.stdout)["platform"]["hosts"]
    of_host = json.loads(listed.stdout)["_meta"]["hostvars"][host]
    assert of_host["ansible_become"] and "ansible_password" not in of_host
    assert of_host["ansible_python_interpreter"].startswith(
        load("roles/docker_host/defaults/main.yml")["docker_host_directory"]
    ), "the interpreter is the one that prepare_host installs"


def test_secrets_are_references():
    for name, value in variables().items():
        if re.search(r"token|password|secret", name):
            assert "vault_" in value and "lookup('ansible.builtin.env'" in value, (
                f"{name} must come from a vault or the environment"
            )


def test_the_host_gets_the_packages_that_the_controller_runs_with():
    locked = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text()))
    wanted = load("roles/docker_host/vars/main.yml")["__docker_host_packages"]
    assert {package: locked.get(package.partition("==")[0].lower()) for package in wanted} == {
        package: package.partition("==")[2] for package in wanted
    }
