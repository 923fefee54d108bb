# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two replicas are left, the oldest, and nothing remembers the others."""

import re

import requests


def test_the_oldest_stay(platform):
    assert [container.name for container in platform.containers("app")] == [f"{platform.prefix}-app", f"{platform.prefix}-app-2"]


def test_the_others_are_removed_and_not_only_stopped(host, platform):
    listed = host.run(
        f"docker ps --all --quiet --filter label=com.docker.compose.project={platform.prefix} "
        "--filter label=com.docker.compose.service=app"
    )
    assert len(listed.stdout.split()) == 2


def test_nginx_names_exactly_those_who_stay(platform):
    text = (platform.directory / "config/nginx/upstream.conf").read_text()
    assert re.findall(r"server (\S+):3000", text) == platform.addresses("app")


def test_buyers_are_served(platform):
    for _ in range(10):
        requests.get(f"{platform.entry_url}/api/v1/events", timeout=5).raise_for_status()


def test_the_override_keeps_two(host, platform):
    merged = host.run(f"cd {platform.directory} && docker compose config app")
    assert merged.rc == 0, merged.stderr
    assert re.search(r"replicas: 2\b", merged.stdout)
