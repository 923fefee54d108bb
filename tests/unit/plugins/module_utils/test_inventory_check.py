# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A platform that fits its inventory, and each way in which it does not: a line with its fix, and none that hides another."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _inventory_app,
    _inventory_compose,
    _inventory_parts,
    _scale_file,
    inventory_check,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed, NotOffered
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._observation import Observation
from ansible_collections.smartsports.scaling.plugins.module_utils._probe import Probes
from ansible_collections.smartsports.scaling.plugins.module_utils._prometheus import Unavailable
from ansible_collections.smartsports.scaling.plugins.module_utils._thresholds import METRICS

ROOT = Path(__file__).parents[4]
MIB = 2**20
TOKEN, PASSWORD = "s3cret-Admin-Token", "pgb-Secret"
SERVICES = ("app", "nginx", "pgbouncer", "postgres-primary", "redis-primary")
INI = "/etc/pgbouncer/pgbouncer.ini"


def specification() -> dict:
    found = {}
    for role in ("platform", "app_scale", "load_assessment", "load_balancer"):
        found |= yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    return {name: option for name, option in found.items() if "required" not in option and not re.search("token|password", name)}


class Engine:
    """Containers as the engine lists them, and what is said in them."""

    def __init__(self, directory: Path) -> None:
        self.api = self
        self.memory, self.total, self.says = 192 * MIB, 8 * 1024 * MIB, {}
        self.ini = directory / "pgbouncer.ini"
        self.ini.write_text("[pgbouncer]\n")
        self.containers_ = [
            self.container(service, number) for service in SERVICES for number in range(1, 3 if service == "app" else 2)
        ]
        for each in self.containers_:
            each["Labels"]["com.docker.compose.project.working_dir"] = str(directory)
            each["Labels"]["com.docker.compose.project.config_files"] = f"{directory}/docker-compose.prod.yml"

    @staticmethod
    def container(service, number, project="shop"):
        labels = {"project": project, "service": service, "oneoff": "False", "container-number": str(number)}
        return {
            "Id": f"{service}{number}",
            "Names": [f"/{project}-{service}-{number}"],
            "Labels": {f"com.docker.compose.{name}": value for name, value in labels.items()},
            "State": "running",
            "Status": "Up 1 minute (healthy)",
            "Image": f"x/{service}",
            "Ports": [{"IP": "127.0.0.1", "PublicPort": 8080}] if service == "nginx" else [],
            "NetworkSettings": {"Networks": {"net": {"IPAddress": f"10.0.{SERVICES.index(service)}.{number}"}}},
        }

    def containers(self, filters, **options):
        wanted = [label.partition("=") for label in filters["label"]]
        return [
            each
            for each in self.containers_
            if options["all"] or each["State"] == "running"
            if all(name in each["Labels"] and (not equals or each["Labels"][name] == value) for name, equals, value in wanted)
        ]

    def inspect_container(self, identifier):
        mounts = [{"Destination": INI, "Source": str(self.ini)}]
        state = {"StartedAt": "2026-11-24T00:00:00.123456789Z"}
        return {"Name": f"/{identifier}", "Mounts": mounts, "HostConfig": {"Memory": self.memory}, "State": state}

    def info(self):
        return {"MemTotal": self.total}

    def exec_create(self, container, command, environment=None):
        assert PASSWORD not in str(command)
        return {"Id": (command, environment or {})}

    def exec_start(self, job, demux):
        command, environment = job
        if command[0] == "psql":
            self.code = 0 if environment["PGPASSWORD"] == PASSWORD else 2
            return (f"key,value\nconffile,{INI}\n".encode(), None) if self.code == 0 else (None, b"FATAL:  no such user\n")
        self.code = 0
        answer = {"pg_isready": "/run:5432 - accepting connections", "redis-cli": "PONG"} | self.says
        return answer[command[0]].encode(), None

    def exec_inspect(self, job):
        return {"ExitCode": self.code}


@pytest.fixture
def shop(monkeypatch, tmp_path):
    """A platform and an inventory that fit; a test changes either."""
    (tmp_path / "docker-compose.prod.yml").write_text("")

    class Shop:
        directory = tmp_path
        engine = Engine(tmp_path)
        variables = {
            "smartsports_project": "shop",
            "smartsports_project_dir": str(tmp_path),
            "smartsports_contacts": [{"name": "Ines"}],
        }
        options = {}
        config = {"name": "shop", "services": {name: {"image": f"x/lab-{name}"} for name in SERVICES}}
        compose = {"version": (0, "2.26.1", ""), "config": None}  # return code, output, complaint
        open_ports = {3000}
        answers = {
            "/health": (200, "ok"),
            "/internal/metrics": (200, "".join(f"# TYPE {name} gauge\n{name} 1\n" for name in METRICS.values())),
        }
        admin = {}
        routes = {"before": {"upstream app": [], "loaded by nginx": True}, "after": {"upstream app": []}}
        upstreams = "upstream app { server app:3000; }\nupstream other { server x; }"
        probes = Probes(1, (), 0.1, 0)
        known = set(METRICS.values())
        instances = {"10.0.0.1", "shop-app-2"}

        def check(self, **options):
            """what -> the line of each finding."""
            result = run(self, **options)
            return {each["what"]: f"{each['says']} | {each['has']} | {each['fix']}" for each in result["mismatches"]}

    here = Shop()
    here.config = json.loads(json.dumps(Shop.config))
    here.config["services"]["app"]["ports"] = [{"target": 3000}]

    def command(arguments, directory=None):
        code, output, complaint = here.compose[arguments[0] if arguments[0] == "version" else "config"] or (
            0,
            json.dumps(here.config),
            "",
        )
        return subprocess.CompletedProcess([], code, output, complaint)

    def connect(address, number):
        if number not in here.open_ports:
            raise ConnectionRefusedError(111, "Connection refused")

    def get(seen, replica, path):
        status, text = here.answers.get(path, (404, ""))
        return SimpleNamespace(status_code=status, text=text)

    class Http:
        def __init__(self, params):
            assert params["token"] == TOKEN

        def get(self, url):
            answer = here.admin.get(url.rpartition("/")[2], here.admin.get("all", {"settings": {}, "version": 1}))
            if isinstance(answer, Exception):
                raise answer
            return answer

    def preview(**options):
        if options["name"] != ["app"]:
            raise Refusal(
                f"0 files of the nginx configuration in shop-nginx define 'upstream {options['name'][0]}'; set smartsports_nginx_upstreams."
            )
        return {"files": [str(tmp_path / "docker-compose.prod.yml")], "diff": here.routes}

    def observe(*arguments):
        return Observation("prometheus", "1 min", 60, instances=here.instances)

    def known(url, timeout):
        if isinstance(here.known, Exception):
            raise here.known  # pylint: disable=raising-non-exception
        return here.known

    monkeypatch.setattr(inventory_check, "connect", lambda timeout: here.engine)
    monkeypatch.setattr(_inventory_compose, "command", command)
    monkeypatch.setattr(_inventory_app, "_connect", connect)
    monkeypatch.setattr(_inventory_app, "_get", get)
    monkeypatch.setattr(_inventory_app, "Http", Http)
    monkeypatch.setattr(inventory_check.upstream, "preview", preview)
    monkeypatch.setattr(
        inventory_check,
        "Nginx",
        lambda client, container: SimpleNamespace(name="shop-nginx", look=lambda: ({"f": here.upstreams}, [])),
    )
    monkeypatch.setattr(_inventory_parts._probe, "probe", lambda *arguments: here.probes)
    monkeypatch.setattr(_inventory_parts._prometheus, "known", known)
    monkeypatch.setattr(_inventory_parts._prometheus, "observe", observe)
    return here


def run(shop, **options):
    given = {
        "variables": shop.variables,
        "specification": specification(),
        "token": TOKEN,
        "pgbouncer_admin_password": PASSWORD,
        "schema": yaml.safe_load((ROOT / "profiles/schema.yml").read_text()),
        "profiles": yaml.safe_load((ROOT / "profiles/profiles.yml").read_text())["profiles"],
        "playbooks": "pb",
        **shop.options,
        **options,
    }
    checked = ArgumentSpecValidator(inventory_check.SPEC["argument_spec"]).validate(given)
    assert not checked.error_messages
    result = inventory_check.run(checked.validated_parameters, False, silent)
    assert TOKEN not in str(result) and PASSWORD not in str(result)
    json.dumps(result)
    assert not result["changed"]
    return result


def test_it_fits(shop):
    result = run(shop)
    assert (result["mismatches"], result["remarks"], result["not_checked"]) == ([], [], [])
    assert result["report"]["status"] == "good"


def no_container(shop, service):
    shop.engine.containers_ = [each for each in shop.engine.containers_ if each["Names"][0].split("-")[1] != service]


# what of the world is changed -> the row it earns, and what its says, has and fix must tell
WRONG = {
    "a value of another type": (
        lambda s: s.variables.update(smartsports_app_port="abc"),
        "smartsports_app_port",
        "must be of type int",
    ),
    "a value that is no choice": (
        lambda s: s.variables.update(smartsports_admin_scheme="ftp"),
        "smartsports_admin_scheme",
        "one of http, https",
    ),
    "what role platform refuses": (
        lambda s: s.options.update(problems=["smartsports_entry is not a variable; correct its name."]),
        "smartsports_entry",
        "correct its name",
    ),
    "a field that no profile has": (
        lambda s: s.variables.update(smartsports_profile_overrides={"high": {"app.replica": 3}}),
        "smartsports_profile_overrides.high",
        "did you mean app.replicas",
    ),
    "a field's value": (
        lambda s: s.variables.update(smartsports_profile_overrides={"high": {"app.replicas": "seven"}}),
        "smartsports_profile_overrides.high",
        "app.replicas: seven .* a whole number from 1 to 100",
    ),
    "an unknown profile": (
        lambda s: s.variables.update(smartsports_profile_overrides={"hgh": {}}),
        "smartsports_profile_overrides.hgh",
        "use one of normal",
    ),
    "fields that are none": (
        lambda s: s.variables.update(smartsports_profile_overrides={"high": 3}),
        "smartsports_profile_overrides.high",
        "corrected by its fields",
    ),
    "a threshold": (
        lambda s: s.variables.update(load_assessment_thresholds={"severity": {"cpu": {"P1": "x"}}}),
        "load_assessment_thresholds",
        "must be a number",
    ),
    "a contact without a name": (
        lambda s: s.variables.update(smartsports_contacts=[{"phone": "1"}]),
        "smartsports_contacts",
        "has a name",
    ),
    "fewer replicas than a profile wants": (
        lambda s: s.variables.update(app_scale_maximum=7),
        "app_scale_maximum",
        "overload wants 10 .* raise it to 10",
    ),
    "an old plugin": (lambda s: s.compose.update(version=(0, "2.20.2", "")), "Compose plugin", "2.24 or newer .* 2.20.2"),
    "no plugin": (
        lambda s: s.compose.update(version=(1, "", "'compose' is not a docker command")),
        "Compose plugin",
        "is not a docker command",
    ),
    "a compose error": (
        lambda s: s.compose.update(config=(15, "", "level=warning msg=x\nservices.app.ports must be a list\n")),
        "docker compose config",
        "services.app.ports must be a list .* correct docker-compose.prod.yml",
    ),
    "no directory": (
        lambda s: s.variables.update(smartsports_project_dir="/nowhere"),
        "smartsports_project_dir",
        "no such directory; .* set it to ",
    ),
    "another directory": (
        lambda s: s.variables.update(smartsports_project_dir=str(other_directory(s))),
        "smartsports_project_dir",
        "the containers were started in",
    ),
    "a file that is not there": (
        lambda s: s.variables.update(smartsports_compose_files=["docker-compose.yml"]),
        "smartsports_compose_files",
        "list docker-compose.prod.yml",
    ),
    "other files": (
        lambda s: started_with(s, "docker-compose.prod.yml,tls.yml"),
        "smartsports_compose_files",
        "list docker-compose.prod.yml, tls.yml",
    ),
    "another project": (lambda s: s.variables.update(smartsports_project="shopp"), "smartsports_project", "did you mean shop"),
    "a service of another name": (
        lambda s: s.variables.update(smartsports_app_service="apps"),
        "smartsports_app_service",
        "did you mean app",
    ),
    "a service known by its image": (
        lambda s: s.variables.update(smartsports_nginx_service="web"),
        "smartsports_nginx_service",
        "did you mean nginx",
    ),
    "a service that does not run": (
        lambda s: no_container(s, "redis"),
        "smartsports_redis_service",
        "docker compose up -d redis-primary",
    ),
    "two where one is looked after": (
        lambda s: s.engine.containers_.append(Engine.container("nginx", 2)),
        "smartsports_nginx_service",
        "2 containers of it run",
    ),
    "another port": (
        lambda s: s.variables.update(smartsports_app_port=3001),
        "smartsports_app_port",
        "nothing listens there .* did you mean 3000",
    ),
    "another health path": (
        lambda s: s.variables.update(smartsports_app_health_path="/x"),
        "smartsports_app_health_path",
        "answers 404",
    ),
    "another metrics path": (
        lambda s: s.variables.update(smartsports_app_metrics_path="/x"),
        "smartsports_app_metrics_path",
        "answers 404",
    ),
    "a metrics path without metrics": (
        lambda s: s.answers.update({"/internal/metrics": (200, "<html>")}),
        "smartsports_app_metrics_path",
        "and no metrics",
    ),
    "another metric's name": (
        lambda s: s.variables.update(load_assessment_metrics={"requests": "smartsports_requests_total"}),
        "load_assessment_metrics.requests",
        "to smartsports_http_requests_total",
    ),
    "a wrong token": (
        lambda s: s.admin.update(
            all=Refusal("http://10.0.0.1:3000/admin/rate-limits refused the admin token (403); set smartsports_admin_token.")
        ),
        "admin API",
        "refused the admin token .* set smartsports_admin_token",
    ),
    "no admin API": (lambda s: s.admin.update(all=NotOffered("404")), "admin API", "does not offer any resource"),
    "an admin API that fails": (
        lambda s: s.admin.update(all=Failed("internal error (500)")),
        "admin API",
        "internal error .* docker logs shop-app-1",
    ),
    "another application": (lambda s: s.admin.update(all={"hello": 1}), "admin API", "answers without settings"),
    "a host that is too small": (
        lambda s: setattr(s.engine, "total", 1024 * MIB),
        "replicas of profiles",
        "1.9 GiB, more than .* lower it to 5",
    ),
    "an upstream of another name": (
        lambda s: s.variables.update(smartsports_nginx_upstreams="web"),
        "smartsports_nginx_upstreams",
        "web | shop-nginx has upstream app, upstream other",
    ),
    "an entry that refuses": (
        lambda s: setattr(s, "probes", Probes(1, ("refused or broke the connection",), None, 0)),
        "smartsports_entry_url",
        "refused .* published at 127.0.0.1:8080",
    ),
    "an entry that hangs": (
        lambda s: setattr(s, "probes", Probes(1, (), 1.5, 1)),
        "smartsports_entry_url",
        "no answer within 3 s",
    ),
    "no Prometheus": (
        lambda s: setattr(s, "known", Unavailable("refuses connections")),
        "smartsports_prometheus_url",
        "refuses connections",
    ),
    "a metric that Prometheus does not know": (
        lambda s: setattr(s, "known", set(METRICS.values()) - {METRICS["cpu"]}),
        "load_assessment_metrics.cpu",
        "not among what Prometheus knows",
    ),
    "a replica that is not scraped": (
        lambda s: setattr(s, "instances", {"10.0.0.1"}),
        "Prometheus",
        "no fresh sample of shop-app-2",
    ),
    "a wrong password": (
        lambda s: s.options.update(pgbouncer_admin_password="wrong"),
        "PgBouncer",
        "no such user.* smartsports_pgbouncer_admin_password",
    ),
    "no pgbouncer.ini": (lambda s: s.engine.ini.unlink(), "pgbouncer.ini", "cannot be read and written"),
    "PostgreSQL that starts": (
        lambda s: s.engine.says.update(pg_isready="rejecting connections"),
        "smartsports_postgres_service",
        "rejecting",
    ),
    "a wrong password of Redis": (
        lambda s: (
            s.engine.says.update({"redis-cli": "NOAUTH Authentication required."}),
            s.options.update(redis_password="wrong"),
        ),
        "smartsports_redis_password",
        "Redis refuses it",
    ),
    "an entry that redirects": (
        lambda s: setattr(s, "probes", replace(s.probes, redirected="https://shop.example/")),
        "smartsports_entry_url",
        "redirected: https://shop.example/",
    ),
    "Redis that loads": (lambda s: s.engine.says.update({"redis-cli": "LOADING"}), "smartsports_redis_service", "LOADING"),
}


def other_directory(shop):
    other = shop.directory / "other"
    other.mkdir()
    (other / "docker-compose.prod.yml").write_text("")
    return other


def started_with(shop, names):
    for each in shop.engine.containers_:
        files = ",".join(f"{shop.directory}/{name}" for name in names.split(","))
        each["Labels"]["com.docker.compose.project.config_files"] = files


@pytest.mark.parametrize("name", WRONG)
def test_a_mismatch_has_a_line_with_its_fix(shop, name):
    change, what, says = WRONG[name]
    change(shop)
    found = shop.check()
    assert re.search(says, found[what]), found
    # Replicas that were started elsewhere were started with other files, too.
    assert set(found) == {what} | ({"smartsports_compose_files"} if name == "another directory" else set()), found


def test_none_hides_another(shop):
    shop.variables |= {"smartsports_app_port": "abc", "smartsports_redis_service": "rediz", "smartsports_nginx_upstreams": "web"}
    shop.known = Unavailable("refuses connections")
    shop.options = {"pgbouncer_admin_password": "wrong"}
    found = shop.check()
    assert set(found) == {"smartsports_app_port", "smartsports_redis_service", "smartsports_prometheus_url", "PgBouncer"}
    assert "did you mean redis-primary" in found["smartsports_redis_service"]


@pytest.mark.parametrize(
    ("name", "value"), [("smartsports_project_dir", "here"), ("smartsports_entry_url", "shop"), ("smartsports_compose_files", [])]
)
def test_what_is_wrong_has_one_line(shop, name, value):
    shop.variables[name] = value
    shop.options["problems"] = [f"{name} is '{value}', but must be another; set it in the inventory."]
    shop.probes = Probes(1, ("has a URL that cannot be used",), None, 0)
    result = run(shop)
    assert [each["what"] for each in result["mismatches"] if each["what"] == name] == [name]


def test_no_engine(shop, monkeypatch):
    def refuse(timeout):
        raise Refusal("no Docker engine answers on this host; start it.")

    monkeypatch.setattr(inventory_check, "connect", refuse)
    shop.variables["smartsports_app_service"] = "apps"
    result = run(shop)
    assert {each["what"] for each in result["mismatches"]} == {"Docker engine", "smartsports_app_service"}
    assert "nginx" in result["not_checked"]


def test_no_docker_command(shop, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(shop.directory))
    with pytest.raises(Refusal, match=r"docker is not found .* install"):
        _inventory_compose.command(["version"])


def warnings(shop):
    result = run(shop)
    assert result["mismatches"] == []
    return {each["what"]: f"{each['has']} | {each['fix']}" for each in result["remarks"]}


def test_what_no_playbook_fails_for_is_a_warning(shop):
    shop.variables["smartsports_contacts"] = []
    shop.options["pgbouncer_admin_password"] = ""
    shop.config["name"] = "directory"
    shop.compose["config"] = (0, json.dumps(shop.config), 'level=warning msg="The \\"SECRET\\" variable is not set."')
    shop.engine.total = 3000 * MIB
    shop.engine.says["redis-cli"] = "NOAUTH Authentication required."
    found = warnings(shop)
    assert set(found) == {
        "smartsports_contacts",
        "smartsports_redis_password",
        "smartsports_pgbouncer_admin_password",
        "smartsports_project",
        "Compose files",
        "app_scale_maximum",
    }
    assert "they use SECRET" in found["Compose files"]


def test_drift_is_a_warning_with_its_command(shop):
    _scale_file.store(shop.directory, ["docker-compose.prod.yml"], _scale_file.text("app", 5, []))
    shop.routes = {
        "before": {"upstream app": ["10.0.0.9:3000"], "loaded by nginx": True},
        "after": {"upstream app": ["10.0.0.1:3000 (shop-app-1)"], "loaded by nginx": True},
    }
    found = warnings(shop)
    assert found["replicas"] == (
        "2 running, made from docker-compose.prod.yml alone, as by docker compose -f | pb/scale_app.yml -e replicas=5"
    )
    assert "10.0.0.9:3000 is no replica's" in found["nginx upstream app"]
    assert found["nginx upstream app"].endswith("pb/scale_app.yml -e replicas=5")


def test_a_shell_that_overrules_the_deployment(shop, monkeypatch):
    (shop.directory / ".env").write_text("ADMIN_TOKEN=one\n")
    monkeypatch.setenv("ADMIN_TOKEN", "two")
    assert "unset ADMIN_TOKEN" in shop.check()[".env"]


def test_what_hangs_is_a_warning_and_costs_no_more_than_the_deadline(shop, monkeypatch):
    monkeypatch.setattr(inventory_check, "_CHECKS", 0.3)
    monkeypatch.setattr(_inventory_parts._probe, "probe", lambda *arguments: time.sleep(30))
    began = time.monotonic()
    assert "not known: no answer within 0.3 s" in warnings(shop)["entry"]
    assert time.monotonic() - began < 3


def test_a_defect_is_not_a_mismatch(shop, monkeypatch):
    def broken(*arguments):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(_inventory_parts._prometheus, "known", broken)
    with pytest.raises(KeyError):
        run(shop)


def test_the_result_has_no_key_that_means_something_to_ansible(shop):
    assert not set(run(shop)) & {"warnings", "skipped", "failed", "unreachable", "msg", "rc", "exception", "deprecations"}
