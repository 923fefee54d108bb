# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab is the platform that the runbook describes, obstacles included."""

import pytest
import requests

SERVICES = ["nginx", "app", "postgres-primary", "postgres-replica", "pgbouncer", "redis-primary", "redis-sentinel", "prometheus"]


@pytest.mark.parametrize("service", SERVICES)
def test_service_runs_under_its_production_name(host, platform, service):
    assert host.docker(f"{platform.prefix}-{service}").is_running


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_has_limits(platform, service):
    for container in platform.containers(service):
        limits = container.attrs["HostConfig"]
        assert limits["Memory"] > 0
        assert limits["NanoCpus"] > 0


def test_buyers_reach_the_application(platform):
    assert requests.get(f"{platform.entry_url}/health", timeout=5).status_code == 200


def test_replica_streams_from_the_primary(host, platform):
    query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    assert host.run(f'docker exec -u postgres {platform.prefix}-postgres-primary psql -tAc "{query}"').stdout.strip() == "1"


def test_application_role_is_no_superuser(host, platform):
    query = "SELECT rolsuper FROM pg_roles WHERE rolname = 'smartsports'"
    assert host.run(f'docker exec -u postgres {platform.prefix}-postgres-primary psql -tAc "{query}"').stdout.strip() == "f"


def test_secrets_are_readable_by_their_owner_only(host, platform):
    assert host.file(str(platform.directory / ".env")).mode == 0o600
