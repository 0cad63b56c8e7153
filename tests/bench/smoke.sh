#!/usr/bin/env bash
# The load generator talks to a bare server in every way it can, and checks each answer itself.
# usage: smoke.sh LOADGEN BARE_SERVER
set -eu
loadgen=$1 bare=$2 passed=0 failed=0

exec {said}< <(exec "$bare")
server=$!
trap 'kill -CONT "$server" && kill "$server"' EXIT
read -r -t 10 -u "$said" line
target=${line#listening on }

check() { # what, command...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
    fi
}

matches() { # pattern, text
    [[ $2 == $1 ]]
}

run() { # exit code, word of the result, option...
    local wanted=$1 word=$2 code=0 result
    shift 2
    result=$("$loadgen" --verbose --count 20 "$@" "$target" 2>&1) || code=$?
    check "loadgen $*: exit code $code, not $wanted, or no $word in $result" \
        matches "$wanted *$word*" "$code $result"
}

# The server stands still for the second in which all streams are due, and there is room for one. Had
# their latencies run from when they were sent, that one alone would have waited.
paused() {
    local result p90
    kill -STOP "$server"
    exec {load}< <("$loadgen" --rate 200 --count 200 "$target")
    sleep 1
    kill -CONT "$server"
    read -r -t 60 -u "$load" result
    p90=$(sed -nE 's/.*"stream_us":\{[^}]*"p90":([0-9]+).*/\1/p' <<<"$result")
    check "what a pause delays counts from when it was due: $result" [ "${p90:-0}" -ge 50000 ]
}

# Nothing that is due is left out, even if it has never begun.
stopped() {
    local result
    kill -STOP "$server"
    result=$("$loadgen" --rate 1000 --warmup 0 --duration 0.1 "$target") || true
    kill -CONT "$server"
    check "what never begins is an error: $result" matches '*"unfinished":[1-9][0-9]*' "$result"
}

sets=(--expect-set-header x-ext=1)
run 0 '"streams":20,' "${sets[@]}"
run 0 '"streams":20,' "${sets[@]}" --conns 2 --streams 5 --threads 2
run 0 '"streams":20,' "${sets[@]}" --reset
run 0 '"goaways":0,' --reset --count 3000 --streams 20 # more than nghttp2 lets pass of itself
run 0 '"messages":100,' "${sets[@]}" --body-chunks 3 --body-size 100000
run 0 '"messages":100,' "${sets[@]}" --body-chunks 3 --body-size 100000 --pipeline
run 0 '"messages":60,' "${sets[@]}" --buffered --body-size 1000000
run 2 'one message' --buffered --body-chunks 2
run 0 '"parked":20,' "${sets[@]}" --streams 20 --hold 0.1
run 0 '"streams":20,' "${sets[@]}" --rate 1000 --conns 3 --streams 20 --threads 2
run 0 '"streams":20,' "${sets[@]}" --rate 1000 --streams 20 --reset
run 2 '' --rate 1000 --hold 1
run 1 '"header":20}' --expect-set-header x-ext=2
paused
stopped

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
