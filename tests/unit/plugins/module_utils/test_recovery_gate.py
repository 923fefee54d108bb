# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look a call, until the next step of a recovery may be taken."""

from __future__ import annotations

import html
import time
from datetime import UTC, datetime

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import (
    _journal,
    _prometheus,
    _record,
    _runs,
    load_assessment,
    recovery_gate,
)
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent
from ansible_collections.smartsports.scaling.plugins.module_utils._quiet import Condition
from ansible_collections.smartsports.scaling.plugins.module_utils._severity import Reason

CALM, GAP = Condition("cpu", 10.0, 70), Condition("memory", None, 80, 30, "gone")
GIVEN_UP = (
    "replicas 10 -> 6 was not done: not quiet within 1 minutes (missing: memory (gone)); see playbooks/assess.yml, and run the same command "
    "again, which goes on from here."
)
IDENTITY = {"run": "run-1", "who": "alice", "playbook": "recover.yml"}


@pytest.fixture
def record(state, monkeypatch):
    monkeypatch.setattr(_runs, "open_state", lambda directory, make=True: state)
    wanted = {"kind": "incident", "severity": "P0", "who": "alice", "why": "", "source": "person"}
    return _record.join_or_open(state, wanted, {})[0]


@pytest.fixture
def gate(record, monkeypatch):
    def look(met=(CALM,), judged=(), check_mode=False, **options):
        monkeypatch.setattr(recovery_gate, "look", lambda *_parameters: (list(met), list(judged)))
        defaults = {name: option.get("default") for name, option in recovery_gate.SPEC["argument_spec"].items()}
        given = {"state_directory": "x", "identity": IDENTITY, "record": record["id"], "step": "replicas 10 -> 6"}
        waits = {"quiet": 900, "settle": 300, "deadline_seconds": 60}
        defaults["chat"] = {"webhook_url": "", "platform": "", "look": ""}
        return recovery_gate.run({**defaults, **given, **waits, **options}, check_mode, silent)

    return look


def test_low_load_passes_and_the_journal_tells_by_which_evidence(gate, state, record):
    assert gate()["verdict"] == "pass"
    (event,) = _journal.events(state, record["id"])
    assert (event["reason"], event["metrics"], event["actor"]) == ("replicas 10 -> 6: low load", {"cpu": 10.0}, "alice")


def test_a_preview_writes_nothing(gate, state, record):
    gate(check_mode=True)
    assert _journal.events(state, record["id"]) == []


def test_what_is_missing_holds_and_is_named(gate):
    result = gate([CALM, GAP])
    assert result["again"]["pause"] == 15
    heading, columns, row = result["report"]["lines"]
    assert "replicas 10 -> 6 waits for low load for 15 min" in heading[0] and "projected" in columns[0]
    assert "missing: memory (gone)" in row[0] and "30 s" in row[0] and "?" in row[0]
    assert len(gate([CALM, GAP], **result["again"])["report"]["lines"]) == 1


def test_an_override_goes_on_and_is_journalled(gate, state, record):
    assert gate([CALM, GAP], override="exporter is down")["verdict"] == "pass"
    (event,) = _journal.events(state, record["id"])
    assert event["reason"] == "replicas 10 -> 6: went on without memory (gone), because exporter is down"


def test_the_time_since_the_last_change_counts(gate, state, record):
    _journal.note(state, record["id"], event="step-end", result="ok", changed=True, run="run-1")
    assert "time since the last change" in gate()["why"]
    assert gate(settle=0)["verdict"] == "pass"


def test_a_deadline_ends_it(gate):
    with pytest.raises(Refusal, match=r"replicas 10 -> 6 was not done: not quiet within 1 minutes \(missing: memory"):
        gate([GAP], began=time.time() - 61, known=0)


@pytest.mark.parametrize("quiet", [{"check_mode": True}, {"lapsed": True}, {}])
def test_people_are_told_once_that_it_has_given_up(gate, state, record, chat, quiet):
    if "lapsed" in quiet:
        state.write(f"records/{record['id']}.json", {**record, "lease_until": "2020-01-01T00:00:00Z"})
    for _again in range(2):
        with pytest.raises(Refusal, match="not quiet within"):
            gate([GAP], began=time.time() - 61, known=0, chat=chat.option(), **quiet)
    assert [html.unescape(text.splitlines()[1]) for text in heard(chat, 0 if quiet else 1)] == (
        [] if quiet else ["recover.yml of alice has stopped: " + GIVEN_UP]
    )


def test_people_are_told_that_load_has_risen(gate, chat):
    worse = Reason("cpu", 95.0, "%", 90, "P1", "prometheus", "1 min")
    assert gate(judged=[worse], watch=True, chat=chat.option())["verdict"] == "worse"
    [text] = heard(chat, 1)
    assert text.splitlines()[1].startswith("recover.yml of alice goes a stage back, and stops: ")


def heard(chat, number: int) -> list[str]:
    """It is told by a process of its own."""
    end = time.monotonic() + (10 if number else 0.5)
    while len(chat.heard) < max(number, 1) and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.2 if number else 0)  # a second message would come as soon
    return chat.heard


def test_another_run_that_changes_the_platform_ends_it(gate, state, record):
    result = gate([GAP])
    _journal.note(state, record["id"], event="step-end", result="unchanged", run="run-2", playbook="respond.yml", actor="bob")
    result = gate([GAP], **result["again"])
    _journal.note(
        state, record["id"], event="step-end", result="ok", changed=True, run="run-2", playbook="respond.yml", actor="bob"
    )
    with pytest.raises(Refusal, match=r"respond.yml of bob has changed the platform meanwhile"):
        gate(**result["again"])


def test_a_record_that_was_closed_ends_it(gate, state, record):
    _record.close(state, record["id"], "bob", "")
    with pytest.raises(Refusal, match="none is open"):
        gate()


def test_one_look_tells_what_it_sees_and_waits_for_nothing(gate, state, record):
    held = gate([GAP], wait=False)
    assert (held["verdict"], "again" in held, "missing: memory" in held["why"]) == ("hold", False, True)
    assert gate([GAP], wait=False, began=time.time() - 61, known=0)["verdict"] == "hold"
    assert gate(wait=False)["verdict"] == "pass"
    assert _journal.events(state, record["id"]) == []


def test_what_was_renewed_meanwhile_does_not_expire(gate, state, record):
    state.write(f"records/{record['id']}.json", {**record, "lease_until": "2020-01-01T00:00:00Z"})
    result = gate([GAP], lapsed=True)
    _record.renew(state, record["id"])
    with pytest.raises(Refusal, match=r"replicas 10 -> 6 was not done: .* was renewed until 2.*, so its settings stay"):
        gate(lapsed=True, **result["again"])


def test_seconds_since_a_change():
    now = datetime(2026, 11, 25, 20, 10, tzinfo=UTC)
    made = {"event": "step-end", "changed": True, "result": "ok", "at": "2026-11-25T20:08:00Z"}
    assert recovery_gate.since_change([made, {**made, "changed": False, "at": "2026-11-25T20:09:00Z"}], now, 5) == 120
    assert recovery_gate.since_change([{**made, "event": "killed", "changed": False}], now, 5) == 120
    assert recovery_gate.since_change([], now, 5) == float("inf")
    assert recovery_gate.since_change([made, {**made, "at": "2026-11-26T20:08:00Z"}], now, 5) == 5


def test_a_prometheus_that_is_down_is_no_evidence(record, monkeypatch):
    def unavailable(*_parameters):
        raise _prometheus.Unavailable("refuses connections")

    monkeypatch.setattr(_prometheus, "observe", unavailable)
    monkeypatch.setattr(recovery_gate, "_running", lambda params: ([], {}))
    monkeypatch.setattr(load_assessment, "switched_off", lambda params: {})
    met, judged = recovery_gate.look(
        {"prometheus_url": "", "quiet": 60, "replicas": 2}, recovery_gate.THRESHOLDS, recovery_gate.METRICS
    )
    assert all(each.value is None and "refuses connections" in each.note for each in met)
    assert not any(each.severity.startswith("P") for each in judged)
