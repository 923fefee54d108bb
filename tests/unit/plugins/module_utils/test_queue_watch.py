# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import queue_watch
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, silent

FULL = {
    "ticket_purchase_queue": {"enabled": False, "max_concurrent": 1000, "in_progress": 12, "waiting": 3},
    "virtual_queue": {
        "enabled": True,
        "length": 120,
        "admitted": 5000,
        "mean_wait_seconds": 61.4,
        "longest_wait_seconds": 90,
        "estimated_wait_seconds": None,
        "abandonment_rate": 0.042,
    },
    "payment_queue": {"enabled": True, "length": 9},
}


def row(length):
    return {"at": 0.0, "status": {"virtual_queue": {"length": length}}}


def watch(platform, **options):
    return queue_watch.run(platform.params(**{"seconds": 20, "every": 10, "seen": [], **options}), False, silent)


def text(result):
    return [line[0] for line in result["report"]["lines"]]


def test_a_look_is_a_row_and_asks_for_the_next_on_schedule(platform):
    platform.start(1)
    platform.instances[0].answers = [("GET", 200, {}, FULL)]
    result = watch(platform)
    off, heading, line = text(result)
    assert off == "switched off: ticket purchase queue"
    assert " ".join(heading.split()) == "time waiting trend admitted mean wait longest new waits abandoned buying held unpaid"
    assert line.split()[1:] == ["120", "-", "5000", "61", "s", "90", "s", "-", "4.2%", "12", "3", "9"]
    assert len(heading) == len(line) <= 110
    assert result["changed"] is False
    assert 9 < result["again"]["pause"] <= 10
    assert result["again"]["seen"] == result["rows"]


def test_the_watch_ends_with_its_last_row(platform):
    platform.start(1)
    seen = [{"at": time.time() - 20, "status": {"virtual_queue": {"length": 3}}}] * 2
    result = watch(platform, seen=seen)
    assert "again" not in result
    [line] = text(result)  # no second heading
    assert line.split()[1:4] == ["7", "+4", "growing"]
    assert result["report"]["lines"][0][1] == "warn"


def test_a_late_look_is_not_made_up_for_by_waiting_longer(platform):
    platform.start(1)
    assert watch(platform, seen=[{"at": time.time() - 60, "problem": "x"}])["again"]["pause"] == 0


@pytest.mark.parametrize(
    ("rows", "grown"),
    [
        ([row(5)], None),
        ([row(5), row(9)], 4),
        ([row(9), row(5)], -4),
        ([row(9), {"at": 1.0, "problem": "gone"}, row(5)], -4),
        ([row(None), row(5)], None),
    ],
)
def test_the_trend_is_against_the_last_look_that_was_answered(rows, grown):
    assert queue_watch.trend(rows) == grown


def test_nobody_answering_is_a_row_and_the_watch_goes_on(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", "drop")
    result = watch(platform, seen=[row(5)])
    assert "no answer: no instance answers" in text(result)[-1]
    assert result["again"]


def test_a_watch_that_saw_nothing_fails(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", "drop")
    with pytest.raises(Refusal, match="could not be read"):
        watch(platform, seconds=0)


def test_an_application_without_queues(platform):
    platform.start(1)
    platform.instances[0].always = ("GET", 404, {}, {"error": "x"})
    with pytest.raises(Refusal, match="tells nothing about its queues"):
        watch(platform)


@pytest.mark.parametrize(
    "options", [{"every": "seven"}, {"every": 1}, {"seconds": "-1"}, {"seconds": 86401}, {"seconds": True}, {"every": None}]
)
def test_a_bad_value_is_refused_before_anybody_is_asked(platform, options):
    platform.start(1)
    with pytest.raises(Refusal, match=r"^(every|seconds) is '.*', but must be a whole number from"):
        watch(platform, **options)
    assert platform.sent("GET") == []


def test_text_means_the_number(platform):
    platform.start(1)
    assert watch(platform, seconds="2", every="2")["again"]
