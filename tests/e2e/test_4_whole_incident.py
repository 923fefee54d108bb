"""An incident from its opening to its close while people buy: everything is as before, no request failed, and nobody lost a ticket."""

from __future__ import annotations

import json
import time

import pytest
from memory import MINUTE, differences
from sizes import FULL

from lab import scenario
from lab.load import verify
from lab.scenario import Crowd, Lab

pytestmark = pytest.mark.alone

CALM, RUSH = 5, 25  # visitors a second: so few that a recovery goes on, and as many as two replicas serve
REPLICAS = 10 if FULL else 4
SHORT = ["-e", json.dumps({**MINUTE, "recovery_deadline_minutes": 6})]
COUNTED = ("requests", "failed", "failures", "limited", "queued", "purchases", "p95")


def test_an_incident_under_load_leaves_nothing_behind(calm: Lab, tmp_path, proof):
    before = scenario.state(calm)
    scenario.must(scenario.play(calm, "incident", "-e", "action=open", "-e", "severity=P0"))
    always, rush = tmp_path / "always", tmp_path / "rush"
    with Crowd(calm, always, CALM, 900) as buyers:
        with Crowd(calm, rush, RUSH, 300, seed=2) as more:
            time.sleep(3)  # traffic before and after each: part of what is measured
            responded = scenario.must(
                scenario.play(calm, "respond", "-e", "profile=overload", "-e", f"set=app.replicas={REPLICAS}")
            )
            time.sleep(3)
            rushed = more.end()
        recovered = scenario.must(scenario.play(calm, "recover", *SHORT, timeout=900))
        time.sleep(3)
        bought = buyers.end()
    told = {
        "rates": [CALM, RUSH],
        "replicas": REPLICAS,
        "differences": differences(before, scenario.state(calm)),
        "crowds": [{name: crowd[name] for name in COUNTED} for crowd in (bought, rushed)],
        "purchases": verify.purchases([always, rush], calm.prefix),
        "respond_seconds": round(responded.seconds, 1),
        "recover_seconds": round(recovered.seconds, 1),
    }
    proof("whole_incident", told)
    assert told["differences"] == []
    assert scenario.records(calm)[-1]["closed"]
    assert [crowd["failed"] for crowd in told["crowds"]] == [0, 0], told["crowds"]
    assert told["purchases"]["good"] and told["purchases"]["acknowledged"] > 0
