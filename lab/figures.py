"""What a test measured, kept for the proof."""

from __future__ import annotations

import json
import os
from pathlib import Path


def keep(name: str, figures: dict) -> None:
    """Print it, and write it to $PROOF_DIR, where that is set, with the commit that it belongs to."""
    print(f"\nproof {name}: {json.dumps(figures)}")
    if os.environ.get("PROOF_DIR"):
        directory = Path(os.environ["PROOF_DIR"])
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.json").write_text(json.dumps({**figures, "commit": os.environ["PROOF_COMMIT"]}, indent=1) + "\n")
