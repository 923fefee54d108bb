"""A sale opens, the platform drowns, one command saves it: the story that the demo tells and the end-to-end test proves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from lab import scenario
from lab.load import record, verify
from lab.scenario import LEVELS, Crowd, Lab, Played, ScenarioError

NORMAL_RATE = 6.0
NORMAL_SECONDS = 12.0
IDLE_SECONDS = 3.0
# The crowd, in multiples of what two replicas were measured to serve: hosts differ by more than that from day to day. Ten replicas,
# without what does not sell tickets, serve it.
SURGE = 2.5
MOST = 180.0  # visitors a second that the generator sends from a fraction of a core
LOOK_BACK = 15.0  # seconds of arrivals that "before" and "after" are measured over
PATIENCE = 90.0  # until the surge must be seen
RELIEF = 60.0  # from the end of respond until severity must be better


@dataclass
class Story:
    lab: Lab
    directory: Path
    rate: float = 0.0  # of the surge; follows from the normal day
    moments: dict[str, float] = field(default_factory=dict)  # Unix times
    severities: list[tuple[float, str]] = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    _surge: Crowd | None = None

    def normal_day(self) -> dict:
        """A few visitors, for comparison, and for the size of the surge: how much of the replicas' CPU each of them takes."""
        idle = scenario.busy_cores(self.lab, lambda: time.sleep(IDLE_SECONDS))
        with Crowd(self.lab, self.directory / "normal", NORMAL_RATE, NORMAL_SECONDS, seed=1) as crowd:
            busy = scenario.busy_cores(self.lab, lambda: self.figures.update(normal=crowd.wait()))
        capacity = NORMAL_RATE * (scenario.cores(self.lab) - idle) / max(busy - idle, 0.001)
        self.rate = min(round(SURGE * capacity), MOST)
        return self.figures["normal"]

    def open_sale(self) -> None:
        """The crowd arrives. It goes on arriving until end_surge, whatever happens."""
        self.moments["surge"] = time.time()
        self._surge = Crowd(self.lab, self.directory / "surge", self.rate, 300, seed=2)

    def drown(self, look=lambda severity, seconds: None) -> Played:
        """Assess again and again until severity is P1 or worse; the run that said so."""
        while True:
            played = self.assess()
            severity = self.severities[-1][1]
            look(severity, time.time() - self.moments["surge"])
            # P1 on the way to P0 is not the whole story: "before" needs its full look back.
            if severity in ("P1", "P0") and time.time() - self.moments["surge"] > LOOK_BACK + 20:
                self.figures["severity_before"] = severity
                self.figures["operator_seconds"] = max(scenario.operator_seconds(self.lab))
                return played
            if time.time() - self.moments["surge"] > PATIENCE:
                raise ScenarioError(f"{self.rate:g} visitors a second for {PATIENCE:g} s made it {severity}, not P1 or worse.")

    def assess(self, show: bool = False) -> Played:
        played = scenario.must(scenario.play(self.lab, "assess", show=show))
        self.severities.append((time.time(), played.result_of("load_assessment")["severity"]))
        return played

    def respond(self, show: bool = False) -> Played:
        self.moments["respond"] = time.time()
        played = scenario.must(scenario.play(self.lab, "respond", show=show))
        self.moments["responded"] = time.time()
        self.figures["respond_seconds"] = round(played.seconds, 1)
        return played

    def relief(self, look=lambda severity, seconds: None) -> str:
        """Assess until severity is at least one level better than before; within a minute, or ScenarioError."""
        before = self.figures["severity_before"]
        while True:
            self.assess()
            now, severity = self.severities[-1]
            look(severity, now - self.moments["responded"])
            if scenario.better(before, severity):
                self.figures["severity_after"] = severity
                self.figures["seconds_to_relief"] = round(now - self.moments["responded"], 1)
                return severity
            if now - self.moments["responded"] > RELIEF:
                raise ScenarioError(f"a minute after respond severity is {severity}, and was {before} before.")

    def end_surge(self) -> dict:
        """Nobody new arrives; the comparison, when the last visitor has left."""
        wait = self.moments["responded"] + LOOK_BACK + 5 - time.time()
        if wait > 0:
            time.sleep(wait)  # "after" is a window of its own length
        self.moments["ended"] = time.time()
        if scenario.LEVELS.index(self.figures["severity_after"]) > 0:
            self.assess()  # what it is by now
            self.figures["severity_after"] = min(self.figures["severity_after"], self.severities[-1][1], key=LEVELS.index)
        self._surge.end()
        samples = record.read_samples(self.directory / "surge")
        respond, ended = self.moments["respond"], self.moments["ended"]
        self.figures["before"] = record.window(samples, respond - LOOK_BACK, respond)
        self.figures["after"] = record.window(samples, ended - LOOK_BACK, ended)
        self.figures["unfinished_visitors"] = 0
        return self.figures

    def way_back(self, show: bool = False) -> list[Played]:
        """Two replicas and the normal settings again."""
        return [
            scenario.must(scenario.play(self.lab, "scale_down", "-e", "replicas=2", show=show)),
            scenario.must(scenario.play(self.lab, "reset_configuration", show=show)),
        ]

    def verify(self) -> dict:
        """Every purchase that a buyer was told of is in PostgreSQL, and no seat has two owners."""
        self.figures["purchases"] = verify.purchases([self.directory / "normal", self.directory / "surge"], self.lab.prefix)
        return self.figures["purchases"]

    def close(self) -> None:
        """However the story ends, the crowd goes home."""
        if self._surge is not None:
            self._surge.end()

    def shortcomings(self) -> list[str]:
        """What did not improve, as sentences; empty is success."""
        before, after, purchases = self.figures["before"], self.figures["after"], self.figures["purchases"]
        found = []
        if not scenario.better(self.figures["severity_before"], self.figures["severity_after"]):
            found.append(f"severity was {self.figures['severity_before']} and is {self.figures['severity_after']}.")
        if not after["p95"] < before["p95"]:
            found.append(f"p95 was {before['p95']} s and is {after['p95']} s.")
        if not after["failure_rate"] < before["failure_rate"]:
            found.append(f"the failure rate was {before['failure_rate']:.1%} and is {after['failure_rate']:.1%}.")
        if not after["purchases_per_second"] > before["purchases_per_second"]:
            found.append(f"purchases a second were {before['purchases_per_second']} and are {after['purchases_per_second']}.")
        if not purchases["good"]:
            found.append(
                f"{purchases['missing']} acknowledged purchases are missing and {purchases['sold_twice']} seats are sold twice."
            )
        return found
