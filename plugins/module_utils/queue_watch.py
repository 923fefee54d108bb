# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logic of module queue_watch: a table of the queues that grows by a row at each look. Reads only.

One call is one look: it returns the row, and in `again` when and with what the lane is to call for the next one.
"""

from __future__ import annotations

import time

from ansible_collections.smartsports.scaling.plugins.module_utils._admin_client import Client
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_http import Failed, NotOffered
from ansible_collections.smartsports.scaling.plugins.module_utils._admin_settings import CONNECTION
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal, Say
from ansible_collections.smartsports.scaling.plugins.module_utils._numbers import whole_number

SPEC = {
    "argument_spec": {
        **CONNECTION,
        "seconds": {"type": "raw", "default": 120},
        "every": {"type": "raw", "default": 10},
        "seen": {"type": "list", "elements": "dict", "default": []},
    },
    "supports_check_mode": True,
}
# Heading, width, and which field of the answer in which form; the trend stands second.
COLUMNS = (
    ("waiting", 8, "virtual_queue", "length", "{:.0f}"),
    ("trend", 14, "", "", ""),
    ("admitted", 9, "virtual_queue", "admitted", "{:.0f}"),
    ("mean wait", 10, "virtual_queue", "mean_wait_seconds", "{:.0f} s"),
    ("longest", 9, "virtual_queue", "longest_wait_seconds", "{:.0f} s"),
    ("new waits", 10, "virtual_queue", "estimated_wait_seconds", "{:.0f} s"),
    ("abandoned", 10, "virtual_queue", "abandonment_rate", "{:.1%}"),
    ("buying", 8, "ticket_purchase_queue", "in_progress", "{:.0f}"),
    ("held", 6, "ticket_purchase_queue", "waiting", "{:.0f}"),
    ("unpaid", 8, "payment_queue", "length", "{:.0f}"),
)


def run(params: dict, check_mode: bool, say: Say) -> dict:
    every = whole_number("every", params["every"], 2, 3600)
    seconds = whole_number("seconds", params["seconds"], 0, 86400)
    before = params["seen"]
    rows = [*before, _look({**params, "deadline": min(params["deadline"], every / 2)})]
    looks = seconds // every + 1
    lines = [*([] if before else _heading(rows[0])), _line(rows)]
    result = {"changed": False, "rows": rows, "report": {"lines": lines}}
    if len(rows) < looks:
        due = rows[0]["at"] + len(rows) * every
        result["again"] = {"pause": max(0.0, due - time.time()), "seen": rows}
    elif not any("status" in row for row in rows):
        raise Refusal(
            f"the queues could not be read: {rows[-1]['problem']}; look at the application's containers (docker ps, docker logs)."
        )
    return result


def _look(params: dict) -> dict:
    """One row. Nobody answering is a row as well: that is when the queue has to be watched on."""
    now = {"at": time.time()}
    try:
        return {**now, "status": Client(params).first("queue-status")[1]}
    except Failed as failed:
        return {**now, "problem": str(failed)}
    except NotOffered as problem:
        raise Refusal(
            f"{problem}: the deployed application tells nothing about its queues; deploy a release that does."
        ) from problem


def _heading(row: dict) -> list:
    off = [
        name.replace("_", " ")
        for name in ("virtual_queue", "ticket_purchase_queue", "payment_queue")
        if row.get("status", {}).get(name, {}).get("enabled") is False
    ]
    names = f"{'time':8}" + "".join(f"{name:>{width}}" for name, width, *_rest in COLUMNS)
    return [*([[f"switched off: {', '.join(off)}", "dim"]] if off else []), [names, "dim"]]


def _line(rows: list[dict]) -> list:
    row = rows[-1]
    clock = time.strftime("%H:%M:%S", time.localtime(row["at"]))
    if "problem" in row:
        return [f"{clock}  no answer: {row['problem']}", "bad"]
    grown = trend(rows)
    cells = [
        f"{_shown(row['status'].get(part, {}).get(field), form) if part else _trend(grown):>{width}}"
        for _name, width, part, field, form in COLUMNS
    ]
    return [clock + "".join(cells), "warn" if grown and grown > 0 else None]


def trend(rows: list[dict]) -> int | None:
    """How many more wait than at the last look that was answered; None where nothing is known to compare."""
    lengths = [row["status"].get("virtual_queue", {}).get("length") for row in rows if "status" in row]
    known = [length for length in lengths[-2:] if length is not None]
    return known[1] - known[0] if len(known) == 2 else None


def _trend(grown: int | None) -> str:
    if grown is None:
        return "-"
    return f"{grown:+d} " + ("growing" if grown > 0 else "shrinking") if grown else "steady"


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
