# Every command that changes something runs in a subshell of its own and ends at the first error; this shell lives on.
OVERRIDE=docker-compose.scale.yml
JOURNAL=break-glass.undo

say() { printf '%s %s\n' "$(date +%T)" "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
until_true() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "$what: not so at the deadline"
    sleep 0.2
  done
}

# A value of .env; what .env lacks is asked for, and is then in the memory of this shell alone.
setting() { sed -nE "s/^$1=[\"']?([^\"']*)[\"']?\$/\1/p" .env 2>/dev/null | tail -n 1; }
secret() {
  local value
  value=$(setting "$1")
  [ -n "$value" ] || { read -rsp "$1 (is not shown): " value && echo >&2; }
  printf '%s' "$value"
}

# Containers are found by their labels: names and numbers have gaps.
containers() { docker ps "${@:2}" --no-trunc --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1"; }
app_ids() { containers "$APP" -q; }
the_one() {
  local found
  found=$(containers "$1" -q)
  [ "$(wc -w <<<"$found")" -eq 1 ] || die "not exactly one container of $PROJECT/$1 runs here (docker ps -a)"
  echo "$found"
}
# shellcheck disable=SC2046 # one word per container
inspect_apps() { docker inspect -f "$1" $(app_ids); }
networks() { docker inspect -f '{{range $name, $settings := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$1" | grep . | sort; }
# Number, id and address of each replica, the oldest first.
replicas() {
  inspect_apps "{{index .Config.Labels \"com.docker.compose.container-number\"}} {{.Id}} {{(index .NetworkSettings.Networks \"$NETWORK\").IPAddress}}" | sort -n
}
addresses() { replicas | cut -d' ' -f3; }
running() { app_ids | wc -l; }
at_least() { local now; now=$(running); echo $((now > $1 ? now : $1)); }
# Where this host keeps a file that a container mounts.
host_path() {
  docker inspect -f '{{range .Mounts}}{{println .Destination .Source}}{{end}}' "$1" | awk -v path="$2" '
    $1 == path || index(path, $1 "/") == 1 { if (length($1) > best) { best = length($1); found = $2 substr(path, best + 1) } }
    END { if (best == 0) exit 1; print found }'
}

# The way back of each change is kept until undo_last takes it.
note() {
  [ -z "${UNDOING:-}" ] || return 0
  printf '%s %s\n' "${RUN:-$(date +%F.%T)}" "$*" >>"$JOURNAL"
  say "undo: $*"
}
undo_last() (
  set -euo pipefail
  UNDOING=yes
  [ -s "$JOURNAL" ] || die "nothing is noted in $PWD/$JOURNAL"
  last=$(tail -n 1 "$JOURNAL" | cut -d' ' -f1)
  while read -r -u 3 line; do
    say "$line"
    (eval "$line")
  done 3< <(awk -v run="$last" '$1 == run' "$JOURNAL" | cut -d' ' -f2- | tac)
  awk -v run="$last" '{ if ($1 == run) next; print }' "$JOURNAL" >"$JOURNAL.new"
  mv "$JOURNAL.new" "$JOURNAL"
)

# The token goes through a file descriptor: the process list does not show it.
admin() { # ADDRESS RESOURCE [options of curl]
  local host=$1 tls=("${TLS[@]}")
  [ -z "$SERVER_NAME" ] || { host=$SERVER_NAME && tls+=(--connect-to "$SERVER_NAME:$PORT:$1:$PORT"); }
  curl -fsS --noproxy '*' -m 2 -H @<(printf 'Authorization: Bearer %s' "$TOKEN") "${tls[@]}" "${@:3}" "$SCHEME://$host:$PORT/admin/$2"
}
# What each replica that answers in time says about a resource, all asked at once.
ask() (
  for address in $(addresses); do
    { answer=$(admin "$address" "$1" 2>/dev/null) && printf '%s\n' "$answer"; } &
  done
  wait
)
# Of the answers: what to send (only the difference) and what was there before, two lines; nothing where it is so already.
# With a number for HOW: whether that many replicas run with it.
settings() { # HOW RESOURCE JSON
  python3 -c '
import json, sys
how, resource, patch, directions = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
text, answers = sys.stdin.read().strip(), []
while text:
    answer, end = json.JSONDecoder().raw_decode(text)
    answers, text = [*answers, answer], text[end:].strip()

def target(have, want, path):
    if isinstance(want, dict):
        lacking = [name for name in want if name not in have]
        if lacking:
            sys.exit(f"error: {path} has no {lacking[0]} here")
        return {name: target(have[name], value, f"{path}.{name}") for name, value in want.items()}
    way = directions.get(path, directions.get(path.rpartition(".")[0] + ".*"))
    if how == "strengthen" and way in ("max", "min"):
        return max(have, want) if way == "max" else min(have, want)
    if how == "strengthen" and way == "none":
        return have
    return way if how == "strengthen" and way in (have, want) else want

def unlike(mine, other):
    nested = {name: unlike(value, other[name]) for name, value in mine.items() if isinstance(value, dict)}
    plain = {name: value for name, value in mine.items() if name not in nested and value != other[name]}
    return {**plain, **{name: value for name, value in nested.items() if value}}

def part(whole, like):
    return {name: part(whole[name], value) if isinstance(value, dict) else whole[name] for name, value in like.items()}

if how.isdigit():
    sys.exit(len(answers) < int(how) or any(unlike(patch, answer["settings"]) for answer in answers))
if not answers:
    sys.exit(f"error: no replica tells its {resource}; is the token right, and does one answer (docker ps, docker logs)?")
have = max(answers, key=lambda answer: answer["version"])["settings"]
want = target(have, patch, resource)
send = unlike(want, have)
if send:
    print(json.dumps(send))
    print(json.dumps(part(have, send)))
' "$1" "$2" "$3" "$DIRECTIONS"
}
post() {
  local address
  for address in $(addresses); do
    admin "$address" "$1" -o /dev/null -H 'Content-Type: application/json' -d "$2" && return
  done
  die "$1: no replica took $2"
}
holds() { ask "$1" | settings "$(running)" "$1" "$2"; }
converge() { # strengthen|exactly RESOURCE JSON
  local plan send before
  plan=$(ask "$2" | settings "$1" "$2" "$3") || exit 1
  if [ -z "$plan" ]; then
    say "$2: nothing to change"
    return
  fi
  { read -r send && read -r before; } <<<"$plan"
  note "exactly $2 '$before'"
  post "$2" "$send"
  until_true "$DEADLINE" "every replica runs with $2 $send" holds "$2" "$send"
  say "$2: $send on all $(running) replicas"
}
strengthen() (set -euo pipefail; converge strengthen "$@") # what is stronger already stays
exactly() (set -euo pipefail; converge exactly "$@")

# The override keeps number and limits of the replicas over "docker compose up -d". Text that is empty stays as it was.
kept() {
  case $1 in
    replicas) sed -nE 's/^      replicas: ([0-9]+)$/\1/p' "$OVERRIDE" ;;
    memswap) sed -nE 's/^    memswap_limit: ([-[:alnum:]]+)$/\1/p' "$OVERRIDE" ;;
    networks) sed -nE 's/^      ([^ ]+): \{ipv4_address: .reset null\}$/\1/p' "$OVERRIDE" ;;
    *) sed -nE "s/^          $1: \"(.+)\"\$/\1/p" "$OVERRIDE" ;;
  esac 2>/dev/null || true
}
# Networks in which the compose file gives a replica a fixed address, which a second one cannot have.
fixed_networks() {
  local network
  # shellcheck disable=SC2016 # variables of the template
  inspect_apps '{{range $name, $settings := .NetworkSettings.Networks}}{{with $settings.IPAMConfig}}{{if .IPv4Address}}{{println $name}}{{end}}{{end}}{{end}}' |
    grep . | sort -u | while read -r network; do docker network inspect -f '{{index .Labels "com.docker.compose.network"}}' "$network"; done || true
}
override() { # REPLICAS CPUS MEMORY MEMSWAP [NETWORK...]
  local reset network
  reset=$(printf '\041reset')
  # shellcheck disable=SC2016 # the backquotes are text
  printf '%s\n' '# Written by smartsports.scaling (playbooks scale_app, scale_down, resize_app): it keeps their numbers over `docker compose up -d`.' \
    services: "  $APP:"
  [ -z "$1" ] || printf '    %s\n' "container_name: $reset null" "ports: $reset []" "scale: $reset null"
  [ -z "$2" ] || printf '    %s\n' "cpus: $reset null" "cpu_quota: $reset null" "cpu_period: $reset null"
  [ -z "$3" ] || printf '    %s\n' "mem_limit: $reset null" "memswap_limit: ${4:-$reset null}"
  [ $# -lt 5 ] || printf '    networks:\n'
  for network in "${@:5}"; do printf '      %s: {ipv4_address: %s null}\n' "$network" "$reset"; done
  printf '    deploy:\n'
  [ -z "$1" ] || printf '      replicas: %s\n' "$1"
  [ -z "$2$3" ] || printf '      resources:\n        limits:\n'
  [ -z "$2" ] || printf '          cpus: "%s"\n' "$2"
  [ -z "$3" ] || printf '          memory: "%s"\n' "$3"
}
keep() { # REPLICAS CPUS MEMORY MEMSWAP
  local listed swap=$4 fixed
  [ -n "$3" ] || swap=$(kept memswap)
  mapfile -t fixed < <({ kept networks; fixed_networks; } | sort -u)
  override "${1:-$(kept replicas)}" "${2:-$(kept cpus)}" "${3:-$(kept memory)}" "$swap" "${fixed[@]}" >"$OVERRIDE.new"
  chmod 644 "$OVERRIDE.new"
  mv "$OVERRIDE.new" "$OVERRIDE"
  listed=$(setting COMPOSE_FILE)
  case ":$listed:" in *[:/]"$OVERRIDE":*) return ;; esac
  # Last: Compose refuses to work with a file that is listed and missing.
  touch .env
  cp -p .env .env.new
  if grep -q '^COMPOSE_FILE=' .env; then
    sed "s|^COMPOSE_FILE=.*|COMPOSE_FILE=${listed:+$listed:}$OVERRIDE|" .env >.env.new
  else
    awk 1 .env >.env.new
    echo "COMPOSE_FILE=$COMPOSE_FILES:$OVERRIDE" >>.env.new
  fi
  mv .env.new .env
}

# nginx sends requests to these addresses alone; ends when no old worker is left that knows others.
workers() { docker top "$1" -eo pid,args | awk '/nginx: worker process/ {print $1}'; }
without_workers() { local now; now=$(workers "$1") && ! grep -qxF "$2" <<<"$now"; }
upstream() { # NAME SUBNETS ADDRESSES; the text of the file with other servers in its upstream
  python3 -c '
import ipaddress, re, sys
app, project, port, name, subnets, *addresses = sys.argv[1:]
subnets = [ipaddress.ip_network(subnet) for subnet in subnets.split()]
options = {}

def ours(host):
    try:
        return any(ipaddress.ip_address(host) in subnet for subnet in subnets)
    except ValueError:
        return host == app or bool(re.fullmatch(rf"{re.escape(project)}[-_]{re.escape(app)}([-_]\d+)?", host))

def without_ours(found):
    if found["host"] is None or not ours(found["host"]):
        return found[0]
    options[found["host"]] = found["options"].split()
    return ""

def servers(found):
    rest = re.sub(rf"#[^\n]*|[ \t]*\bserver\s+(?P<host>[^\s;:]+):{port}\b(?P<options>[^;]*);([ \t]*#[^\n]*)?\n?", without_ours, found[2])
    common = next((words for words in options.values() if not {"backup", "down"} & {*words}), [])
    usual = [word for word in common if word not in ("resolve",)]
    lines = [" ".join(["    server", f"{address}:{port}", *options.get(address, usual)]) + ";" for address in addresses]
    return found[1] + "\n" + "\n".join(lines) + "\n" + (rest.strip("\n") + "\n" if rest.strip() else "") + "}"

text, count = re.subn(r"(?m)^([ \t]*upstream\s+%s\s*\{)([^{}]*)\}" % re.escape(name), servers, sys.stdin.read())
if count == 0:
    sys.exit("error: no upstream block of that name that could be read")
sys.stdout.write(text)
' "$APP" "$PROJECT" "$PORT" "$@"
}
send_requests_to() (
  set -euo pipefail
  [ $# -gt 0 ] || die "nginx would be left without a server"
  for name in "${UPSTREAMS[@]}"; do (send_from "$name" "$@"); done
  say "nginx sends requests to $# replicas"
)
send_from() { # UPSTREAM ADDRESSES
  local name=$1
  shift
  nginx=$(the_one "$NGINX")
  inside=$(docker exec "$nginx" nginx -T 2>/dev/null | awk -v name="$name" '
    /^# configuration file / { file = substr($4, 1, length($4) - 1) }
    $1 == "upstream" && ($2 == name || $2 == name "{") { print file }')
  [ "$(wc -w <<<"$inside")" -eq 1 ] || die "not exactly one file of nginx defines upstream $name (docker exec $nginx nginx -T)"
  file=$(host_path "$nginx" "$inside") || die "$inside is part of the image, not mounted from this host"
  old=$(mktemp) new=$(mktemp)
  trap 'rm -f "$old" "$new"' EXIT
  cat "$file" >"$old"
  docker exec "$nginx" cat "$inside" | cmp -s - "$old" || die "nginx sees another $inside than $file: recreate its container at a calm hour"
  subnets=$(docker network inspect -f '{{range .IPAM.Config}}{{println .Subnet}}{{end}}' "$NETWORK")
  upstream "$name" "$subnets" "$@" <"$old" >"$new"
  before=$(workers "$nginx")
  cat "$new" >"$file" # in place: a file that is mounted alone must stay the same file
  docker exec "$nginx" nginx -t -q || { cat "$old" >"$file"; die "nginx refuses the new servers; the file is as it was"; }
  docker exec "$nginx" nginx -s reload 2>/dev/null
  until_true 60 "old nginx workers have ended their requests" without_workers "$nginx" "$before"
}

state() { docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$1"; }
# Those that were healthy or ill before are no reason to wait: ask only for the others.
ready() { # NUMBER SETTLED-IDS
  local id
  [ "$(running)" -ge "$1" ] || return 1
  for id in $(app_ids | grep -vxF "$2"); do
    case $(state "$id") in
      "running healthy") ;;
      "running none") curl -fsS --noproxy '*' -m 2 -o /dev/null "http://$(replicas | awk -v id="$id" '$2 == id {print $3}'):$PORT$HEALTH" 2>/dev/null || return 1 ;;
      exited* | dead*) die "a new replica ended at once: docker logs $id" ;;
      *) return 1 ;;
    esac
  done
}
# The site as buyers ask for it: by its name, where it has one, wherever nginx listens.
visit() { # [options of curl]
  local url=$ENTRY to=() place=${ENTRY#*://} port=
  place=${place%%/*}
  if [ -n "$SITE" ]; then
    [[ $place != *:* ]] || port=${place##*:}
    url=${ENTRY%%://*}://$SITE to=(--connect-to "::${place%:*}:$port")
  fi
  curl -s --noproxy '*' -o /dev/null "${SITE_TLS[@]}" "${to[@]}" "$@" "$url$PROBE"
}
# How many requests that came through nginx a replica has answered well.
answered() { # ADDRESS
  curl -s --noproxy '*' -m 2 "http://$1:$PORT$METRICS" | awk -v counter="$REQUESTS{" -v health="$HEALTH" -v metrics="$METRICS" '
    index($0, counter) == 1 { if (index($0, "\"" health) || index($0, "\"" metrics) || index($0, "\"/admin") || index($0, "status_code=\"5")) next; sum += $NF }
    END { print sum + 0 }'
}
serves() { # ADDRESS; where there is no traffic, a request through nginx helps
  [ "$(answered "$1")" != 0 ] || { visit -m 2; return 1; }
}
remove_stopped() { # left by a run that was killed; one with a port of the host stays: Compose starts it again
  local id
  for id in $(containers "$APP" -aq --filter status=created --filter status=exited --filter status=dead); do
    [ "$(docker inspect -f '{{len .HostConfig.PortBindings}}' "$id")" -gt 0 ] || docker rm -v "$id" >/dev/null
  done
}
compose_app() {
  local files log
  IFS=: read -ra files <<<"$COMPOSE_FILES:$OVERRIDE"
  log=$(mktemp)
  # Without the variables of this shell: they would win over .env.
  env -i PATH="$PATH" HOME="${HOME:-/root}" docker compose --project-directory "$PWD" -p "$PROJECT" "${files[@]/#/-f}" \
    up -d --no-recreate --no-deps --no-build --scale "$APP=$1" "$APP" >"$log" 2>&1 || die "Compose: $(tail -n 1 "$log")"
  rm -f "$log"
}
scale_up() (
  set -euo pipefail
  wanted=$1 now=$(running)
  [ "$now" -gt 0 ] || die "no replica runs: start the platform (docker compose up -d)"
  [ "$wanted" -ge "$now" ] || die "$wanted is less than the $now replicas that run: that is Scale down"
  settled=$(for id in $(app_ids); do [ "$(state "$id")" = "running starting" ] || echo "$id"; done)
  if [ "$wanted" -gt "$now" ]; then
    limit=$(kept memory)
    if [ -n "$limit" ]; then limit=$(numfmt --from=iec "$limit"); else limit=$(inspect_apps '{{.HostConfig.Memory}}' | sort -n | tail -n 1); fi
    [ $((wanted * limit)) -le "$(docker info -f '{{.MemTotal}}')" ] || die "$wanted replicas of $limit bytes each are more memory than this host has"
    note "scale_down $now"
  fi
  remove_stopped
  keep "$wanted" '' '' ''
  [ "$wanted" -eq "$now" ] || compose_app "$wanted"
  until_true 60 "$wanted replicas are ready" ready "$wanted" "$settled"
  mapfile -t everybody < <(addresses)
  send_requests_to "${everybody[@]}"
  for address in "${everybody[@]}"; do until_true 60 "$address serves requests" serves "$address"; done
  say "replicas: $now before, $(running) now"
)
scale_down() (
  set -euo pipefail
  wanted=$1 now=$(running)
  [ "$wanted" -ge 1 ] || die "$wanted is below 1, and a platform without the application is down"
  [ "$wanted" -le "$now" ] || die "$wanted is more than the $now replicas that run: that is Scale up"
  [ "$wanted" -lt "$now" ] || { scale_up "$wanted"; exit; }
  # The newest leave, never the one that holds a port of the host.
  mapfile -t leave < <(replicas | while read -r _number id _address; do
    [ "$(docker inspect -f '{{len .HostConfig.PortBindings}}' "$id")" -gt 0 ] || echo "$id"
  done | tail -n $((now - wanted)))
  mapfile -t stay < <(replicas | grep -vF "$(printf '%s\n' "${leave[@]}")" | cut -d' ' -f3)
  note "scale_up $now"
  send_requests_to "${stay[@]}"
  docker stop "${leave[@]}" >/dev/null
  docker rm -v "${leave[@]}" >/dev/null
  remove_stopped
  keep "$wanted" '' '' ''
  say "replicas: $now before, $(running) now"
)

shortest() { awk -v bytes="$1" 'BEGIN { split("K M G", unit, " "); while (bytes % 1024 == 0 && power < 3) { bytes /= 1024; power++ } printf "%.0f%s", bytes, unit[power] }'; }
nano() { awk -v cpus="$1" 'BEGIN { printf "%.0f", cpus * 1e9 }'; }
cpus_of() { awk -v nano="$1" 'BEGIN { text = sprintf("%.9f", nano / 1e9); sub(/\.?0+$/, "", text); print text }'; }
resize() ( # CPUS MEMORY [lower]; an empty one stays as it is
  set -euo pipefail
  cpus=${1:+$(nano "$1")} memory=${2:+$(numfmt --from=iec "$2")} lower=${3:-}
  [ -n "$cpus$memory" ] || die "say how many CPUs or how much memory"
  count=$(running) number=$(kept replicas)
  mapfile -t limits < <(inspect_apps '{{.Id}} {{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}')
  read -r host_cpus host_memory < <(docker info -f '{{.NCPU}} {{.MemTotal}}')
  [ -z "$cpus" ] || [ "$cpus" -le $((host_cpus * 1000000000)) ] || die "more than the $host_cpus CPUs of this host"
  [ -z "$memory" ] || [ $((memory * (number > count ? number : count))) -le "$host_memory" ] || die "more memory for all replicas than the $host_memory bytes of this host"
  most_cpus=0 most_memory=0 differ=no
  for line in "${limits[@]}"; do
    read -r id has_cpus has_memory swap <<<"$line"
    [ -z "$cpus" ] || [ "$has_cpus" -gt 0 ] || die "$id has no CPU limit in billionths: a limit belongs into the compose file"
    [ -z "$memory" ] || [ "$has_memory" -gt 0 ] || die "$id has no memory limit: a limit belongs into the compose file"
    [ -n "$lower" ] || [ "${cpus:-$has_cpus}" -ge "$has_cpus" ] || die "$id has more CPUs than that; say lower"
    [ -n "$lower" ] || [ "${memory:-$has_memory}" -ge "$has_memory" ] || die "$id has more memory than that; say lower"
    if [ "${memory:-$has_memory}" -lt "$has_memory" ]; then
      used=$(docker stats --no-stream --format '{{.MemUsage}}' "$id" | cut -d' ' -f1 | tr -d B | numfmt --from=iec-i)
      [ "$memory" -ge $((used * 6 / 5)) ] || die "$id uses $used bytes: give it that and a fifth more, or the kernel kills it"
    fi
    [ "${cpus:-$has_cpus} ${memory:-$has_memory}" = "$has_cpus $has_memory" ] || differ=yes
    most_cpus=$((has_cpus > most_cpus ? has_cpus : most_cpus)) most_memory=$((has_memory > most_memory ? has_memory : most_memory))
  done
  [ "$differ" = no ] || note "resize '${1:+$(cpus_of "$most_cpus")}' '${2:+$(shortest "$most_memory")}' lower"
  for line in "${limits[@]}"; do
    read -r id has_cpus has_memory swap <<<"$line"
    # Swap keeps its share: Docker refuses memory above memory and swap together.
    [ -z "$memory" ] || [ "$swap" -le 0 ] || swap=$(awk -v a="$swap" -v b="$memory" -v c="$has_memory" 'BEGIN { printf "%.0f", int(a * b / c) }')
    docker update ${cpus:+--cpus "$(cpus_of "$cpus")"} ${memory:+--memory "$memory" --memory-swap "$swap"} "$id" >/dev/null
  done
  memswap=
  if [ -n "$memory" ] && [ "$swap" -lt 0 ]; then memswap=-1; fi
  if [ -n "$memory" ] && [ "$swap" -gt 0 ] && [ "$swap" -ne $((2 * memory)) ]; then memswap=$(shortest "$swap"); fi
  keep '' "${cpus:+$(cpus_of "$cpus")}" "${memory:+$(shortest "$memory")}" "$memswap"
  say "limits: ${1:+$1 CPUs }${2:+$2 }for each of $count replicas, and for new ones"
)

# The password goes through the environment of the client: the process list does not show it.
console() { PGPASSWORD=$PASSWORD PGCONNECT_TIMEOUT=5 docker exec -e PGPASSWORD -e PGCONNECT_TIMEOUT "$POOLER" \
  psql -X -q -A -t -h 127.0.0.1 -p "$PGBOUNCER_PORT" -U "$PGBOUNCER_USER" -d pgbouncer -c "$1"; }
in_force() { console "SHOW CONFIG" | awk -F'|' -v key="$1" '$1 == key {print $2}'; }
pool_is() { [ "$(in_force default_pool_size)" = "$1" ]; }
pool_counts() { console "SHOW DATABASES" | awk -F'|' -v size="$1" '$6 == size { found = 1 } END { exit found == 0 }'; }
resize_pool() ( # SIZE [reconnect]
  set -euo pipefail
  size=$1
  POOLER=$(the_one "$PGBOUNCER")
  PASSWORD=$(secret PGBOUNCER_ADMIN_PASSWORD)
  now=$(in_force default_pool_size)
  [ -n "$now" ] || die "the console of PgBouncer does not answer"
  for limit in max_user_connections max_db_connections; do
    most=$(in_force "$limit")
    [ "$most" -eq 0 ] || [ "$size" -le "$most" ] || die "$size would do nothing beyond $most: that is $limit in pgbouncer.ini"
  done
  if [ "$size" -gt "$now" ]; then
    pools=$(console "SHOW POOLS" | awk -F'|' '$1 == "pgbouncer" {next} {n++} END {print n > 0 ? n : 1}')
    wants=$((pools * (size + $(in_force reserve_pool_size))))
    # shellcheck disable=SC2016 # a variable of the container
    free=$(docker exec "$(the_one "$POSTGRES")" sh -c 'exec psql -X -q -A -t -U "${POSTGRES_USER:-postgres}" -d postgres -c "$1"' psql \
      "SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings WHERE name = 'max_connections' OR name LIKE '%reserved_connections'")
    most=$(in_force max_db_connections)
    [ "$most" -eq 0 ] || [ "$wants" -le $((pools * most)) ] || wants=$((pools * most))
    [ "$wants" -le "$free" ] || die "PgBouncer could open $wants connections, PostgreSQL has $free: raise max_connections first, or ask for less"
  fi
  inside=$(in_force conffile)
  file=$(host_path "$POOLER" "$inside") || die "$inside is part of the image, not mounted from this host"
  old=$(mktemp) new=$(mktemp)
  trap 'rm -f "$old" "$new"' EXIT
  cat "$file" >"$old"
  docker exec "$POOLER" cat "$inside" | cmp -s - "$old" || die "PgBouncer sees another $inside than $file: recreate its container at a calm hour"
  if grep -qE '^[[:space:]]*default_pool_size[[:space:]]*=' "$old"; then
    sed -E "s/^([[:space:]]*default_pool_size[[:space:]]*=[[:space:]]*).*/\1$size/" "$old" >"$new"
  else
    sed -E "/^[[:space:]]*\[pgbouncer\]/a default_pool_size = $size" "$old" >"$new"
  fi
  if [ "$size" -ne "$now" ]; then note "resize_pool $now"; fi
  cat "$new" >"$file" # in place: a file that is mounted alone must stay the same file
  console RELOAD
  # RELOAD reports success on a broken file, and a pool_size of the database itself wins: look.
  { (until_true 5 "PgBouncer runs with $size" pool_is "$size") && pool_counts "$size"; } || {
    cat "$old" >"$file"
    docker kill -s HUP "$POOLER" >/dev/null
    die "default_pool_size $size did not take effect; the file is as it was (docker logs $POOLER)"
  }
  if [ "${2:-}" = reconnect ]; then console RECONNECT; fi
  say "default_pool_size: $now before, $size in force"
)

# Looking. A figure that is missing makes the severity unknown, never normal.
query() { curl -fsS --noproxy '*' --netrc-optional -m 3 -G "$PROMETHEUS/api/v1/query" --data-urlencode "query=$1" 2>/dev/null; }
number() { # of a query with one value; "idle" is 0/0
  query "$1" | python3 -c '
import json, sys
found = json.load(sys.stdin)["data"]["result"]
print(round(float(found[0]["value"][1]), 2) if found else "missing")' 2>/dev/null | sed 's/nan/idle/' | grep . || echo missing
}
slower_than() { # SECONDS QUERY: percent of the requests, at least
  query "$2" | python3 -c '
import json, sys
buckets = {float(entry["metric"]["le"]): float(entry["value"][1]) for entry in json.load(sys.stdin)["data"]["result"]}
limit, total = float(sys.argv[1]), max(buckets.values(), default=None)
within = min((count for bound, count in buckets.items() if bound >= limit), default=total)
print("missing" if total is None else "idle" if not total > 0 else round(100 * (total - within) / total, 1))' "$1" 2>/dev/null || echo missing
}
probe() { # PATIENCE; seconds of a request through nginx; one that fails counts as endless, one that is given up as it is
  local seconds rc=0
  seconds=$(visit -f -m "$1" -w '%{time_total}' 2>/dev/null) || rc=$?
  if [ "$rc" -ne 0 ] && [ "$rc" -ne 28 ]; then seconds=99; fi
  echo "$seconds"
}
told() { printf '%-42s %10s\n' "$1" "$2"; } # a figure that nothing is judged by
figure() { # WHAT VALUE [LIMIT LEVEL]..., the worst first
  local what=$1 value=$2 level=normal
  shift 2
  case $value in missing | *[a-z]*) if [ "$value" = missing ]; then level=unknown; fi; set -- ;; esac
  while [ $# -gt 0 ]; do
    if awk "BEGIN { exit ($value > $1) == 0 }"; then
      level=$2
      break
    fi
    shift 2
  done
  printf '%-42s %10s  %s\n' "$what" "$value" "$level"
}
severity() { # of figures, the worst first: the worst that is known; unknown where nothing bad is known and something is missing
  awk '
    { level = $NF ~ /^(P[0-2]|unknown)$/ ? $NF : "normal"; lines[level] = lines[level] $0 "\n" }
    END {
      count = split("P0 P1 P2 unknown normal", order, " ")
      for (i = 1; i <= count; i++) { printf "%s", lines[order[i]]; if (worst == "" && lines[order[i]] != "") worst = order[i] }
      print "SEVERITY " worst
    }'
}
drift() { # what a hand-typed docker compose left
  local number
  number=$(kept replicas)
  if [ -n "$number" ] && [ "$number" -ne "$(running)" ]; then
    echo "drift: $number replicas kept in $OVERRIDE, $(running) running: paste Scale up with REPLICAS=$(at_least "$number")"
  fi
}
watch_queue() ( # LOOKS SECONDS
  printf '%-8s %8s %9s %10s %9s %10s %8s %6s %8s\n' time waiting admitted 'mean wait' longest abandoned buying held unpaid
  for look in $(seq "$1"); do
    [ "$look" = 1 ] || sleep "$2"
    ask queue-status | python3 -c '
import json, sys, time
try:
    told = json.JSONDecoder().raw_decode(sys.stdin.read().strip())[0]
except ValueError:
    sys.exit(time.strftime("%T  no replica answers"))
room, sales, unpaid = told["virtual_queue"], told["ticket_purchase_queue"], told["payment_queue"]
print(time.strftime("%T") + " %8d %9d %8.0f s %7.0f s %9.1f%% %8d %6d %8d" % (
    room["length"], room["admitted"], room["mean_wait_seconds"], room["longest_wait_seconds"], 100 * room["abandonment_rate"],
    sales["in_progress"], sales["waiting"], unpaid["length"]))' || true
  done
)

begin() {
  local tool network
  unset BREAK_GLASS
  for tool in docker curl python3 numfmt; do
    command -v "$tool" >/dev/null || { echo "error: $tool is missing on this host" >&2; return 1; }
  done
  cd "$DIRECTORY" || return 1
  [ "$(running)" -gt 0 ] || { echo "error: no container of $PROJECT/$APP runs here: docker compose up -d, then paste this again" >&2; return 1; }
  network=${NETWORK:-$(comm -12 <(networks "$(app_ids | head -n 1)") <(networks "$(containers "$NGINX" -aq | head -n 1)") | head -n 1)}
  [ -n "$network" ] || { echo "error: no network is shared by $NGINX and $APP" >&2; return 1; }
  NETWORK=$network
  TOKEN=$(secret ADMIN_TOKEN)
  BREAK_GLASS=$PWD
  echo "ready: $(running) replicas run, $(ask rate-limits | grep -c .) of them take the token"
}
begin
