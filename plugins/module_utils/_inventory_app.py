# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of an inventory against the application: port, health, metrics, admin API, and whether the host holds its replicas."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

from ansible_collections.smartsports.scaling.plugins.module_utils import _exposition, _limits, _scale_file
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import RESOURCES
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed, Http, NotOffered
from ansible_collections.smartsports.scaling.plugins.module_utils._docker import Container
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory import Finding, Seen, Skip, closest, of_refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._inventory_values import corrected, wanted_replicas
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather

try:
    import requests
except ImportError:  # docker needs it too: connect() says so
    requests = None

TIMEOUT = 1.0  # seconds for one answer: the contract's for admin and health
# What the assessment reads: without the first nothing can be judged; the others it does without, or asks for directly.
OF_APP = ("cpu", "memory", "requests", "latency")
MAY_LACK = ("queries", "app_pool_used")
OF_EXPORTERS = ("entry_latency", "pool_used", "pool_size", "redis_used", "redis_maximum")


def port(seen: Seen) -> Iterator[Finding]:
    """Something listens, on every replica."""
    number = seen["smartsports_app_port"]
    replicas = seen.running("smartsports_app_service")
    answers = gather({each.name: lambda each=each: _connect(seen.address(each), number) for each in replicas}, TIMEOUT)
    deaf = [name for name, answer in answers.items() if isinstance(answer, Exception)]
    if deaf:
        targets = _listening_ports(seen)
        fix = f"did you mean {targets[0]}?" if targets and number not in targets else f"see docker logs {deaf[0]}"
        names = ", ".join(deaf[:3]) + (f" and {len(deaf) - 3} more" if deaf[3:] else "")
        yield Finding("smartsports_app_port", number, f"nothing listens there in {names}", fix)


def health(seen: Seen) -> Iterator[Finding]:
    path = seen["smartsports_app_health_path"]
    answer = _get(seen, _open_replica(seen), path)
    if answer.status_code != 200:
        yield Finding(
            "smartsports_app_health_path",
            path,
            f"answers {answer.status_code}",
            "give the path that answers 200 while the app is well",
        )


def metrics(seen: Seen) -> Iterator[Finding]:
    path = seen["smartsports_app_metrics_path"]
    answer = _get(seen, _open_replica(seen), path)
    scrape = _exposition.parse(answer.text, time.monotonic())
    if answer.status_code != 200 or not scrape.samples:
        has = f"answers {answer.status_code}" + ("" if answer.status_code != 200 else ", and no metrics")
        yield Finding("smartsports_app_metrics_path", path, has, "give the path that serves the application's metrics")
        return
    known = {*scrape.families, *scrape.samples}
    names = corrected(seen, "load_assessment_metrics")
    yield from lacking(names, known, f"{path} serves")


def lacking(names: dict[str, str], known: set[str], where: str, *others: str) -> Iterator[Finding]:
    """The metrics that the assessment reads, of the application and for the purposes `others`, and that `known` has not."""
    for purpose in (*OF_APP, *MAY_LACK, *others):
        name = names[purpose]
        if name not in known and f"{name}_bucket" not in known:
            like = closest(name, known)
            fix = f"set load_assessment_metrics.{purpose}" + (f" to {like}" if like else "") + ", or have it exported"
            yield Finding(
                f"load_assessment_metrics.{purpose}", name, f"not among what {where}", fix, warning=purpose not in OF_APP
            )


def admin(seen: Seen) -> Iterator[Finding]:
    """The API takes the token, and offers what the playbooks set."""
    if not seen.token.strip():
        raise Skip("no token")  # role platform says so
    replica = _open_replica(seen)
    http = Http(admin_options(seen))
    base = f"{seen['smartsports_admin_scheme']}://{seen.address(replica)}:{seen['smartsports_app_port']}/admin/"
    answers = gather({name: lambda name=name: http.get(base + name) for name in RESOURCES}, 2 * TIMEOUT)
    refusals = [answer for answer in answers.values() if isinstance(answer, Refusal)]
    missing = [name for name, answer in answers.items() if isinstance(answer, NotOffered)]
    failed = [(name, answer) for name, answer in answers.items() if isinstance(answer, (Failed, TimeoutError))]
    if refusals:
        yield of_refusal("admin API", refusals[0])
    elif missing:
        all_missing = len(missing) == len(RESOURCES)
        has = f"{replica.name} does not offer {'any resource' if all_missing else ', '.join(missing)}"
        fix = "correct smartsports_app_port, or deploy a release with the admin API"
        yield Finding("admin API", "/admin", has, fix, warning=not all_missing)
    elif failed:
        name, problem = failed[0]
        yield Finding(
            "admin API",
            f"/admin/{name}",
            f"{replica.name}: {problem}",
            f"see docker logs {replica.name}, or correct smartsports_admin_scheme",
        )
    elif not all(isinstance(answer.get("settings"), dict) for answer in answers.values()):
        yield Finding(
            "admin API",
            "/admin",
            f"{replica.name} answers without settings",
            "check smartsports_app_port, and the application's release",
        )


def admin_options(seen: Seen) -> dict:
    return {
        "token": seen.token,
        "port": seen["smartsports_app_port"],
        "timeout": min(TIMEOUT, seen["smartsports_admin_timeout"]),
        "deadline": seen["smartsports_admin_deadline"],
        "validate_certs": seen["smartsports_admin_validate_certs"],
        "ca_path": seen["smartsports_admin_ca_path"],
        "server_name": seen["smartsports_admin_server_name"],
    }


def capacity(seen: Seen) -> Iterator[Finding]:
    """The host's memory holds the replicas of the strongest profile; and as many as scaling would accept."""
    newest = seen.running("smartsports_app_service")[-1]
    limit = _limits.size(_scale_file.limits(seen.directory).get("memory"))
    limit = limit or seen.client.api.inspect_container(newest.id)["HostConfig"].get("Memory")
    if not limit:
        yield Finding(
            "memory",
            "",
            f"{newest.name} has no limit",
            "set one (playbooks/resize_app.yml needs it): a leak would take the host",
            True,
        )
        return
    total = seen.client.api.info()["MemTotal"]
    strongest = max(wanted_replicas(seen).values(), default=0)
    for what, count in (("replicas of profiles", strongest), ("app_scale_maximum", seen["app_scale_maximum"])):
        try:
            _limits.refuse_beyond_host(count, limit, total, f"lower it to {total // limit}, or the limit of each")
        except Refusal as refusal:
            yield of_refusal(what, refusal, count, warning=what == "app_scale_maximum")
            return


def _open_replica(seen: Seen) -> Container:
    """The first replica that listens: a port that is closed on all has a line of its own."""
    for replica in seen.running("smartsports_app_service"):
        try:
            _connect(seen.address(replica), seen["smartsports_app_port"])
            return replica
        except OSError:
            continue
    raise Skip("no replica listens")


def _connect(address: str, number: int) -> None:
    try:
        socket.create_connection((address, number), TIMEOUT / 2).close()
    except OverflowError as error:  # a port beyond 65535
        raise OSError(str(error)) from error


def _get(seen: Seen, replica: Container, path: str):
    """TLS is proven by the admin API's check; here the path counts."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = False
        requests.packages.urllib3.disable_warnings()
        url = f"{seen['smartsports_admin_scheme']}://{seen.address(replica)}:{seen['smartsports_app_port']}{path}"
        try:
            return session.get(url, timeout=TIMEOUT, allow_redirects=False)
        except requests.exceptions.SSLError as error:
            raise Skip("TLS") from error


def _listening_ports(seen: Seen) -> list[int]:
    """The container ports that the Compose files tell of."""
    part = (seen.compose if isinstance(seen.compose, dict) else {}).get("services", {}).get(seen["smartsports_app_service"], {})
    told = [str(each["target"]) for each in part.get("ports") or []] + [str(each) for each in part.get("expose") or []]
    told.append(str((part.get("environment") or {}).get("PORT") or ""))
    return [int(number) for number in told if re.fullmatch(r"\d+", number)]


CHECKS = {"app port": port, "app health": health, "app metrics": metrics, "admin API": admin, "capacity": capacity}
