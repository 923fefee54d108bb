# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils._upstream import Server, find, render
from hypothesis import given, settings
from hypothesis import strategies as st

ONE_LINE = "# The application.\nupstream app { server app:3000; }\n"
RICH = """\
map $uri $kind { default "a } brace"; }
upstream other { server 10.0.0.1:80; }
# upstream app { server commented:1; }
upstream app {
    least_conn;  # fair
    # the application
    server 172.30.0.128:3000 max_fails=3 fail_timeout=5s;  # smartsports-app
    server 172.30.0.129:3000 weight=2;
    server 127.0.0.1:8999 backup;
    keepalive 16;
}
server { location / { proxy_pass http://app; } }
"""


def test_block_on_one_line():
    assert find(ONE_LINE, "app").servers == [Server("app:3000")]


def test_options_are_read():
    assert [server.options for server in find(RICH, "app").servers] == [
        ("max_fails=3", "fail_timeout=5s"),
        ("weight=2",),
        ("backup",),
    ]


@pytest.mark.parametrize(
    "text", ["", "upstream other { server a; }", "# upstream app { server a; }", "proxy_pass upstream app;", "upstream app {"]
)
def test_no_such_block(text):
    assert find(text, "app") is None


def test_everything_else_stays():
    block = find(RICH, "app")
    after = render(RICH, block, set(block.servers[:2]), [Server("172.30.0.130:3000", ("max_fails=3",), "smartsports-app-3")])
    assert after == RICH.replace(
        "    server 172.30.0.128:3000 max_fails=3 fail_timeout=5s;  # smartsports-app\n    server 172.30.0.129:3000 weight=2;\n",
        "    server 172.30.0.130:3000 max_fails=3;  # smartsports-app-3\n",
    ).replace("least_conn;  # fair", "least_conn;\n    # fair")


def test_nested_blocks_stay():
    text = "upstream app {\n    balancer_by_lua_block { local a = {1}; }\n    server app:3000;\n}"
    block = find(text, "app")
    assert render(text, block, set(block.servers), [Server("172.30.0.9:3000")]) == text.replace("app:3000", "172.30.0.9:3000")


addresses = st.integers(1, 254).map("172.30.0.{}:3000".format)
options = st.lists(st.sampled_from(["max_fails=3", "weight=2", "fail_timeout=5s"]), unique=True).map(tuple)


@settings(deadline=None)  # how long it takes is nobody's claim
@given(st.lists(st.builds(Server, addresses, options, st.sampled_from(["", "smartsports-app-2"])), min_size=1))
def test_what_is_written_is_read_back(servers):
    block = find(RICH, "app")
    again = render(RICH, block, set(block.servers), servers)
    assert find(again, "app").servers == servers
    assert render(again, find(again, "app"), set(servers), servers) == again


@pytest.mark.parametrize(
    ("address", "host", "port"), [("app:3000", "app", 3000), ("app", "app", 80), ("unix:/run/a.sock", "unix", 80)]
)
def test_address(address, host, port):
    assert (Server(address).host, Server(address).port) == (host, port)


def test_options_of_one_server_are_not_inherited():
    assert Server("a", ("weight=2", "down", "backup", "resolve")).inherited() == ("weight=2",)
