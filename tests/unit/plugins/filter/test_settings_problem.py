# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What roles are given is refused in one sentence with value, rule and fix, or is fine as text from the command line."""

from __future__ import annotations

import pytest
from ansible_collections.smartsports.scaling.plugins.filter.settings_problem import settings_problem


@pytest.mark.parametrize(
    ("module", "value"),
    [
        ("cache_config", {"event_list_ttl": "300"}),
        ("cache_config", {"event_list_ttl": 300, "team_info_ttl": 1}),
        ("feature_flags", {"social_features": "false"}),
        ("feature_flags", {"social_features": "no", "email_notifications": True}),
        ("rate_limits", {"search_endpoints": {"requests_per_minute": "7"}}),
        ("payment_queue", {"enabled": "false", "max_concurrent_payments": "7"}),
        ("performance_mode", {"high_performance_mode": "false"}),
        ("database_config", {"read_replicas": []}),
        ("database_config", {"read_replicas": "postgres-replica:5432, postgres-replica-2:5432"}),
        ("redis_config", {"cluster_mode": "no", "nodes": ["10.0.0.1:1", "a:65535"]}),
    ],
)
def test_what_means_a_number_or_a_switch_is_fine(module, value):
    assert settings_problem(value, module, "x") == ""


@pytest.mark.parametrize(
    ("module", "value", "sentence"),
    [
        ("cache_config", {"event_list_ttl": "seven"}, "x.event_list_ttl is 'seven', but must be a whole number from 1 to 86400"),
        ("cache_config", {"event_list_ttl": 0}, "x.event_list_ttl is '0', but must be a whole number from 1 to 86400"),
        ("cache_config", {"event_list_ttl": 1.5}, "x.event_list_ttl is '1.5', but must be a whole number"),
        ("cache_config", {"event_list_ttl": True}, "x.event_list_ttl is 'True', but must be a whole number"),
        ("cache_config", {"event_list_ttl": None}, "x.event_list_ttl is 'None', but must be a whole number"),
        ("cache_config", {"event_list_ttl": [1]}, "x.event_list_ttl is '[1]', but must be a whole number"),
        ("feature_flags", {"social_features": "maybe"}, "x.social_features is 'maybe', but must be true or false"),
        ("feature_flags", {"social_features": None}, "x.social_features is 'None', but must be true or false"),
        (
            "feature_flags",
            {"dark_mode": False},
            "x.dark_mode is not known, but must be one of analytics_tracking, recommendation_engine,",
        ),
        ("rate_limits", {"search_endpoints": 30}, "x.search_endpoints is '30', but must be a mapping of requests_per_minute"),
        (
            "rate_limits",
            {"search_endpoints": {"rpm": 30}},
            "x.search_endpoints.rpm is not known, but must be one of requests_per_minute",
        ),
        ("rate_limits", "much", "x is 'much', but must be a mapping of search_endpoints, analytics_endpoints"),
        ("payment_queue", {"queue_timeout": 86_401}, "x.queue_timeout is '86401', but must be a whole number from 1 to 86400"),
        ("performance_mode", {"high_performance_mode": "seven"}, "x.high_performance_mode is 'seven', but must be true or false"),
        ("database_config", {"read_replicas": "nobody"}, "x.read_replicas contains 'nobody', but each entry must be host:port"),
        ("database_config", {"read_replicas": None}, "x.read_replicas is 'None', but must be a list of 0 to 16 host:port"),
        ("database_config", {"read_replicas": [5432]}, "x.read_replicas contains '5432', but each entry must be host:port"),
        (
            "database_config",
            {"read_replicas": ["a:65536"]},
            "x.read_replicas contains 'a:65536', but each entry must be host:port",
        ),
        ("database_config", {"read_replicas": ["a:0"]}, "x.read_replicas contains 'a:0', but each entry must be host:port"),
        ("database_config", {"read_replicas": ["-a:1"]}, "x.read_replicas contains '-a:1', but each entry must be host:port"),
        (
            "database_config",
            {"read_replicas": ["a:1", "b:1", "a:1"]},
            "x.read_replicas contains 'a:1' more than once, but must name each address once",
        ),
        ("database_config", {"read_replicas": [f"a:{port}" for port in range(1, 18)]}, "x.read_replicas is '['a:1', 'a:2',"),
        ("redis_config", {"nodes": []}, "x.nodes is '[]', but must be a list of 1 to 32 host:port"),
        ("rate_limits", {}, "x is empty, so nothing was asked; set at least one of search_endpoints"),
    ],
)
def test_anything_else_is_refused(module, value, sentence):
    said = settings_problem(value, module, "x")
    assert said.startswith(sentence)
    assert said.endswith(".") and "\n" not in said
