# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL's superuser in its container, on its own socket, where no password is needed."""

from __future__ import annotations

# Options of the modules that ask. The official image's superuser is POSTGRES_USER where that is set.
POSTGRES = {
    "postgres_user": {"type": "str", "default": ""},
    "postgres_database": {"type": "str", "default": "postgres"},
}
_AS = 'exec psql -X -q --csv "$@" -U "${0:-${POSTGRES_USER:-postgres}}"'


def psql(params: dict, statement: str, *options: str) -> list[str]:
    """A command that prints the rows as CSV, with their names unless `options` has -t."""
    return ["sh", "-c", _AS, params["postgres_user"], *options, "-d", params["postgres_database"], "-c", statement]
