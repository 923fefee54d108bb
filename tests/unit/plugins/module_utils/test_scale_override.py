# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _scale_file, scale_override
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

SECRET = "ADMIN_TOKEN=sesame\n"


def keep(directory, replicas=3, check_mode=False, **options):
    params = {
        "project_dir": str(directory),
        "files": ["docker-compose.prod.yml"],
        "service": "app",
        "replicas": replicas,
        "static_networks": [],
    }
    return scale_override.run({**params, **options}, check_mode, silent)


@pytest.fixture
def directory(tmp_path):
    (tmp_path / ".env").write_text(SECRET)
    (tmp_path / ".env").chmod(0o600)
    return tmp_path


def test_what_follows_is_known_by_the_directory_as_compose_gets_it():
    assert scale_override.followed_by({"project_dir": "/opt/shop/"}) == ["compose", "/opt/shop"]


def test_keeps_the_number_once(directory):
    assert keep(directory)["changed"]
    assert _scale_file.kept(directory) == 3
    assert not keep(directory)["changed"]


def test_the_limits_stay_when_the_number_changes(directory):
    limits = {"cpus": "0.5", "memory": "512M", "memswap": "512M"}
    _scale_file.store(directory, ["docker-compose.prod.yml"], _scale_file.text("app", 2, [], limits))
    keep(directory, replicas=5)
    assert _scale_file.kept(directory) == 5
    assert _scale_file.limits(directory) == limits


def test_limits_are_in_one_of_the_places_that_compose_knows(directory):
    _scale_file.store(directory, ["docker-compose.prod.yml"], _scale_file.text("app", 2, [], {"cpus": "4", "memory": "8G"}))
    text = _scale_file.stored(directory)
    assert text.count("!reset null") == 7  # the name, the older number, the older place's two limits, quota and period, and swap
    assert 'resources:\n        limits:\n          cpus: "4"\n          memory: "8G"\n' in text


def test_takes_away_what_forbids_a_second_replica(directory):
    keep(directory, static_networks=["default"])
    text = (directory / _scale_file.NAME).read_text()
    assert "container_name: !reset null" in text
    assert "ports: !reset []" in text
    assert "scale: !reset null" in text
    assert "default: {ipv4_address: !reset null}" in text
    assert _scale_file.static_networks(directory) == {"default"}


def test_environment_keeps_its_lines_mode_and_secret(directory):
    diff = keep(directory)["diff"]
    environment = directory / ".env"
    assert environment.read_text() == SECRET + "COMPOSE_FILE=docker-compose.prod.yml:docker-compose.scale.yml\n"
    assert environment.stat().st_mode & 0o777 == 0o600
    assert "sesame" not in str(diff)


def test_check_mode_predicts_and_writes_nothing(directory):
    predicted = keep(directory, check_mode=True)
    assert not (directory / _scale_file.NAME).exists()
    assert (directory / ".env").read_text() == SECRET
    assert keep(directory) == predicted


def test_leaves_no_candidate_behind(directory):
    keep(directory)
    assert sorted(path.name for path in directory.iterdir()) == [".env", _scale_file.NAME]


def test_finishes_a_run_that_was_killed_between_the_two_files(directory):
    keep(directory)
    (directory / ".env").write_text(SECRET)
    assert keep(directory)["diff"]["before"] == {"kept replicas": 3, "listed in COMPOSE_FILE": False}
    assert "docker-compose.scale.yml" in (directory / ".env").read_text()


def test_a_deployment_without_env_gets_a_private_one(tmp_path):
    keep(tmp_path)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("COMPOSE_FILE=a.yml:b.yml\nX=1\n", "COMPOSE_FILE=a.yml:b.yml:docker-compose.scale.yml\nX=1\n"),
        ('COMPOSE_FILE="a.yml"\n', "COMPOSE_FILE=a.yml:docker-compose.scale.yml\n"),
        ("X=1", "X=1\nCOMPOSE_FILE=p.yml:docker-compose.scale.yml\n"),
        ("COMPOSE_FILE=./docker-compose.scale.yml\n", "COMPOSE_FILE=./docker-compose.scale.yml\n"),
        (
            "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=a.yml,b.yml # both\n",
            "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=a.yml,b.yml,docker-compose.scale.yml\n",
        ),
        ("export COMPOSE_FILE = a.yml\n", "export COMPOSE_FILE = a.yml:docker-compose.scale.yml\n"),
        ("#COMPOSE_FILE=a.yml\n", "#COMPOSE_FILE=a.yml\nCOMPOSE_FILE=p.yml:docker-compose.scale.yml\n"),
    ],
)
def test_compose_file(before, after):
    assert _scale_file.environment(before, ["p.yml"]) == after
    assert _scale_file.environment(after, ["p.yml"]) == after


def test_refuses_none_at_all(directory):
    with pytest.raises(Refusal, match="replicas=0 is below 1"):
        keep(directory, replicas=0)


def test_refuses_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(Refusal, match="does not exist on this host; correct smartsports_project_dir"):
        keep(tmp_path / "gone")
