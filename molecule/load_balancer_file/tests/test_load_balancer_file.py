# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The container sees what was written into the file that is mounted alone."""

import requests


def test_the_container_sees_the_servers(host, platform):
    [nginx] = platform.containers("nginx")
    assert any(mount["Destination"] == "/etc/nginx/conf.d/upstream.conf" for mount in nginx.attrs["Mounts"])
    inside = host.run(f"docker exec {nginx.name} cat /etc/nginx/conf.d/upstream.conf").stdout
    assert inside == (platform.directory / "config/nginx/upstream.conf").read_text()
    assert f"server {platform.addresses('app')[0]}:3000;" in inside


def test_buyers_are_served(platform):
    requests.get(f"{platform.entry_url}/api/v1/events", timeout=5).raise_for_status()
