"""Looks up in PostgreSQL, after a run, every purchase that the site had confirmed to a buyer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from lab.load.record import read_acknowledged

# The purchases go in as one JSON document on standard input. A ticket is a row (event_id, seat, order_id); a time-out
# may leave one that no buyer knows of, so what was acknowledged must be part of what is there, not equal to it.
CHECK = r"""
CREATE TEMPORARY TABLE told (entry jsonb);
\copy told FROM pstdin
SELECT json_build_object(
  'missing', (SELECT count(*) FROM told WHERE NOT EXISTS (
     SELECT FROM tickets t WHERE t.event_id::text = told.entry->>'event_id' AND t.seat = told.entry->>'seat' AND t.order_id::text = told.entry->>'order_id')),
  'sold_twice', (SELECT count(*) FROM (SELECT FROM tickets GROUP BY event_id, seat HAVING count(*) > 1) twice)
              + (SELECT count(*) FROM (SELECT FROM orders WHERE status = 'confirmed' GROUP BY event_id, seat HAVING count(*) > 1) ordered_twice)
              + (SELECT count(*) FROM (SELECT FROM told GROUP BY entry->>'event_id', entry->>'seat'
                                       HAVING count(DISTINCT entry->>'order_id') > 1) told_twice),
  'tickets', (SELECT count(*) FROM tickets));
"""


def purchases(directories: list[Path], prefix: str) -> dict:
    """Count what is missing or sold twice; asks the primary itself, past pooler and replica."""
    told = [entry for directory in directories for entry in read_acknowledged(directory)]
    script = CHECK.replace(
        "\\copy told FROM pstdin\n", "\\copy told FROM pstdin\n" + "".join(_row(entry) for entry in told) + "\\.\n"
    )
    done = subprocess.run(
        [
            "docker",
            "exec",
            "-i",
            f"{prefix}-postgres-primary",
            "psql",
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            "smartsports",
            "-f",
            "-",
        ],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"PostgreSQL of the lab '{prefix}' could not be asked: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    return {"acknowledged": len(told), **found, "good": found["missing"] == 0 and found["sold_twice"] == 0}


def _row(entry: dict) -> str:
    """One line of COPY's text format: a backslash would be an escape there."""
    return json.dumps(entry).replace("\\", "\\\\") + "\n"
