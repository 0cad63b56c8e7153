#!/usr/bin/env bash
#
# What do our floors cost? Measures extprocd beside a server on the same transport that has none.
#
#   bare      bare_grpc
#   noop      extprocd with the plugin noop
#   headers   extprocd with the plugin headers, which sets one request header, as bare_grpc does
#
# Builds (Release), then in every round, for each server in turn, so that a slow moment of the machine
# hits all of them: starts it afresh on core 0, loads it from core 1 with 4 connections x 64 streams,
# then parks few and many idle streams on it: what a stream more takes of memory is what the one has
# above the other. The table shows medians, and the median of the rounds' ratios to bare.
#
# Exit code: 0 measured (whether the targets are met is for the reader), 1 something failed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
servers=() rounds=5 seconds=2 json=

usage() {
    echo "usage: run.sh [--only bare|noop|headers]... [--rounds N] [--seconds S] [--json FILE]"
    echo "              [--build DIR]       (--rounds $rounds --seconds $seconds --build build/release)"
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --only | --rounds | --seconds | --json | --build) [ $# -ge 2 ] || { usage >&2 && exit 2; } ;;&
    --only) servers+=("$2") ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --json) json=$2 ;;
    --build) build=$(realpath -m -- "$2") ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
[ ${#servers[@]} -gt 0 ] || servers=(bare noop headers)
[[ " ${servers[*]} " =~ ^(\ (bare|noop|headers))+\ $ ]] || { usage >&2 && exit 2; }
[[ $rounds =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] || { usage >&2 && exit 2; }

work=$(mktemp -d)
results=$work/results # a line of JSON for each round and server
server= pid= port=

stop() {
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || true
    for _ in {1..100}; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    pid=
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

fail() { # what
    echo "run.sh: $server: $1" >&2
    [ ! -s "$work/log" ] || tail -n 20 "$work/log" >&2
    exit 1
}

build() {
    local targets=(loadgen bare_grpc)
    [ "${servers[*]}" = bare ] || targets+=(extprocd plugins)
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$work/log" 2>&1 &&
        cmake --build "$build" --target "${targets[@]}" >>"$work/log" 2>&1 || fail "does not build"
}

pin() { # core, command...: becomes the command
    local core=$1
    shift
    [ "$(nproc)" -gt 1 ] || exec "$@"
    exec taskset -c "$core" "$@"
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

write_ini() { # plugin
    echo "[extprocd]"
    echo "plugin_dir = $build/plugins"
    echo "[listener:bench]"
    echo "address = 127.0.0.1:$port"
    echo "[chain:bench]"
    echo "plugins = p"
    echo "[plugin:p]"
    echo "file = $1.so"
    [ "$1" != headers ] || echo "request.set = x-ext: 1"
}

start() {
    local command=("$build/tests/bench/bare_grpc")
    port=$(free_port)
    if [ "$server" = bare ]; then
        command+=("$port")
    else
        write_ini "$server" >"$work/ini"
        command=("$build/host/extprocd" -c "$work/ini")
    fi
    pin 0 "${command[@]}" >"$work/log" 2>&1 &
    pid=$!
    for _ in {1..100}; do
        kill -0 "$pid" 2>/dev/null || fail "has ended"
        ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    fail "does not listen"
}

load() { # time limit in seconds, option...: the load generator's line of JSON
    local limit=$1 child pids=(--pid "$pid")
    shift
    for child in $(pgrep -P "$pid"); do
        pids+=(--pid "$child")
    done
    [ "$server" = noop ] || pids+=(--expect-set-header x-ext=1)
    (pin 1 timeout "$limit" "$build/tests/bench/loadgen" "${pids[@]}" "$@" "127.0.0.1:$port")
}

measure() { # round
    local saturated few many
    start
    saturated=$(load $((seconds + 60)) --conns 4 --streams 64 --warmup 1 --duration "$seconds") &&
        few=$(load 120 --conns 64 --streams 16 --count 1024 --hold 0.5) &&
        many=$(load 120 --conns 64 --streams 176 --count 11264 --hold 0.5) ||
        fail "errors under load: ${many:-${few:-$saturated}}"
    stop
    printf '{"round":%d,"server":"%s","saturated":%s,"few":%s,"many":%s}\n' \
        "$1" "$server" "$saturated" "$few" "$many" >>"$results"
}

[ "$(nproc)" -gt 1 ] || echo "run.sh: one core only: server and load share it" >&2
server=build build
for ((round = 1; round <= rounds; round++)); do
    for server in "${servers[@]}"; do
        [ ! -t 2 ] || printf '\rround %d of %d: %-8s' "$round" "$rounds" "$server" >&2
        measure "$round"
    done
done
[ ! -t 2 ] || printf '\r%40s\r' '' >&2
python3 "$here/summary.py" "$results" ${json:+"$json"}
