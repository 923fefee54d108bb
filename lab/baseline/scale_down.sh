#!/usr/bin/env bash
# The way back as a careful engineer would paste it: drain the newest replicas, then remove them; settings back to normal.
# usage: scale_down.sh DEPLOYMENT_DIRECTORY [REPLICAS]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:?usage: scale_down.sh DEPLOYMENT_DIRECTORY [REPLICAS]}"
replicas=${2:-2}
. "$here/common.sh"

running=$(app_ids | wc -l)
if [ "$running" -gt "$replicas" ]; then
  step "drain $((running - replicas)) replicas"
  mapfile -t keep < <(by_number | head -n "$replicas" | cut -d' ' -f3)
  mapfile -t victims < <(by_number | tail -n +$((replicas + 1)) | cut -d' ' -f2)
  route "${keep[@]}"
  docker stop "${victims[@]}" >/dev/null
  docker rm "${victims[@]}" >/dev/null
  compose_app "$replicas"
  keep_count "$replicas"
fi

step "settings back to normal"
post rate-limits '{"search_endpoints": {"requests_per_minute": 600}, "analytics_endpoints": {"requests_per_minute": 600}, "non_essential_endpoints": {"enabled": true}}'
post queue-config '{"ticket_purchase_queue": {"enabled": false, "max_concurrent": 1000}, "virtual_queue": {"enabled": false, "max_concurrent_users": 5000, "queue_timeout": 1800, "estimated_wait_time": true}}'
post feature-flags '{"analytics_tracking": true, "recommendation_engine": true, "social_features": true, "email_notifications": true}'
post cache-config '{"event_list_ttl": 60, "venue_info_ttl": 300, "team_info_ttl": 300, "static_content_ttl": 1800}'
until_true 5 "every instance is back to normal" holds rate-limits '{"search_endpoints": {"requests_per_minute": 600}}'
until_true 5 "every instance lets everybody in" holds queue-config '{"virtual_queue": {"enabled": false}}'
healthy "$replicas" || die "not $replicas healthy replicas"
step "done"
