#!/usr/bin/env bash
# Streams that wait beside streams that do not, in both ways that scenario waiting has: those that ask for it
# wait, nothing else does, and all are answered.
# usage: waiting.sh LOADGEN EXTPROCD WAITS_SO
set -eu
loadgen=$1 extprocd=$2 work=$(mktemp -d) passed=0 failed=0
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

cat >"$work/ini" <<INI
[extprocd]
transport = h2
[listener:waiting]
address = unix:$work/socket
[chain:waiting]
plugins = waits
[plugin:waits]
file = $3
timeout = 30s
INI
"$extprocd" -c "$work/ini" 2>"$work/log" &
server=$!
for _ in {1..200}; do
    [ ! -S "$work/socket" ] || break
    sleep 0.1
done

figure() { # name in the result
    sed -nE "s/.*\"$1\":([0-9]+).*/\1/p" "$work/result"
}
waits() { # mark of the neighbours: the least that they may take, in us
    "$loadgen" --unix "$work/socket" --streams 64 --rate 100 --warmup 0 --duration 1 \
        --neighbours 40 --mark "$1" >"$work/result" &&
        [ "$(figure streams)" -gt 0 ] &&
        [ "$(sed -nE 's/.*"neighbours":\{"streams":([0-9]+).*/\1/p' "$work/result")" -gt 0 ] &&
        [ "$(sed -nE 's/.*"neighbours":.*"p50":([0-9]+).*/\1/p' "$work/result")" -ge "$2" ]
}
check() { # what, command...
    if "${@:2}"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
        cat "$work/result" "$work/log"
    fi
}

check "neighbours wait for a timer" waits x-wait=after 100000
check "neighbours wait for a thread of the pool" waits x-wait=work 100000
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
