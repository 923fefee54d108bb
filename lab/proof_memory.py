"""What the incident's memory stood, as a section of the proof."""

from __future__ import annotations

from collections.abc import Callable

RECOVERED = "recovered; nothing left over"


def section(told: Callable[[str], dict | None]) -> list[str]:
    """`told`: the figures of a name, None where they were not measured yet."""
    lines = [
        "## The incident's memory",
        "",
        "Killed, started twice, nested, without room, with a wrong clock: what was open is finished, and everything is as it was before.",
        "",
        "| what | must be | on the host itself | through SSH |",
        "|---|---|---|---|",
    ]
    for (name, what, must), cell in ROWS.items():
        cells = [cell(figures) if (figures := told(name + way)) else "not measured yet" for way in ("", "_ssh")]
        lines.append(f"| {what} | {must} | {' | '.join(cells)} |")
    return lines


def _killed(figures: dict) -> str:
    moments = f"{len(figures['respond'])} moments of respond and {len(figures['recover'])} of recover"
    return f"{figures['killed']} kills at {moments}: all finished, {figures['taken_over']} taken over"


def _twice(figures: dict) -> str:
    return f"{figures['mixed']} of {figures['rounds']} mixed; {figures['waited']} waited, {figures['refused']} refused"


def _waited(figures: dict) -> str:
    return ", ".join(f"{what} {seconds:.1f} s" for what, seconds in figures["waited"].items())


def _whole(figures: dict) -> str:
    requests, failed = (sum(crowd[name] for crowd in figures["crowds"]) for name in ("requests", "failed"))
    purchases = figures["purchases"]
    lost = f"{purchases['missing']} of {purchases['acknowledged']} purchases"
    return f"{_left(figures['differences'])}; {failed} of {requests} requests; {lost}"


def _event(figures: dict) -> str:
    return f"{_left(figures['after_incident'])} after the incident, {_left(figures['after_event'])} after the event"


def _refused(figures: dict) -> str:
    return f"{figures['changed']} changes: {figures['error'].partition(' where ')[0]} ..."


def _recovered(figures: dict) -> str:
    return RECOVERED if not figures["differences"] else _left(figures["differences"])


def _left(differences: list[str]) -> str:
    return ", ".join(differences) or "no difference"


ROWS = {
    (
        "killed_at_each_step",
        "SIGKILL before, during and after each step of respond and recover, with and without its worker, and run again",
        "finished, taken over safely; journal complete; the first baseline",
    ): _killed,
    ("two_runs_at_once", "two runs at once", "never mixed; who waits or is refused names the holder"): _twice,
    ("response_before_schedule", "respond against a scheduled run, by its kind", "starts within 30 s"): _waited,
    ("response_before_recovery", "respond against recover, in its gate and in a stage", "starts within 30 s"): _waited,
    (
        "whole_incident",
        "open, respond, recover while people buy: state; failed requests; lost purchases",
        "no difference; 0; 0",
    ): _whole,
    ("incident_in_an_event", "an incident inside a planned event", "no difference to the event's state"): _event,
    ("full_disk", "a full disk", "an error before anything is changed"): _refused,
    ("disk_gets_full", "a disk that gets full half way, and has room again", RECOVERED): _recovered,
    ("clock_ahead", "a clock that was a day ahead, and is put right", RECOVERED): _recovered,
    ("clock_behind", "a clock that was a day behind, and is put right", RECOVERED): _recovered,
}  # fmt: skip
NAMES = {name + way for name, *_texts in ROWS for way in ("", "_ssh")}
