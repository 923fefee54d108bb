# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The upstream names the replica by its address, with everything else as it was, and nginx runs with it."""

from datetime import datetime

import requests


def test_servers_are_explicit_and_the_rest_is_kept(platform):
    text = (platform.directory / "config/nginx/upstream.conf").read_text()
    [address] = platform.addresses("app")
    assert text == (
        "# Ours.\nupstream app {\n    least_conn;\n"
        f"    server {address}:3000 max_fails=3 fail_timeout=5s;  # {platform.prefix}-app\n    server 127.0.0.1:9 backup;\n}}\n"
    )


def test_the_file_keeps_its_mode(host, platform):
    assert host.file(str(platform.directory / "config/nginx/upstream.conf")).mode == 0o640


def test_nginx_was_reloaded_and_not_restarted(host, platform):
    [nginx] = platform.containers("nginx")
    started = datetime.fromisoformat(nginx.attrs["State"]["StartedAt"][:19] + "+00:00")
    assert host.file(str(platform.directory / "config/nginx/upstream.conf")).mtime > started.replace(tzinfo=None)
    assert "shutting down" not in host.run(f"docker top {nginx.name} -eo pid,args").stdout


def test_buyers_are_served(platform):
    requests.get(f"{platform.entry_url}/api/v1/events", timeout=5).raise_for_status()
