#!/usr/bin/env bash
# Makes sure that a Docker engine and Compose >= 2.24 answer. Uses what is there; installs only on Debian/Ubuntu as root.
# Safe to run again at any time; says nothing when there is nothing to do.
set -euo pipefail

compose_min=2.24
say() { printf '\033[2m· %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
answers() { docker info >/dev/null 2>&1; }
has_compose() {
  local have; have=$(docker compose version --short 2>/dev/null) || return 1
  [ "$(printf '%s\n%s\n' "$compose_min" "${have#v}" | sort -V | head -n 1)" = "$compose_min" ]
}
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null 2>&1; apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
}

install_engine() {
  may_install || die "no Docker engine answers and none can be installed here; install Docker Engine >= 20.10, start it, and run this again."
  command -v dockerd >/dev/null || { say "installing the Docker engine"; apt_install docker.io iptables; }
}

start_engine() {
  say "starting the Docker engine (log: /var/log/dockerd.log)"
  # A pid file left by a machine that went down would keep dockerd from starting.
  local pid_file=/var/run/docker.pid
  [ -f "$pid_file" ] && ! kill -0 "$(cat "$pid_file")" 2>/dev/null && rm -f "$pid_file"
  setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
  for _ in $(seq 150); do answers && return; sleep 0.2; done
  die "dockerd did not answer within 30 s; the reason is in /var/log/dockerd.log."
}

# Debian 12 has no Compose v2. Trixie's package is a single static plugin that needs only libc >= 2.34; its source is
# pinned so low that nothing else can ever come from there.
install_compose() {
  may_install || die "Docker Compose >= $compose_min is missing; install the Docker Compose plugin and run this again."
  say "installing the Docker Compose plugin"
  if ! apt_install docker-compose-v2 2>/dev/null || ! has_compose; then
    local list=/etc/apt/sources.list.d/smartsports-compose.list pin=/etc/apt/preferences.d/smartsports-compose
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    printf 'deb [signed-by=%s] http://deb.debian.org/debian trixie main\n' "$keyring" >"$list"
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: -10\n\nPackage: docker-compose\nPin: release n=trixie\nPin-Priority: 990\n' >"$pin"
    apt-get update -qq >/dev/null
    apt_install docker-compose
  fi
  has_compose || die "Docker Compose >= $compose_min is still missing after its installation."
}

answers || { install_engine; answers || start_engine; }
has_compose || install_compose
