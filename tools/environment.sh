#!/usr/bin/env bash
# Makes .venv/ as requirements.txt pins it, with the first suitable Python (PYTHON=... chooses another).
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=0.13.9 # installs the lock in a sixth of pip's time
say() { printf '\033[2m· %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 /usr/bin/python3}; do
    suits "$candidate" && has_venv "$candidate" && { echo "$candidate"; return; }
  done
  return 1
}

make_venv() {
  local python
  if ! python=$(find_python); then
    if [ -z "${PYTHON:-}" ] && may_install; then
      say "installing python3-venv" >&2
      apt_install python3 python3-venv
    fi
    python=$(find_python) || die "'${PYTHON:-python3}' ($("${PYTHON:-python3}" -V 2>&1 || true)) is no Python 3.11, 3.12 or 3.13 with the \
venv module; install one (Debian: apt-get install python3-venv) or name it: make setup PYTHON=/path/to/python3.11."
  fi
  say "making .venv with $("$python" -V)"
  rm -rf .venv
  "$python" -m venv .venv
}

install_lock() {
  say "installing the pinned packages into .venv"
  export VIRTUAL_ENV=$PWD/.venv PIP_DISABLE_PIP_VERSION_CHECK=1
  # uv does not read pip's configuration: where it cannot reach an index, pip does the work.
  if .venv/bin/pip install -q "uv==$uv_version" && .venv/bin/uv pip install -q -r requirements.txt; then return; fi
  .venv/bin/pip install -q -r requirements.txt || die "the packages of requirements.txt could not be installed; pip's reason stands above."
}

if ! { suits .venv/bin/python && has_venv .venv/bin/python; }; then make_venv; fi
install_lock
