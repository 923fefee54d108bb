# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils._pgbouncer_capacity import (
    LARGEST,
    Pool,
    Server,
    most,
    problem,
    useful,
)

PRODUCTION = [Pool("smartsports", "smartsports", None, 20, 200, 100)]
SERVER = Server(max_connections=200, reserved=3, direct=10)


@pytest.mark.parametrize(
    ("pools", "size"),
    [
        (PRODUCTION, 100),
        ([Pool("a", "u", database_limit=50, user_limit=100)], 50),
        ([Pool("a", "u")], LARGEST),
        ([Pool("a", "u", own=5)], 0),
        ([Pool("a", "u", user_limit=10), Pool("b", "v", user_limit=90), Pool("c", "w", own=500)], 90),
    ],
)
def test_the_largest_size_that_does_anything(pools, size):
    assert useful(pools) == size


@pytest.mark.parametrize(
    ("pools", "connections"),
    [
        (PRODUCTION, 80),  # 60 + 20
        ([Pool("a", "u", None, 20, 0, 70)], 70),
        ([Pool("a", "u"), Pool("a", "v"), Pool("b", "u")], 180),
        ([Pool("a", "u", database_limit=100), Pool("a", "v", database_limit=100), Pool("b", "u")], 160),
        ([Pool("a", "u", user_limit=70), Pool("b", "u", user_limit=70), Pool("b", "v")], 130),
        ([Pool("a", "u"), Pool("b", "u", own=5, reserve=1)], 66),
    ],
)
def test_the_most_connections_at_size_60(pools, connections):
    assert most(60, pools) == connections


def test_a_size_beyond_a_limit_names_the_limit():
    assert problem(150, 100, PRODUCTION, SERVER) == (
        "default_pool_size 150 would do nothing beyond 100: max_user_connections is 100 for smartsports on smartsports; ask for at most 100, or "
        "raise max_user_connections in pgbouncer.ini first."
    )
    assert "max_db_connections is 50" in problem(60, 10, [Pool("a", "u", database_limit=50)], SERVER)


def test_where_every_database_has_its_own_size():
    said = problem(60, 10, [Pool("a", "u", own=5), Pool("b", "u", own=7)], SERVER)
    assert "every database has a pool_size of its own" in said and "(a has 5, b has 7)" in said


def test_more_than_postgresql_takes_names_what_fits():
    pools = [Pool("a", "u", reserve=10), Pool("b", "u", reserve=10)]
    said = problem(90, 50, pools, SERVER)
    assert (
        "may open 200 connections" in said and "PostgreSQL has 187 for it (max_connections 200 - 3 reserved - 10 direct" in said
    )
    assert "ask for at most 83," in said
    assert problem(83, 50, pools, SERVER) == ""
    assert problem(84, 50, pools, SERVER) != ""


def test_where_nothing_fits():
    assert problem(2, 1, [Pool("a", "u", reserve=300)], SERVER).endswith("direct clients); raise max_connections first.")


def test_a_smaller_size_is_never_too_many():
    assert problem(300, 400, [Pool("a", "u")], SERVER) == ""


def test_the_limits_keep_production_within_postgresql():
    assert problem(100, 50, PRODUCTION, SERVER) == ""
