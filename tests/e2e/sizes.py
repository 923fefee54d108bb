"""`make test` runs every proof at its smallest honest size; PROOF=full (`make proof`) at the sizes that are published."""

import os

FULL = os.environ.get("PROOF") == "full"
