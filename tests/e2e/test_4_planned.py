"""An incident in the middle of a planned event: its recovery ends at how the event had prepared the platform, and the event's at how it was before."""

from __future__ import annotations

from memory import AT_ONCE, RESPOND, differences

from lab import scenario
from lab.scenario import Lab

PLANNED = ["-e", "incident_kind=planned"]


def test_an_incident_in_an_event_goes_back_to_the_event(calm: Lab, proof):
    original = scenario.state(calm)
    scenario.must(scenario.play(calm, "incident", "-e", "action=open", "-e", "kind=planned", "-e", "why=derby"))
    scenario.must(scenario.play(calm, "scale_app", "-e", "replicas=3", *PLANNED))
    scenario.must(scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=120", *PLANNED))
    prepared = scenario.state(calm)

    scenario.must(scenario.play(calm, *RESPOND, "set=app.replicas=4,cache.event_list_ttl=300,queue.purchase.enabled=true"))
    event, incident = scenario.records(calm)[-2:]
    assert (event["kind"], incident["kind"], incident["parent"]) == ("planned", "incident", event["id"])
    assert (event["baseline"]["app.replicas"], incident["baseline"]["app.replicas"]) == (2, 3)
    refused = scenario.play(calm, "tune_cache", "-e", "set=cache.event_list_ttl=240", *PLANNED)
    assert refused.rc != 0 and incident["id"] in refused.failure, refused.output

    scenario.must(scenario.play(calm, "recover", *AT_ONCE))
    after_incident = differences(prepared, scenario.state(calm))
    event, incident = scenario.records(calm)[-2:]
    assert (bool(event["closed"]), bool(incident["closed"])) == (False, True)
    scenario.must(scenario.play(calm, "recover", *AT_ONCE))
    after_event = differences(original, scenario.state(calm))
    assert all(record["closed"] for record in scenario.records(calm))
    proof("incident_in_an_event", {"after_incident": after_incident, "after_event": after_event})
    assert (after_incident, after_event) == ([], [])
