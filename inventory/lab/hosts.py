#!/usr/bin/env python3
"""The inventory of a lab: everything about it follows from LAB_PREFIX and the .env that lab.py wrote.

A script, and no file of templates: those would be rendered anew for every task of a playbook. As inventory/lab it is reached on
the controller itself; as inventory/lab_ssh as production is, through SSH: lab/lab.py up --ssh, playbooks/prepare_host.yml, then
any playbook with -i inventory/lab_ssh.
"""

import json
import os
from pathlib import Path

PREFIX = os.environ.get("LAB_PREFIX") or "smartsports"
LAB = Path(__file__).absolute().parent.parent.parent / ".lab" / PREFIX


def main() -> None:
    through_ssh = Path(__file__).absolute().parent.name == "lab_ssh"
    name = "smartsports-lab-ssh" if through_ssh else "smartsports-lab"
    try:
        pairs = (line.partition("=") for line in (LAB / ".env").read_text().splitlines())
        settings = {key: value for key, _, value in pairs}
        variables = {**platform(settings), **(ssh(settings) if through_ssh else local())}
    except FileNotFoundError:
        advice = f"there is no lab '{PREFIX}'; bring it up with: python lab/lab.py up --prefix {PREFIX}"
        variables = dict.fromkeys(("smartsports_project", "smartsports_project_dir"), f'{{{{ undef(hint="{advice}") }}}}')
    print(json.dumps({"platform": {"hosts": [name]}, "_meta": {"hostvars": {name: variables}}}))


def platform(settings: dict) -> dict:
    return {
        "smartsports_project": PREFIX,
        "smartsports_project_dir": str(LAB),
        "smartsports_state_directory": str(LAB / "state"),
        "smartsports_entry_url": f"http://127.0.0.1:{settings['LAB_NGINX_PORT']}",
        "smartsports_prometheus_url": f"http://127.0.0.1:{settings['LAB_PROMETHEUS_PORT']}",
        "smartsports_webhook_url": os.environ.get("WEBHOOK_URL", ""),
        "smartsports_admin_token": settings["ADMIN_TOKEN"],
        "smartsports_pgbouncer_admin_password": settings["PGBOUNCER_ADMIN_PASSWORD"],
    }


def local() -> dict:
    return {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def ssh(settings: dict) -> dict:
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": settings.get("LAB_SSH_PORT", ""),
        "ansible_user": "smartsports-oncall",
        "ansible_become": True,
        # Within the lab, and gone with it.
        "docker_host_directory": str(LAB / "host"),
        "ansible_python_interpreter": str(LAB / "host/venv/bin/python"),
        "ansible_ssh_private_key_file": str(LAB / "ssh/id_ed25519"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={LAB}/ssh/known_hosts -o IdentitiesOnly=yes",
    }


if __name__ == "__main__":
    main()
