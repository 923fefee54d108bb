"""A response and a recovery that are killed at any of their steps are finished by running them again, and nothing is forgotten."""

from __future__ import annotations

import time
from itertools import zip_longest

from kills import Moment, kill, moments
from memory import AT_ONCE, holder, journal, unended
from sizes import FULL

from lab import scenario
from lab.scenario import Lab

RESPOND = ["respond", "-e", "set=app.replicas=3,cache.event_list_ttl=240,flags.social_features=false"]
RECOVER = ["recover", *AT_ONCE]


def test_what_is_killed_at_any_step_is_finished_by_running_it_again(calm: Lab, tmp_path, proof):
    """Each response is killed and run again, and then its recovery: so both always start from where a complete one would."""
    began, log = time.monotonic(), tmp_path / "log"
    responding = moments(calm, log, *RESPOND)
    baseline = scenario.records(calm)[-1]["baseline"]
    recovering = moments(calm, log, *RECOVER)
    before = scenario.state(calm)  # a new lab's files are Compose's and nginx's own until somebody scales
    told = {"respond": [moment.name for moment in responding], "recover": [moment.name for moment in recovering]}
    done = {"killed": 0, "taken_over": 0}

    for respond, recover, worker in cycles(responding, recovering):
        print(f"{time.monotonic() - began:.0f} s: worker {worker}: respond {respond}; recover {recover}")
        kill(calm, log, respond, worker, *RESPOND)
        again(calm, done, *RESPOND)
        assert len(scenario.containers(calm)) == 3
        settings = scenario.admin_settings(calm)
        assert (settings["cache-config"]["event_list_ttl"], settings["feature-flags"]["social_features"]) == (240, False)
        record = scenario.records(calm)[-1]
        assert record["baseline"] == baseline

        kill(calm, log, recover, worker, *RECOVER)
        again(calm, done, *RECOVER)
        assert scenario.state(calm) == before
        record = scenario.records(calm)[-1]
        assert record["closed"] and record["baseline"] == baseline
        assert unended(journal(calm, record)) == []
        assert holder(calm) is None, "nobody is left who has the platform"
    proof("killed_at_each_step", {**told, **done, "seconds": round(time.monotonic() - began)})


def cycles(responding: list[Moment], recovering: list[Moment]) -> list[tuple[Moment, Moment, str]]:
    """What a run is killed with: `make test` takes steps of seconds. After a step nothing works for it, so that it makes no difference then."""
    if not FULL:
        return [(named(responding, "during app_wait"), named(recovering, "during app_retire"), "left running")]
    whole = paired(responding, recovering)
    working = paired(*([each for each in found if not each.name.startswith("after")] for found in (responding, recovering)))
    return [(*pair, "left running") for pair in whole] + [(*pair, "killed too") for pair in working]


def paired(responding: list[Moment], recovering: list[Moment]) -> list[tuple[Moment, Moment]]:
    """Each of both; the last of the shorter one goes with what is left of the other."""
    pairs = zip_longest(responding, recovering)
    return [(respond or responding[-1], recover or recovering[-1]) for respond, recover in pairs]


def named(found: list[Moment], name: str) -> Moment:
    return next(each for each in found if each.name == name)


def again(lab: Lab, done: dict, playbook: str, *arguments: str) -> None:
    """Run what was killed once more, and count."""
    played = scenario.must(scenario.play(lab, playbook, *arguments))
    done["killed"] += 1
    done["taken_over"] += f"taken over from {playbook}.yml" in played.output
