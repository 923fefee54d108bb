# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _evidence, _probe, _web
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import Started, gather


@pytest.fixture
def entry():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(server.delay)
            server.host = self.headers["Host"]
            self.send_response(server.status)
            if server.status == 301:
                self.send_header("Location", "https://tickets.rw/")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.delay = 200, 0
    server.handle_error = lambda *arguments: None  # a client that went away is what the test wants
    server.url = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.mark.parametrize(("status", "failed"), [(200, 0), (202, 0), (429, 0), (404, 0), (500, 100), (502, 100), (504, 100)])
def test_5xx_is_a_failure_and_held_back_is_not(entry, status, failed):
    entry.status = status
    assert _probe.probe(entry.url, 3, 5).failed_percent == failed


def test_a_redirect_is_no_evidence(entry):
    entry.status = 301
    probes = _probe.probe(entry.url, 2, 5)
    [reading] = _evidence.probed(probes, entry.url)
    assert reading.value is None
    assert reading.note == f"{entry.url} redirects to https://tickets.rw/; correct smartsports_entry_url"


def test_the_site_is_asked_by_its_name(entry):
    params = {"entry_validate_certs": True, "entry_ca_path": None, "entry_server_name": "tickets.rw"}
    assert _probe.probe(entry.url, 1, 5, lambda: _web.entry_session(params)).failed_percent == 0
    assert entry.host == "tickets.rw"


def test_what_is_given_up_waited_at_least_so_long(entry):
    entry.delay = 2
    probes = _probe.probe(entry.url, 3, 0.3)
    assert (probes.failed_percent, probes.given_up, probes.seconds) == (0, 3, 0.3)


@pytest.mark.parametrize(("url", "says"), [("http://127.0.0.1:9/", "refused"), ("nonsense", "URL")])
def test_nobody_there(url, says):
    probes = _probe.probe(url, 2, 1)
    assert (probes.failed_percent, probes.seconds) == (100, None)
    assert says in probes.failures[0]


def test_a_job_that_hangs_is_a_timeout_and_the_others_count():
    began = time.monotonic()
    found = gather({"hangs": lambda: time.sleep(30), "fails": lambda: 1 / 0, "works": lambda: 7}, 0.3)
    assert time.monotonic() - began < 2
    assert isinstance(found["hangs"], TimeoutError)
    assert isinstance(found["fails"], ZeroDivisionError)
    assert found["works"] == 7


def test_time_counts_from_the_start():
    started = Started({"hangs": lambda: time.sleep(30)})
    time.sleep(0.3)
    began = time.monotonic()
    started.collect(0.3)
    assert time.monotonic() - began < 0.2
