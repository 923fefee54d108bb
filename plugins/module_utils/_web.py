# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTTP to the platform: past the environment's proxies, and with TLS against a name, since what is asked is known by its address."""

from __future__ import annotations

import os

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal

try:
    import requests
    from requests.adapters import HTTPAdapter

    REQUESTS_IMPORT_ERROR = None
except ImportError as error:  # the module runs on a host without the pinned venv
    requests = None
    HTTPAdapter = object
    REQUESTS_IMPORT_ERROR = error

# How nginx is reached as buyers reach it: options of the modules that probe.
ENTRY = {
    "entry_url": {"type": "str", "default": "http://127.0.0.1:8080"},
    "entry_server_name": {"type": "str", "default": ""},
    "entry_validate_certs": {"type": "bool", "default": True},
    "entry_ca_path": {"type": "path"},
}
_AT_ONCE = 32  # connections to one host, as many as the modules ask at the same time


class _NamedAdapter(HTTPAdapter):
    """Asks for a certificate by name and verifies it against that name: addresses are in no certificate."""

    def __init__(self, server_name: str) -> None:
        self.server_name = server_name
        super().__init__(pool_maxsize=_AT_ONCE)

    def init_poolmanager(self, *args, **kwargs) -> None:
        super().init_poolmanager(*args, server_hostname=self.server_name, assert_hostname=self.server_name, **kwargs)


def require_requests() -> None:
    if REQUESTS_IMPORT_ERROR is not None:
        raise Refusal(
            f"the Python package 'requests' cannot be imported ({REQUESTS_IMPORT_ERROR}); prepare this host with "
            "playbooks/prepare_host.yml, or set ansible_python_interpreter to a Python that has it."
        )


def session(validate_certs: bool = True, ca_path: str | None = None, server_name: str | None = None):
    """Safe to use from several threads."""
    found = requests.Session()
    # The environment's proxies would be handed what is asked, its netrc would add to it.
    found.trust_env = False
    if not validate_certs:  # asked for: one warning a request tells nothing new
        requests.packages.urllib3.disable_warnings()
    found.verify = (ca_path or True) if validate_certs else False
    # A connection of its own for each request: a kept one that the other side just closed makes an outcome unclear.
    found.headers["Connection"] = "close"
    found.mount("http://", HTTPAdapter(pool_maxsize=_AT_ONCE))
    found.mount("https://", _NamedAdapter(server_name) if server_name else HTTPAdapter(pool_maxsize=_AT_ONCE))
    return found


def entry_session(params: dict):
    """Asks nginx for the site as a buyer's browser does, by its name where it has one."""
    found = session(params["entry_validate_certs"], params["entry_ca_path"], params["entry_server_name"])
    if params["entry_server_name"]:
        found.headers["Host"] = params["entry_server_name"]
    return found


def require_ca(params: dict) -> None:
    path = params["entry_ca_path"]
    if path and not os.path.exists(path):
        raise Refusal(
            f"smartsports_entry_ca_path '{path}' does not exist on the Docker host; give the path of a PEM file there, or leave it empty."
        )
