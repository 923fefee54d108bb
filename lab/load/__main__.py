"""python -m lab.load run --target http://127.0.0.1:8080 --rate 40 --seconds 60 --out DIR; python -m lab.load verify --out DIR"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from lab.load import verify
from lab.load.plan import CROWDS, Plan, PlanError
from lab.load.runner import run


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if arguments.command == "run":
            plan = Plan(
                target=arguments.target,
                rate=arguments.rate,
                seconds=arguments.seconds,
                crowd=arguments.crowd,
                arrivals=arguments.arrivals,
                seed=arguments.seed,
                path=arguments.path,
                host=arguments.host,
                ca=arguments.ca,
            ).checked()
            result, rc = run(plan, arguments.out), 0
        else:
            result = verify.purchases([arguments.out], arguments.prefix)
            rc = 0 if result["good"] else 1
    except PlanError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result, indent=1))
    return rc


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.load", description="An open-loop crowd of buyers for the lab.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("run", help="send a crowd to the site and write what happened")
    start.add_argument(
        "--target", required=True, help="where nginx answers, for example http://127.0.0.1:8080; only this machine"
    )
    start.add_argument("--rate", type=float, required=True, help="arrivals a second")
    start.add_argument("--seconds", type=float, required=True, help="how long new visitors arrive; Ctrl-C ends it earlier")
    start.add_argument("--crowd", choices=sorted(CROWDS), default="buyers", help="steady: simple GETs of --path")
    start.add_argument("--arrivals", choices=["poisson", "even"], default="poisson")
    start.add_argument("--path", default=Plan.path, help="what the steady crowd asks for (default: %(default)s)")
    start.add_argument("--host", default=Plan.host, help="the site's name, for Host and TLS, where --target is an address")
    start.add_argument("--ca", default=Plan.ca, help="PEM file with the CA of an https target")
    start.add_argument("--seed", type=int, default=1)
    start.add_argument("--out", type=Path, required=True, help="directory for the result")
    check = commands.add_parser("verify", help="look up every acknowledged purchase of a run in PostgreSQL")
    check.add_argument("--out", type=Path, required=True, help="the run's directory")
    check.add_argument("--prefix", default=os.environ.get("LAB_PREFIX", "smartsports"), help="the lab's prefix")
    return parser


if __name__ == "__main__":
    sys.exit(main())
