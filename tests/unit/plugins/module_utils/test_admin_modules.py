# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules of the admin API against real HTTP: every way to succeed, and every way to fail in one sentence."""

from __future__ import annotations

import ssl
import subprocess
import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    admin_info,
    cache_config,
    database_config,
    feature_flags,
    payment_queue,
    performance_mode,
    queue_config,
    queue_status,
    rate_limits,
    redis_config,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

LIMITS = {"search_endpoints": {"requests_per_minute": 30}, "non_essential_endpoints": {"enabled": False}}
ERROR = {"error": "x", "message": "The store\nis down."}


def shed(platform, check_mode=False, say=silent, **options):
    return rate_limits.run(platform.params(**{**LIMITS, **options}), check_mode, say)


def refusal(platform, **options) -> Refusal:
    with pytest.raises(Refusal) as caught:
        shed(platform, **options)
    message = str(caught.value)
    assert platform.token not in message
    assert "\n" not in message and message.endswith(".")
    return caught.value


# Convergence


def test_a_difference_is_sent_once_and_every_instance_runs_with_it(platform):
    platform.start(3)
    result = shed(platform)
    assert result["changed"] and result["idempotent"]
    assert result["diff"]["before"] == {
        "search_endpoints": {"requests_per_minute": 600},
        "non_essential_endpoints": {"enabled": True},
    }
    assert result["diff"]["after"] == LIMITS
    assert result["settings"]["analytics_endpoints"] == {"requests_per_minute": 600}
    assert result["version"] == 1
    assert result["instances"] == [instance.name for instance in platform.instances]
    assert platform.sent("POST") == [("POST", "rate-limits", LIMITS)]


def test_without_a_difference_nothing_is_sent(platform):
    platform.start(2)
    shed(platform)
    before = len(platform.sent("POST"))
    result = shed(platform)
    assert not result["changed"]
    assert result["diff"]["before"] == result["diff"]["after"] == LIMITS
    assert len(platform.sent("POST")) == before


def test_check_mode_predicts_the_difference_and_sends_nothing(platform):
    platform.start(2)
    predicted = shed(platform, check_mode=True)
    assert platform.sent("POST") == []
    done = shed(platform)
    assert {key: predicted[key] for key in ("changed", "diff", "settings", "instances")} == {
        key: done[key] for key in ("changed", "diff", "settings", "instances")
    }


def test_only_what_was_asked_is_compared(platform):
    platform.start(1)
    platform.apply("rate-limits", {"analytics_endpoints": {"requests_per_minute": 1}})
    assert shed(platform, search_endpoints={"requests_per_minute": 600}, non_essential_endpoints=None)["changed"] is False


def test_there_is_a_way_back(platform):
    platform.start(2)
    shed(platform)
    assert shed(platform, search_endpoints={"requests_per_minute": 600}, non_essential_endpoints={"enabled": True})["changed"]
    assert platform.instances[1].settings["rate-limits"]["search_endpoints"] == {"requests_per_minute": 600}


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        (queue_config, {"virtual_queue": {"enabled": True, "max_concurrent_users": 5000}}),
        (feature_flags, {"social_features": False}),
        (cache_config, {"event_list_ttl": 300}),
        (payment_queue, {"enabled": True, "retry_failed_payments": True}),
        (database_config, {"read_replicas": ["postgres-replica:5432", "postgres-replica-2:5432"]}),
        (database_config, {"read_replicas": []}),
        (redis_config, {"cluster_mode": True, "nodes": ["redis-primary:6379", "redis-node-2:6379"]}),
        (performance_mode, {"high_performance_mode": True}),
    ],
)
def test_every_module_converges(platform, module, patch):
    platform.start(2)
    assert module.run(platform.params(**patch), False, silent)["diff"]["after"] == patch
    assert module.run(platform.params(**patch), False, silent)["changed"] is False


def test_a_change_is_waited_for_on_every_instance(platform):
    platform.start(2)
    slow = platform.instances[1]
    slow.lagging = True
    heard = []

    def say(text):
        heard.append(text)
        slow.lagging = False
        platform.apply("rate-limits", LIMITS)

    assert shed(platform, say=say)["changed"]
    assert heard == ["waiting until all instances run with the rate-limits: smartsports-app-2"]


def test_an_instance_that_lags_is_named(platform):
    platform.start(2)
    platform.instances[1].lagging = True
    refused = refusal(platform, deadline=0.3)
    assert "1 of 2 instances do not run with the rate-limits asked for after 0.3 s" in str(refused)
    assert "smartsports-app-2: search_endpoints.requests_per_minute is 600, not 30" in str(refused)
    assert refused.details["changed"] is True


def test_an_instance_that_hangs_is_named_though_the_others_have_it(platform):
    platform.start(2)
    platform.instances[0].always = ("GET", "hang")
    assert "smartsports-app-1: no answer within 0.4 s" in str(refusal(platform, deadline=0.5))
    assert platform.instances[1].settings["rate-limits"]["search_endpoints"] == {"requests_per_minute": 30}


def test_somebody_else_who_changes_the_same_is_named_as_such(platform):
    platform.start(2)
    platform.instances[1].lagging = True

    def say(text):
        platform.apply("rate-limits", {"search_endpoints": {"requests_per_minute": 90}})

    with pytest.raises(Refusal, match=r"somebody else changed rate-limits .*version 2 after 1.* is 90, not 30"):
        shed(platform, say=say)


# Failing over and trying again


def test_the_next_instance_is_asked(platform):
    platform.start(3)
    platform.instances[0].answers = [("GET", "drop"), ("POST", "drop")]
    assert shed(platform)["changed"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_may_be_better_later_is_asked_for_again(platform, method, status):
    platform.start(1)
    platform.instances[0].answers = [(method, status, {}, ERROR)]
    assert shed(platform)["changed"]
    assert len(platform.sent("POST")) == (2 if method == "POST" else 1)


def test_retry_after_is_honoured(platform):
    platform.start(2)
    platform.instances[0].answers = [("POST", 429, {"Retry-After": "1"}, ERROR)]
    began = time.monotonic()
    assert shed(platform)["changed"]
    assert time.monotonic() - began >= 1
    assert platform.instances[1].requests.count(("POST", "rate-limits", LIMITS)) == 0


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", 429, {"Retry-After": "120"}, ERROR)
    began = time.monotonic()
    assert "429: The store is down)), and the deadline leaves no time to wait 120 s" in str(refusal(platform))
    assert time.monotonic() - began < 1


def test_after_an_unclear_post_the_settings_are_read_before_anything_is_sent_again(platform):
    platform.start(2)
    platform.instances[0].answers = [("POST", "apply and drop")]
    assert shed(platform)["changed"]
    assert len(platform.sent("POST")) == 1


def test_an_internal_error_is_not_tried_again(platform):
    platform.start(1)
    platform.instances[0].always = ("POST", 500, {}, {"error": "x", "message": "A bug."})
    assert "internal error (500: A bug)" in str(refusal(platform))
    assert len(platform.sent("POST")) == 1


def test_what_never_gets_better_ends(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", 503, {}, ERROR)
    assert "rate-limits: no instance answers (smartsports-app-1: temporarily unavailable (503: The store is down))" in str(
        refusal(platform)
    )
    assert len(platform.sent("GET")) == 4


# One sentence for each thing an operator has to correct


def test_nothing_listens(platform):
    platform.start(2)
    free = platform.instances.pop()
    free.stop()
    platform.instances[0].stop()
    assert "smartsports-app-1: no answer ([Errno 111] Connection refused)" in str(refusal(platform))


def test_nothing_answers_in_time(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", "hang")
    assert "no answer within 0.1 s" in str(refusal(platform, timeout=0.1))


def test_nothing_runs(platform):
    said = str(refusal(platform))
    assert said.startswith("no container of the service 'app' of the Compose project 'smartsports' runs; start it")


def test_a_wrong_token(platform):
    platform.start(2)
    assert "refused the admin token (403" in str(refusal(platform, token="wrong"))


def test_a_token_that_the_server_repeats_is_not_shown(platform):
    platform.start(1)
    platform.token = "another"
    with pytest.raises(Refusal) as caught:
        shed(platform)
    assert "s3cret" not in str(caught.value)
    assert "********" in str(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "café"])
def test_a_token_that_is_none(platform, token):
    platform.start(1)
    assert "the admin token is empty or has a character" in str(refusal(platform, token=token))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((401, {}, ERROR), "saw no admin token (401: The store is down); set smartsports_admin_token"),
        (
            (422, {}, {"error": "invalid", "message": "search is unknown."}),
            "refused the settings (422: search is unknown); correct them",
        ),
        ((302, {"Location": "https://evil.example/"}, b""), "redirects elsewhere (302), where the token is not sent"),
        ((400, {}, b"what?"), "answered 400, which is not in the admin API's contract"),
        ((200, {}, b"<html>"), "answered 200 with something that is not a JSON object"),
        ((200, {}, {"ok": True}), "answered without 'settings' and 'version'"),
    ],
)
def test_an_answer_that_needs_a_correction(platform, answer, sentence):
    platform.start(1)
    platform.instances[0].always = ("GET", *answer)
    assert sentence in str(refusal(platform))
    assert len(platform.sent("GET")) == 1


def test_a_post_that_is_refused_says_why(platform):
    platform.start(1)
    platform.instances[0].always = ("POST", 422, {}, {"error": "invalid", "message": "too low."})
    assert "refused the settings (422: too low); correct them and run again, nothing was changed." in str(refusal(platform))


def test_tls_is_spoken_to_something_that_does_not(platform):
    platform.start(1)
    assert "does not prove its identity" in str(refusal(platform, scheme="https"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ca_path": "/nowhere/ca.pem"}, "smartsports_admin_ca_path '/nowhere/ca.pem' does not exist"),
        ({"ca_path": "/dev/null", "scheme": "https"}, "smartsports_admin_"),
        ({"timeout": 0.0}, "timeout is 0 s, but must be more than 0"),
        ({"deadline": -1.0}, "deadline is -1 s, but must be more than 0"),
        ({"port": 99999}, "port is 99999, but must be from 1 to 65535"),
        (
            {"search_endpoints": {"requests_per_minute": 0}},
            "search_endpoints.requests_per_minute is '0', but must be a whole number from 1 to 100000",
        ),
        (
            {"search_endpoints": None, "non_essential_endpoints": {"enabled": None}},
            "nothing was asked; set at least one of search_endpoints",
        ),
    ],
)
def test_an_option_that_needs_a_correction(platform, options, sentence):
    platform.start(1)
    assert sentence in str(refusal(platform, **options))
    assert platform.sent("POST") == []


# TLS: verified, by a name where the addresses are not in the certificate


@pytest.fixture
def tls(platform, tmp_path):
    """One instance with a certificate for app.smartsports.rw."""
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subject = ["-subj", "/CN=app", "-addext", "subjectAltName=DNS:app.smartsports.rw"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", certificate]
    subprocess.run([*new, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = platform.start(1)[0].server
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return {"scheme": "https", "ca_path": certificate}


def test_a_certificate_is_verified_by_its_name(platform, tls):
    assert shed(platform, server_name="app.smartsports.rw", **tls)["changed"]


@pytest.mark.parametrize("options", [{}, {"server_name": "another.rw"}, {"server_name": "app.smartsports.rw", "ca_path": None}])
def test_a_certificate_that_does_not_fit_is_refused(platform, tls, options):
    assert "does not prove its identity" in str(refusal(platform, **{**tls, **options}))
    assert platform.sent("GET") == []


def test_verification_can_be_switched_off(platform, tls):
    assert shed(platform, **tls, validate_certs=False)["changed"]


# An application without GET


@pytest.mark.parametrize("status", [404, 405])
def test_without_get_it_says_that_it_is_not_idempotent(platform, status):
    platform.start(2)
    for instance in platform.instances:
        instance.always = ("GET", status, {}, ERROR)
    predicted = shed(platform, check_mode=True)
    assert platform.sent("POST") == []
    first, second = shed(platform), shed(platform)
    assert first == second == predicted
    assert first["changed"] and not first["idempotent"]
    assert "does not offer GET /admin/rate-limits" in first["warnings"][0]
    assert len(platform.sent("POST")) == 2


def test_without_post_either_it_is_refused(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", 404, {}, ERROR)
    platform.instances[0].answers = [("POST", 404, {}, ERROR)]
    assert "the deployed application has no rate-limits" in str(refusal(platform))


# Reading


def test_info_tells_what_the_instances_run_with(platform):
    platform.start(2)
    shed(platform)
    result = admin_info.run(platform.params(resources=["rate-limits", "feature-flags"]), False, silent)
    assert result["settings"]["rate-limits"]["search_endpoints"] == {"requests_per_minute": 30}
    assert result["versions"] == {"rate-limits": 1, "feature-flags": 0}
    assert result["instances"] == ["smartsports-app-1", "smartsports-app-2"]
    assert result["disagreements"] == [] and result["not_answering"] == {} and result["not_offered"] == []


def test_info_tells_where_they_disagree_and_who_is_silent(platform):
    platform.start(3)
    platform.instances[1].lagging = True
    platform.apply("feature-flags", {"social_features": False})
    platform.instances[2].always = ("GET", "drop")
    result = admin_info.run(platform.params(resources=["feature-flags"]), False, silent)
    assert result["disagreements"] == [
        {
            "resource": "feature-flags",
            "member": "social_features",
            "values": {"smartsports-app-1": False, "smartsports-app-2": True},
        }
    ]
    assert list(result["not_answering"]) == ["smartsports-app-3"]
    assert result["settings"]["feature-flags"]["social_features"] is False


def test_info_of_an_application_without_get(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", 404, {}, ERROR)
    result = admin_info.run(platform.params(resources=["redis-config"]), False, silent)
    assert result["settings"] == {} and result["not_offered"] == ["redis-config"]


@pytest.mark.parametrize(("module", "options"), [(admin_info, {"resources": ["feature-flags"]}), (queue_status, {})])
def test_reading_where_nobody_answers(platform, module, options):
    platform.start(1)
    platform.instances[0].always = ("GET", "drop")
    with pytest.raises(Refusal, match="could not be read: no instance answers"):
        module.run(platform.params(**options), False, silent)


def test_queue_status_comes_from_the_first_that_answers(platform):
    platform.start(2)
    platform.instances[0].answers = [("GET", "drop")]
    result = queue_status.run(platform.params(), False, silent)
    assert result == {
        "changed": False,
        "status": {"virtual_queue": {"length": 7}, "instance": "smartsports-app-2"},
        "answered_by": "smartsports-app-2",
    }


def test_queue_status_of_an_application_that_has_none(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", 404, {}, ERROR)
    with pytest.raises(Refusal, match="tells nothing about its queues"):
        queue_status.run(platform.params(), False, silent)


# Secrets and the environment


def test_the_environment_does_not_get_the_token(platform, monkeypatch):
    platform.start(1)
    monkeypatch.setenv("http_proxy", "http://127.0.0.9:1")
    assert shed(platform)["changed"]
