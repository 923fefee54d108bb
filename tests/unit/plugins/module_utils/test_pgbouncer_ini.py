# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.module_utils import _pgbouncer_ini as ini

TEXT = """\
;; our pooler
[databases]
smartsports = host=postgres-primary port=5432 dbname=smartsports
reports = host=postgres-replica pool_size=5 connect_query='SELECT 1'
* = host=fallback

[users]
batch = max_user_connections=10

[pgbouncer]
# default_pool_size = 20
listen_addr = 0.0.0.0
default_pool_size=100
; the reserve
reserve_pool_size = 20
"""


def test_sections_settings_and_no_comments():
    found = ini.parse(TEXT)
    assert list(found) == ["databases", "users", "pgbouncer"]
    assert found["pgbouncer"] == {"listen_addr": "0.0.0.0", "default_pool_size": "100", "reserve_pool_size": "20"}
    assert list(found["databases"]) == ["smartsports", "reports", "*"]


def test_the_last_of_two_counts_and_is_changed():
    text = "[pgbouncer]\ndefault_pool_size = 1\ndefault_pool_size = 2\n"
    assert ini.parse(text)["pgbouncer"]["default_pool_size"] == "2"
    assert ini.with_value(text, "default_pool_size", 9) == "[pgbouncer]\ndefault_pool_size = 1\ndefault_pool_size = 9\n"


def test_options_of_a_database():
    assert ini.options(ini.parse(TEXT)["databases"]["reports"]) == {
        "host": "postgres-replica",
        "pool_size": "5",
        "connect_query": "SELECT 1",
    }


def test_a_setting_of_another_section_is_not_meant():
    text = "[databases]\ndefault_pool_size = host=a\n[pgbouncer]\nx = 1\n"
    assert ini.with_value(text, "default_pool_size", 7) == (
        "[databases]\ndefault_pool_size = host=a\n[pgbouncer]\ndefault_pool_size = 7\nx = 1\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TEXT, TEXT.replace("default_pool_size=100", "default_pool_size=42")),
        ("[pgbouncer]\r\n default_pool_size = 1 \r\nx=2\r\n", "[pgbouncer]\r\n default_pool_size = 42 \r\nx=2\r\n"),
        ("[pgbouncer]\nx = 1", "[pgbouncer]\ndefault_pool_size = 42\nx = 1"),
        ("[pgbouncer]\r\nx = 1\r\n", "[pgbouncer]\r\ndefault_pool_size = 42\r\nx = 1\r\n"),
        ("[pgbouncer]\ndefault_pool_size =\n", "[pgbouncer]\ndefault_pool_size =42\n"),
        ("[pgbouncer]\ndefault_pool_size = 1", "[pgbouncer]\ndefault_pool_size = 42"),
    ],
)
def test_one_line_changes_and_nothing_else(before, after):
    assert ini.with_value(before, "default_pool_size", 42) == after


def test_there_and_back_is_the_same_text():
    assert ini.with_value(ini.with_value(TEXT, "default_pool_size", 7), "default_pool_size", 100) == TEXT
