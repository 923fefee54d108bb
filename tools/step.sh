#!/usr/bin/env bash
# step.sh NAME COMMAND...   run a check: one line on the screen, its output in .cache/logs/NAME.log, the log's end where it fails.
# step.sh --begin           forget the results of the last run
# step.sh --total           the closing line over all checks since then; fails where one failed
set -uo pipefail
cd "$(dirname "$0")/.." || exit
logs=.cache/logs results=.cache/results
mkdir -p "$logs"

# A check counts as the tests that it reports in pytest's closing lines (they may stand in a box), else as one.
count() {
  local log=$1 rc=$2 passed failed
  passed=$(sed -nE 's/(^|.*[= ])([0-9]+) passed.* in [0-9.]+s.*/\2/p' "$log" | paste -sd+ | bc_)
  failed=$(sed -nE 's/(^|.*[= ])([0-9]+) (failed|errors?)[, ].* in [0-9.]+s.*/\2/p' "$log" | paste -sd+ | bc_)
  [ "$passed" -gt 0 ] || [ "$rc" != 0 ] || passed=1
  [ "$rc" = 0 ] || [ "$failed" -gt 0 ] || failed=1
  echo "$passed $failed"
}
bc_() { local sum; read -r sum || true; echo $((${sum:-0})); }

case $1 in
  --begin) rm -f "$results"; date +%s >"$results.began"; exit 0 ;;
  --total)
    # The clock on the wall: some run beside each other.
    awk -v seconds=$(($(date +%s) - $(cat "$results.began"))) \
      '{passed += $1; failed += $2} END {printf "%d passed, %d failed in %ds\n", passed, failed, seconds; exit failed > 0 || NR == 0}' \
      "$results" 2>/dev/null || { rc=$?; [ -f "$results" ] || echo "0 passed, 1 failed in 0s"; exit "$rc"; }
    exit 0 ;;
esac

name=$1 log=$logs/$1.log
shift
[ -t 1 ] && printf '  %-16s ...\r' "$name"
started=$SECONDS
"$@" >"$log" 2>&1 </dev/null
rc=$?
read -r passed failed < <(count "$log" "$rc")
echo "$passed $failed $((SECONDS - started)) $name" >>"$results"
if [ "$rc" = 0 ]; then
  printf '  %-16s ok    %4d passed  %4d s\n' "$name" "$passed" $((SECONDS - started))
else
  printf '  %-16s FAILED (rc %d) after %d s; the end of %s:\n\n' "$name" "$rc" $((SECONDS - started)) "$log"
  tail -n "${TAIL:-60}" "$log"
  exit "$rc"
fi
