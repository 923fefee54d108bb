#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_host_environment
short_description: A virtual environment with pinned packages on a Docker host
version_added: 0.1.0
description:
  - Makes C(venv) in a directory, for the collection's modules that run on the host, and installs packages into it.
  - An environment that is broken, as by a run that was killed, is made anew.
author:
  - SmartSports Rwanda platform team (@smartsports-rw)
attributes:
  check_mode:
    description: Predicts the packages.
    support: full
  diff_mode:
    description: Shows the packages, before and after.
    support: full
  idempotent:
    description: A second run installs nothing.
    support: full
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
options:
  directory:
    description: A directory that exists; the environment is C(venv) in it.
    type: path
    required: true
  packages:
    description: The packages, each as C(name==version).
    type: list
    elements: str
    required: true
  python:
    description: The Python that the environment is made with; it needs C(ensurepip).
    type: path
    default: /usr/bin/python3
"""

EXAMPLES = r"""
- name: Make the modules' environment
  smartsports.scaling.docker_host_environment:
    directory: /opt/smartsports-scaling
    packages: [docker==7.2.0]
"""

RETURN = r"""
{}
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import run_as_module  # noqa: E402
from ansible_collections.smartsports.scaling.plugins.module_utils.docker_host_environment import SPEC, run  # noqa: E402


def main():
    module = AnsibleModule(**SPEC)
    run_as_module(module, run)


if __name__ == "__main__":
    main()
