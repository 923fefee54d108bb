# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lets the tests import repository.py beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
