#!/usr/bin/env bash
# shell_files.sh COMMAND...   run the command on every shell script of the checkout, whatever its name.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files -co --exclude-standard | while read -r file; do
  [ -f "$file" ] && head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh$' && echo "$file"
done || true)
exec "$@" "${files[@]}"
