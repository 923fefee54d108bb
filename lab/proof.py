#!/usr/bin/env python3
"""make proof: every proof of tests/e2e and tests/foreign at its published size, kept in docs/proof/ with the commit it belongs to.

proof.py [--only-report] [PYTEST ARGUMENTS]: the arguments choose a part, and other figures stay with the commit that they are of;
--only-report writes README.md and the charts again from the figures that are there.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the package lab, not lab/lab.py beside this file

from lab import proof_memory  # noqa: E402
from lab.chart import chart  # noqa: E402

ROOT = Path(sys.path[0])
PROOF = ROOT / "docs" / "proof"
RESULTS = ROOT / ".cache" / "proof.xml"
TYPED = {
    "as_it_is": "docker compose up -d",
    "with_more_replicas": "docker compose up -d --scale app=7",
    "with_the_base_file_alone": "docker compose -f docker-compose.prod.yml up -d",
}
FOREIGN = ("two_upstreams", "locked_redis", "tls_frontend")
# Newer than the figures in docs/proof; the next `make proof` has them, and then this list is empty.
NOT_YET = proof_memory.NAMES - {"whole_incident", "whole_incident_ssh"}


def main() -> int:
    chosen = sys.argv[1:]
    if "--only-report" not in chosen and (rc := measure(chosen)):
        return rc
    figures = {path.stem: json.loads(path.read_text()) for path in sorted(PROOF.glob("*.json"))}
    plot(figures["surge"]["times"][0])
    (PROOF / "README.md").write_text(report(figures))
    print(f"written: {PROOF.relative_to(ROOT)}/README.md")
    return 0


def measure(chosen: list[str]) -> int:
    """Run the end-to-end tests at full size; the figures only count for a commit, so there must be nothing uncommitted."""
    if git("status", "--porcelain", "--untracked-files=no"):
        print("error: the checkout has uncommitted changes; commit them, a proof belongs to a commit.", file=sys.stderr)
        return 1
    PROOF.mkdir(parents=True, exist_ok=True)
    commit = git("rev-parse", "HEAD")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/e2e", "tests/foreign", "-v", f"--junitxml={RESULTS}", *chosen],
        cwd=ROOT,
        check=False,
        env={**os.environ, "PROOF": "full", "PROOF_DIR": str(PROOF), "PROOF_COMMIT": commit},
    )
    where = {
        "commit": commit,
        "chosen": chosen,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "tests": len(cases := list(ElementTree.parse(RESULTS).iter("testcase"))),
        "failed": [case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None],
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    (PROOF / "run.json").write_text(json.dumps(where, indent=1) + "\n")
    return done.returncode


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def report(figures: dict) -> str:
    run = figures["run"]
    ways = [_rows(figures, way) for way in ("", "_ssh")]
    slower = (
        figures["respond_beside_baseline_ssh"]["medians"]["respond"] / figures["respond_beside_baseline"]["medians"]["respond"]
    )
    lines = [
        "# Proof",
        "",
        f"Measured by `make proof` on {run['date']} at commit `{run['commit']}` ({run['machine']}); "
        f"{_verdict(run)}{_older(figures)} The figures are in the JSON files beside this one.",
        "",
        "| what | must be | on the host itself | through SSH |",
        "|---|---|---|---|",
        *(f"| {what} | {must} | {here} | {there} |" for (what, must, here), (_what, _must, there) in zip(*ways, strict=True)),
        f"| respond through SSH beside respond on the host, medians | reported | | {slower:.2f} times |",
        "",
        "## The surge",
        "",
        f"{figures['surge']['rate']:g} visitors a second, open loop, 2.5 times what two replicas were just measured to serve; before: the last 15 s before "
        "`respond`; after: the last 15 s of the surge.",
        "",
        "| | severity | p95 | failed | purchases a second | 429 | queued | seconds to relief |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way, name in (("", ""), ("_ssh", ", through SSH")):
        for number, told in enumerate(figures[f"surge{way}"]["times"], 1):
            story = told["figures"]
            for when in ("before", "after"):
                window = story[when]
                lines.append(
                    f"| {number} {when}{name} | {story['severity_' + when]} | {window['p95']} s | {window['failure_rate']:.1%} "
                    f"| {window['purchases_per_second']} | {window['limited_rate']:.1%} | {window['queued_rate']:.1%} "
                    f"| {story['seconds_to_relief'] if when == 'after' else ''} |"
                )
    memory = proof_memory.section(lambda name: _figures(figures, name))
    lines += ["", *_by_hand(figures), "", *_foreign(figures), "", *memory]
    return "\n".join(
        [*lines, "", "![Latency of the first surge](latency.svg)", "", "![Outcomes of the first surge](outcomes.svg)", ""]
    )


def _by_hand(figures: dict) -> list[str]:
    """What somebody types while 8 visitors a second buy, and how it ends."""
    lines = [
        "## Typed by hand",
        "",
        "Five replicas run, and somebody types `docker compose` under load; `assess` then tells the drift, and its command ends it. What fails "
        "meanwhile is Compose's doing.",
        "",
        "| typed | failed before | until it is known | while it is healed | after | seconds to know | seconds to heal | acknowledged purchases missing |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, typed in TYPED.items():
        for way, through in (("", ""), ("_ssh", ", through SSH")):
            told = _figures(figures, f"compose_up_by_hand_{name}{way}")
            cells = ["not measured yet", *[""] * 6]
            if told:
                purchases = told["purchases"]
                cells = [*told["failed_in"].values(), told["seconds_to_know"], told["seconds_to_heal"]]
                cells.append(f"{purchases['missing']} of {purchases['acknowledged']}")
            lines.append(f"| `{typed}`{through} | {' | '.join(map(str, cells))} |")
    return lines


def _foreign(figures: dict) -> list[str]:
    lines = [
        "## Platforms unlike this one",
        "",
        "Driven by their inventories alone ([tests/foreign](../../tests/foreign)), scaled up and down under load.",
        "",
        "| platform | replicas | requests | failed |",
        "|---|---|---|---|",
    ]
    for name in FOREIGN:
        told = _figures(figures, f"foreign_{name}")
        cells = (
            [" to ".join(map(str, told["scaled"])), told["requests"], told["failed"]] if told else ["not measured yet", "", ""]
        )
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return lines


def _figures(figures: dict, name: str) -> dict | None:
    return figures.get(name) if name in NOT_YET else figures[name]


def _verdict(run: dict) -> str:
    tests = f"{run['tests']} tests" + (f" ({' '.join(run['chosen'])})" if run["chosen"] else "")
    if not run["failed"]:
        return f"All {tests} passed."
    return f"{run['tests'] - len(run['failed'])} of {tests} passed; failed: {', '.join(run['failed'])}."


def _older(figures: dict) -> str:
    """Which figures a run of a part left as they were."""
    commit = figures["run"]["commit"]
    others = [name for name, told in figures.items() if told["commit"] != commit]
    return f" Of other commits: {', '.join(others)}." if others else ""


def _rows(figures: dict, way: str) -> list[tuple]:
    """(what, what it must be, what it is), one way."""
    traffic, pairs = figures[f"scaling_under_traffic{way}"], figures[f"respond_beside_baseline{way}"]
    nothing, assess = figures[f"respond_with_nothing_to_do{way}"], figures[f"assess{way}"]
    told = [story["figures"]["purchases"] for story in figures[f"surge{way}"]["times"]]
    requests, failed = (sum(entry[name] for entry in traffic["rounds"]) for name in ("requests", "failed"))
    acknowledged, missing, twice = (sum(story[name] for story in told) for name in ("acknowledged", "missing", "sold_twice"))
    return [
        (
            f"failed requests while scaling up, reloading, scaling down ({traffic['rate']} a second)",
            "0",
            f"{failed} of {requests}",
        ),
        ("acknowledged purchases missing in PostgreSQL", "0", f"{missing} of {acknowledged}"),
        ("seats sold twice", "0", twice),
        (
            f"respond beside the shell baseline, medians of {pairs['pairs']} alternating pairs",
            "at most 2 times",
            f"{pairs['ratio']} times ({pairs['medians']['respond']:.1f} s, {pairs['medians']['baseline']:.1f} s; {spread(pairs)})",
        ),
        ("respond with nothing to do, in empty plays", "at most 4", nothing["ratio"]),
        (
            "lock, snapshot and journal of a respond, median",
            "at most 0.5 s",
            _record(_figures(figures, f"record_of_a_response{way}")),
        ),
        ("assess, median", "at most 3 s", f"{assess['median']:.2f} s"),
    ]


def _record(told: dict | None) -> str:
    return f"{told['seconds']:.2f} s" if told else "not measured yet"


def spread(pairs: dict) -> str:
    return "; ".join(f"{way} {min(s):.1f} to {max(s):.1f} s, sd {statistics.stdev(s):.2f}" for way, s in pairs["seconds"].items())


def plot(story: dict) -> None:
    """One surge, second by second: how long buyers waited, and what became of them."""
    rows, moments = story["series"], story["moments"]
    at = [row["second"] for row in rows]
    marks = {name: moments[key] - moments["surge"] for name, key in (("respond", "respond"), ("done", "responded"))}
    outcomes = {
        name: [row[key] for row in rows]
        for name, key in (("failed", "failed"), ("429", "limited"), ("served", "ok"), ("queued", "queued"))
    }
    (PROOF / "latency.svg").write_text(
        chart("p95 and p50 in seconds, from the intended start", at, {k: [r[k] for r in rows] for k in ("p95", "p50")}, marks)
    )
    (PROOF / "outcomes.svg").write_text(chart("requests a second, by what became of them", at, outcomes, marks))


if __name__ == "__main__":
    sys.exit(main())
