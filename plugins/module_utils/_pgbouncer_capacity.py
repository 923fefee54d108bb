# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a default_pool_size can do, and what it must not: the rules, without a pooler around them."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST = 10000


@dataclass(frozen=True)
class Pool:
    """The connections of one user to one database. A limit of 0 is none."""

    database: str
    user: str
    own: int | None = None  # a pool_size of the database's own, which wins over default_pool_size
    reserve: int = 0
    database_limit: int = 0  # max_db_connections
    user_limit: int = 0  # max_user_connections

    @property
    def limit(self) -> int:
        """The most connections that its limits let this pool have; 0 is none."""
        return min((limit for limit in (self.database_limit, self.user_limit) if limit), default=0)


@dataclass(frozen=True)
class Server:
    """PostgreSQL's side."""

    max_connections: int
    reserved: int  # for superusers: the operator's own psql
    direct: int  # clients that are connected now and did not come through PgBouncer


def useful(pools: list[Pool]) -> int:
    """The largest default_pool_size that does anything; 0 is where no pool takes it."""
    return max((pool.limit or LARGEST for pool in pools if pool.own is None), default=0)


def most(size: int, pools: list[Pool]) -> int:
    """How many connections PgBouncer can open at most: pools with their reserves, bounded by the limits of databases and of users."""
    databases: dict[str, int] = {}
    users: dict[str, int] = {}
    for pool in pools:
        full = (size if pool.own is None else pool.own) + pool.reserve
        databases[pool.database] = databases.get(pool.database, 0) + full
        users[pool.user] = users.get(pool.user, 0) + full
    of_databases = {pool.database: pool.database_limit for pool in pools}
    of_users = {pool.user: pool.user_limit for pool in pools}
    return min(
        sum(min(count, of_databases[name] or count) for name, count in databases.items()),
        sum(min(count, of_users[name] or count) for name, count in users.items()),
    )


def problem(size: int, present: int, pools: list[Pool], server: Server) -> str:
    """Why `size` would do nothing or harm, in one sentence with the way out; '' where it is fine. `present` is what runs."""
    best = useful(pools)
    if best == 0:
        names = ", ".join(sorted({f"{pool.database} has {pool.own}" for pool in pools}))
        return (
            f"default_pool_size {size} would do nothing: every database has a pool_size of its own in [databases], which wins ({names}); "
            "change it there, or take it away."
        )
    if size > best:
        pool = next(pool for pool in pools if pool.own is None and pool.limit == best)
        name = "max_user_connections" if best == pool.user_limit else "max_db_connections"
        return (
            f"default_pool_size {size} would do nothing beyond {best}: {name} is {best} for {pool.user} on {pool.database}; ask for at most "
            f"{best}, or raise {name} in pgbouncer.ini first."
        )
    free = server.max_connections - server.reserved - server.direct
    if size <= present or most(size, pools) <= free:  # smaller only helps
        return ""
    fits = next((fewer for fewer in range(size - 1, 0, -1) if most(fewer, pools) <= free), 0)
    return (
        f"with default_pool_size {size} PgBouncer may open {most(size, pools)} connections (pools of all databases and users, with reserves), but "
        f"PostgreSQL has {free} for it (max_connections {server.max_connections} - {server.reserved} reserved - {server.direct} direct clients); "
        + (f"ask for at most {fits}, or raise max_connections first." if fits else "raise max_connections first.")
    )
