#!/usr/bin/env bash
# The response to P0 as a careful engineer would paste it: look, shed, queue, scale, route, verify. The yardstick for the playbook.
# usage: respond.sh DEPLOYMENT_DIRECTORY [REPLICAS]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:?usage: respond.sh DEPLOYMENT_DIRECTORY [REPLICAS]}"
replicas=${2:-10}
. "$here/common.sh"

step "assess"
ask() { curl -fsS -m 3 -G "$prometheus/api/v1/query" --data-urlencode "query=$1" | python3 -c 'import json,sys; print([r["value"][1] for r in json.load(sys.stdin)["data"]["result"]])'; }
printf 'p95 '; ask 'histogram_quantile(0.95, sum by (le) (rate(smartsports_http_request_duration_seconds_bucket[1m])))'
printf '5xx '; ask 'sum(rate(smartsports_http_requests_total{status_code=~"5.."}[1m])) / sum(rate(smartsports_http_requests_total[1m]))'
printf 'CPU '; ask 'avg(rate(smartsports_process_cpu_seconds_total[1m]))'
printf 'connections '; ask 'sum(smartsports_db_connections_active)'
curl -s -m 10 -o /dev/null -w 'probe %{http_code} %{time_total} s\n' "$entry/health" || echo "probe failed"

declare -A wanted=(
  [rate-limits]='{"search_endpoints": {"requests_per_minute": 30}, "analytics_endpoints": {"requests_per_minute": 10}, "non_essential_endpoints": {"enabled": false}}'
  [queue-config]='{"ticket_purchase_queue": {"enabled": true, "max_concurrent": 1000}, "virtual_queue": {"enabled": true, "max_concurrent_users": 5000, "queue_timeout": 1800, "estimated_wait_time": true}}'
  [feature-flags]='{"analytics_tracking": false, "recommendation_engine": false, "social_features": false, "email_notifications": false}'
  [cache-config]='{"event_list_ttl": 300, "venue_info_ttl": 3600, "team_info_ttl": 3600, "static_content_ttl": 7200}'
)
for resource in rate-limits queue-config feature-flags cache-config; do
  step "$resource"
  post "$resource" "${wanted[$resource]}"
  until_true 5 "every instance runs with $resource" holds "$resource" "${wanted[$resource]}"
done

step "scale to $replicas"
keep_count "$replicas"
compose_app "$replicas"
until_true 60 "$replicas replicas are healthy" healthy "$replicas"

step "route"
mapfile -t everybody < <(addresses)
route "${everybody[@]}"

step "verify"
serves() { [ "$(served "$1")" -gt 0 ] || { curl -s -o /dev/null -m 2 "$entry/api/v1/events"; return 1; }; }
for address in "${everybody[@]}"; do until_true 20 "$address serves" serves "$address"; done
for resource in "${!wanted[@]}"; do until_true 5 "every replica runs with $resource" holds "$resource" "${wanted[$resource]}"; done
curl -fsS -m 5 -o /dev/null "$entry/api/v1/events"
step "done"
