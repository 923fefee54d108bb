# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the modules of the action group `admin` share."""

from __future__ import annotations


class ModuleDocFragment:
    # How the admin API is reached
    DOCUMENTATION = r"""
options:
  project:
    description: The Compose project whose containers are asked.
    type: str
    default: smartsports
  service:
    description: The Compose service of the application. Its running containers are found by their labels.
    type: str
    default: app
  network:
    description: The Docker network on which the application is reached; the first by name by default.
    type: str
    default: ""
  port:
    description: The port of the application in its containers.
    type: int
    default: 3000
  scheme:
    description: Whether the admin API speaks TLS.
    type: str
    choices: [http, https]
    default: http
  token:
    description: The admin token. Read it from a vault or the environment on the controller.
    type: str
    required: true
  validate_certs:
    description: Whether the instances have to prove their identity.
    type: bool
    default: true
  ca_path:
    description: A PEM file on the Docker host with the CA of the instances' certificates; the system's CAs by default.
    type: path
  server_name:
    description: The name in the instances' certificate; their address by default, which a certificate for many replicas cannot list.
    type: str
  timeout:
    description: Seconds that an instance has for one answer.
    type: float
    default: 2.0
  deadline:
    description: Seconds in which every running instance must run with what was asked, and within which failed attempts are repeated.
    type: float
    default: 10.0
requirements:
  - requests
  - docker (the Python SDK)
notes:
  - Set the options of all modules of this kind at once with C(module_defaults) and the action group C(group/smartsports.scaling.admin).
  - Runs on the Docker host; where that is the controller itself, without the cost of starting a module.
attributes:
  platform:
    description: Runs on the Docker host.
    platforms: posix
    support: full
"""

    # What the modules that change settings have in common
    CONVERGE = r"""
notes:
  - Only what was asked is compared and sent; members that are left out stay as they are.
  - A request is repeated on 429, as late as the API asks for, on 502 to 504 and on lost connections, at the next instance first. That
    is safe since a patch sets values and adds to none; where it may have arrived, the settings are read again first.
attributes:
  check_mode:
    description: Predicts exactly the difference that the run then makes.
    support: full
  diff_mode:
    description: Shows only what was asked.
    support: full
  idempotent:
    description: Where the deployed application offers no GET, the module says so, sends every time and reports a change every time.
    support: full
"""

    # What the modules that only read have in common
    READ = r"""
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Nothing changes.
    support: none
  idempotent:
    description: Reads only.
    support: full
"""
