# shellcheck shell=bash disable=SC2034 # what is set here is used by those that source it
# What both scripts share. Sourced; needs bash, curl, docker and python3, and the deployment directory as the current one.

setting() { sed -n "s/^$1=//p" .env | tail -n 1; }
project=$(setting COMPOSE_PROJECT_NAME)
entry=http://127.0.0.1:$(setting LAB_NGINX_PORT)
prometheus=http://127.0.0.1:$(setting LAB_PROMETHEUS_PORT)
override=docker-compose.scale.yml

die() { printf 'error: %s\n' "$*" >&2; exit 1; }
step() { printf '%s %s\n' "$(date +%T)" "$*"; }

# until_true SECONDS WHAT COMMAND...: ask again and again, give up with a sentence.
until_true() {
  local deadline=$((SECONDS + $1)) what=$2; shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "$what: still not so at the deadline"
    sleep 0.2
  done
}

app_ids() { docker ps -q --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.service=app; }
inspect_apps() { # shellcheck disable=SC2046 # one word per container
  docker inspect -f "$1" $(app_ids); }
addresses() { inspect_apps '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' | sort -V; }
by_number() { inspect_apps '{{index .Config.Labels "com.docker.compose.container-number"}} {{.Id}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' | sort -n; }
running() { [ "$(app_ids | wc -l)" -eq "$1" ]; }
healthy() { [ "$(inspect_apps '{{.State.Health.Status}}' | grep -cx healthy)" -eq "$1" ]; }

# The token reaches curl through a file descriptor, so that `ps` does not show it.
admin() { curl -fsS -m 2 -H @<(printf 'Authorization: Bearer %s' "$(setting ADMIN_TOKEN)") "$@"; }

# post RESOURCE JSON: to the first instance that takes it.
post() {
  local address
  for address in $(addresses); do
    admin -o /dev/null -X POST -d "$2" "http://$address:3000/admin/$1" && return
  done
  die "no instance took $1"
}

# holds RESOURCE JSON: does every instance run with it?
holds() {
  local address
  for address in $(addresses); do
    admin "http://$address:3000/admin/$1" || return 1
    echo
  done | python3 -c '
import json, sys
def within(asked, have): return all(within(v, have[k]) if isinstance(v, dict) else have[k] == v for k, v in asked.items())
answers = [json.loads(line)["settings"] for line in sys.stdin]
sys.exit(not answers or not all(within(json.loads(sys.argv[1]), answer) for answer in answers))' "$2"
}

keep_count() { # so that a plain "docker compose up -d" keeps it
  printf 'services:\n  app:\n    container_name: !reset null\n    ports: !reset []\n    deploy:\n      replicas: %s\n' "$1" >"$override.new"
  mv "$override.new" "$override"
  grep -q "^COMPOSE_FILE=.*$override" .env && return
  local files; files=$(setting COMPOSE_FILE)
  sed '/^COMPOSE_FILE=/d' .env >.env.new
  printf 'COMPOSE_FILE=%s:%s\n' "${files:-docker-compose.prod.yml}" "$override" >>.env.new
  chmod 600 .env.new && mv .env.new .env
}

compose_app() {
  docker compose -f docker-compose.prod.yml -f "$override" up -d --no-recreate --no-deps --scale "app=$1" app 2>compose.log ||
    die "compose did not scale: $(tail -n 1 compose.log)"
}

# route ADDRESSES: nginx sends new requests to these alone, and no old worker is left that knows others.
route() {
  local old
  { echo 'upstream app {'; printf '    server %s:3000;\n' "$@"; echo '}'; } >config/nginx/upstream.conf.new
  mv config/nginx/upstream.conf.new config/nginx/upstream.conf
  docker exec "$project-nginx" nginx -t -q || die "nginx refuses the new upstream"
  old=$(workers)
  docker exec "$project-nginx" nginx -s reload 2>/dev/null
  until_true 30 "old nginx workers leave" none_of "$old"
}
workers() { docker top "$project-nginx" -eo pid,args | awk '/nginx: worker/ {print $1}'; }
none_of() { ! workers | grep -qxF "$1"; }

served() { curl -s -m 2 "http://$1:3000/internal/metrics" | awk '/^smartsports_http_requests_total[{]/ && !/health|metrics|admin/ {sum += $NF} END {print sum + 0}'; }
