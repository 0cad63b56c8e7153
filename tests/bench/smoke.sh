#!/usr/bin/env bash
# The load generator talks to a bare server in every way it can, and checks each answer itself.
# usage: smoke.sh LOADGEN BARE_SERVER
set -eu
loadgen=$1 bare=$2 passed=0 failed=0

exec {said}< <(exec "$bare")
server=$!
trap 'kill "$server"' EXIT
read -r -t 10 -u "$said" line
target=${line#listening on }

run() { # exit code, word of the result, option...
    local wanted=$1 word=$2 code=0 result
    shift 2
    result=$("$loadgen" --verbose --count 20 "$@" "$target" 2>&1) || code=$?
    if [ "$code" -eq "$wanted" ] && [[ $result == *"$word"* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: loadgen $*: exit code $code, not $wanted, or no $word in $result"
    fi
}

sets=(--expect-set-header x-ext=1)
run 0 '"streams":20,' "${sets[@]}"
run 0 '"streams":20,' "${sets[@]}" --conns 2 --streams 5 --threads 2
run 0 '"streams":20,' "${sets[@]}" --reset
run 0 '"goaways":0,' --reset --count 3000 --streams 20 # more than nghttp2 lets pass of itself
run 0 '"messages":100,' "${sets[@]}" --body-chunks 3 --body-size 100000
run 0 '"messages":100,' "${sets[@]}" --body-chunks 3 --body-size 100000 --pipeline
run 0 '"parked":20,' "${sets[@]}" --streams 20 --hold 0.1
run 1 '"header":20}' --expect-set-header x-ext=2

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
