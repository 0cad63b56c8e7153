#!/usr/bin/env bash
# The service under attack, with figures: sent, held, given back; and random dialogues against a model.
#
#   tests/hostile/run.sh [NAME[.Class[.test]]...]     modules test_NAME.py; all of them without a name
#
# EXTPROCD_BUILD names the build tree to test (build/tests/main); EXTPROCD_TRANSPORT one of its transports.
# HOSTILE_SECONDS is how long random dialogues are tried (20); SEED repeats those of a run that printed it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../e2e/environment.sh"

passed=0 failed=0 log=$(mktemp)
for transport in ${EXTPROCD_TRANSPORT:-grpc h2}; do
    printf '\nhostile: transport %s\n' "$transport"
    EXTPROCD_TRANSPORT=$transport "$python" "$here/../e2e/run.py" "$here" "$@" 2>&1 | tee "$log" || true
    sums=$(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log")
    [ -n "$sums" ] || sums="0 1" # it died
    passed=$((passed + ${sums% *})) failed=$((failed + ${sums#* }))
done
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
