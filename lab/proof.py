#!/usr/bin/env python3
"""make proof: every proof of tests/e2e at its published size, kept in docs/proof/ with the commit it belongs to.

proof.py [--only-report]: --only-report writes README.md and the plot again from the figures that are there.
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

ROOT = Path(__file__).resolve().parent.parent
PROOF = ROOT / "docs" / "proof"


def main() -> int:
    if "--only-report" not in sys.argv[1:]:
        rc = measure()
        if rc:
            return rc
    figures = {path.stem: json.loads(path.read_text()) for path in sorted(PROOF.glob("*.json"))}
    plot(figures["surge"]["times"][0], PROOF / "surge.svg")
    (PROOF / "README.md").write_text(report(figures))
    print(f"written: {PROOF.relative_to(ROOT)}/README.md")
    return 0


def measure() -> int:
    """Run the end-to-end tests at full size; the figures only count for a commit, so there must be nothing uncommitted."""
    if git("status", "--porcelain", "--untracked-files=no"):
        print("error: the checkout has uncommitted changes; commit them, a proof belongs to a commit.", file=sys.stderr)
        return 1
    PROOF.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/e2e", "-v"],
        cwd=ROOT,
        check=False,
        env={**os.environ, "PROOF": "full", "PROOF_DIR": str(PROOF)},
    )
    where = {
        "commit": git("rev-parse", "HEAD"),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "passed": done.returncode == 0,
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    (PROOF / "run.json").write_text(json.dumps(where, indent=1) + "\n")
    return done.returncode


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def report(figures: dict) -> str:
    run, traffic, pairs = figures["run"], figures["scaling_under_traffic"], figures["respond_beside_baseline"]
    nothing, assess, stories = figures["respond_with_nothing_to_do"], figures["assess"], figures["surge"]["times"]
    requests = sum(entry["requests"] for entry in traffic["rounds"])
    failed = sum(entry["failed"] for entry in traffic["rounds"])
    told = [story["figures"] for story in stories]

    def bought(what: str) -> int:
        return sum(story["purchases"][what] for story in told)

    rows = [
        (
            f"failed requests while scaling up, reloading, scaling down ({traffic['rate']} a second, {requests} requests)",
            "0",
            failed,
        ),
        ("acknowledged purchases missing in PostgreSQL", "0", f"{bought('missing')} of {bought('acknowledged')}"),
        ("seats sold twice", "0", bought("sold_twice")),
        (
            f"respond beside the shell baseline, medians of {pairs['pairs']} alternating pairs",
            "at most 2 times",
            f"{pairs['ratio']} times ({pairs['medians']['respond']:.1f} s, {pairs['medians']['baseline']:.1f} s; {spread(pairs)})",
        ),
        ("respond with nothing to do, in empty plays", "at most 4", nothing["ratio"]),
        ("assess", "at most 3 s", f"{assess['median']:.2f} s"),
    ]
    lines = [
        "# Proof",
        "",
        f"Measured by `make proof` on {run['date']} at commit `{run['commit']}` ({run['machine']}); "
        f"{'every test passed' if run['passed'] else 'NOT every test passed'}. The figures are in the JSON files beside this one.",
        "",
        "| what | must be | is |",
        "|---|---|---|",
        *(f"| {what} | {must} | {value} |" for what, must, value in rows),
        "",
        "## The surge",
        "",
        f"{figures['surge']['rate']:g} visitors a second, open loop; before: the last 15 s before `respond`; after: the last 15 s of the surge.",
        "",
        "| | severity | p95 | failed | purchases a second | 429 | queued | seconds to relief |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for number, story in enumerate(told, 1):
        for when in ("before", "after"):
            window = story[when]
            lines.append(
                f"| {number} {when} | {story['severity_' + when]} | {window['p95']} s | {window['failure_rate']:.1%} | {window['purchases_per_second']} "
                f"| {window['limited_rate']:.1%} | {window['queued_rate']:.1%} | {story['seconds_to_relief'] if when == 'after' else ''} |"
            )
    return "\n".join([*lines, "", "![The first surge, second by second](surge.svg)", ""])


def spread(pairs: dict) -> str:
    return "; ".join(f"{way} {min(s):.1f} to {max(s):.1f} s, sd {statistics.stdev(s):.2f}" for way, s in pairs["seconds"].items())


def plot(story: dict, path: Path) -> None:
    """One surge, second by second: latency above, what became of the visitors below."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "proof"  # the same figures give the same file
    rows = story["series"]
    at = [row["second"] for row in rows]
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(9, 6), layout="constrained")
    above.plot(at, [row["p95"] for row in rows], color="tab:red", label="p95")
    above.plot(at, [row["p50"] for row in rows], color="tab:blue", label="p50")
    above.set_ylabel("seconds from the intended start")
    kinds = {
        "ok": "tab:green",
        "limited": "tab:orange",
        "queued": "tab:purple",
        "declined": "tab:gray",
        "off": "tab:olive",
        "failed": "tab:red",
    }
    below.stackplot(at, [[row[kind] for row in rows] for kind in kinds], labels=kinds, colors=kinds.values())
    below.set_ylabel("requests a second")
    below.set_xlabel("seconds after the surge began")
    for axes in (above, below):
        for moment in ("respond", "responded"):
            axes.axvline(story["moments"][moment] - story["moments"]["surge"], color="black", linestyle=":")
        axes.legend(loc="upper right", fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
