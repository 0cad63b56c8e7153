#!/usr/bin/env bash
#
# What do our floors cost? Measures extprocd beside a server on the same transport that has none.
#
#   bare      bare_grpc or bare_h2
#   noop      extprocd with the plugin noop
#   headers   extprocd with the plugin headers, which sets one request header, as the bare ones do
#
# in these scenarios:
#
#   headers   4 connections x 64 streams, each the headers of a request and of its response
#   reset     the same, the client ending each stream with RST_STREAM, as Envoy does
#   body      4 connections x 4 streams with a body of 16 x 64 KiB besides, as Envoy's STREAMED
#   idle      few and many idle streams: what a stream more takes of memory is what the one has above
#             the other
#
# Builds (Release), then in every round and scenario, for each server in turn, so that a slow moment
# of the machine hits all of them: starts it afresh on core 0 and loads it from core 1. The tables
# show medians, and the median of the rounds' ratios to bare.
#
# --quick has all scenarios on all transports in under four minutes, each with the server that its
# target is for.
#
# Exit code: 0 measured (whether the targets are met is for the reader), 1 something failed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
transports=() scenarios=() only=() rounds= seconds= quick= json=
declare -A judged=([headers]=headers [reset]=headers [body]=noop [idle]=headers)

usage() {
    echo "usage: run.sh [--transport grpc|h2]... [--scenario headers|reset|body|idle]..."
    echo "              [--only bare|noop|headers]... [--quick] [--rounds N] [--seconds S]"
    echo "              [--json FILE] [--build DIR]"
    echo "defaults: the transports that there are, --scenario headers --scenario idle, all servers,"
    echo "          --rounds 5 --seconds 2 (quick: 3 and 1), --build build/release"
}

are() { # pattern of a word, word...
    local word pattern=$1
    shift
    for word; do
        [[ $word =~ ^($pattern)$ ]] || { usage >&2 && exit 2; }
    done
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --quick) quick=yes && shift && continue ;;
    --*) [ $# -ge 2 ] || { usage >&2 && exit 2; } ;;&
    --transport) transports+=("$2") ;;
    --scenario) scenarios+=("$2") ;;
    --only) only+=("$2") ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --json) json=$2 ;;
    --build) build=$(realpath -m -- "$2") ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
[ ${#scenarios[@]} -gt 0 ] || scenarios=(headers ${quick:+reset body} idle)
[ -z "$quick" ] || : "${rounds:=3}" "${seconds:=1}"
: "${rounds:=5}" "${seconds:=2}"
are 'grpc|h2' "${transports[@]}"
are 'headers|reset|body|idle' "${scenarios[@]}"
are 'bare|noop|headers' "${only[@]}"
are '[1-9][0-9]*' "$rounds" "$seconds"

work=$(mktemp -d)
results=$work/results # a line of JSON for each measurement
transport= scenario= server= pid= port=

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
    echo "run.sh: ${scenario:+$transport $scenario }$server: $1" >&2
    [ ! -s "$work/log" ] || tail -n 20 "$work/log" >&2
    exit 1
}

has() { # transport: is it in the build?
    grep -q "^EXTPROCD_${1^^}:BOOL=ON$" "$build/CMakeCache.txt"
}

choose_transports() {
    local each
    if [ ${#transports[@]} -eq 0 ]; then
        for each in grpc h2; do
            ! has "$each" || transports+=("$each")
        done
    fi
    for each in "${transports[@]}"; do
        has "$each" || fail "has no transport $each"
    done
}

build() {
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$work/log" 2>&1 ||
        fail "cannot be configured"
    choose_transports
    cmake --build "$build" --target loadgen extprocd plugins "${transports[@]/#/bare_}" \
        >>"$work/log" 2>&1 || fail "does not build"
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

write_ini() {
    echo "[extprocd]"
    echo "plugin_dir = $build/plugins"
    echo "transport = $transport"
    echo "[listener:bench]"
    echo "address = 127.0.0.1:$port"
    echo "request_body_mode = STREAMED"
    echo "[chain:bench]"
    echo "plugins = p"
    echo "[plugin:p]"
    echo "file = $server.so"
    [ "$server" != headers ] || echo "request.set = x-ext: 1"
}

start() {
    local command=("$build/tests/bench/bare_$transport")
    port=$(free_port)
    if [ "$server" = bare ]; then
        command+=("$port")
    else
        write_ini >"$work/ini"
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

saturate() { # option...
    printf '"load":'
    load $((seconds + 60)) --warmup 1 --duration "$seconds" "$@"
}

park() { # name, streams on each connection
    printf '"%s":' "$1"
    load 120 --conns 64 --streams "$2" --count $((64 * $2)) --hold 0.5
}

run_scenario() { # the members of the result that are its own
    case $scenario in
    headers) saturate --conns 4 --streams 64 ;;
    reset) saturate --conns 4 --streams 64 --reset ;;
    body) saturate --conns 4 --streams 4 --body-chunks 16 --body-size 65536 --pipeline ;;
    idle) park few 16 && printf , && park many 176 ;;
    esac
}

measure() { # round
    local members
    [ ! -t 2 ] || printf '\rround %d of %d: %-24s' "$1" "$rounds" "$transport $scenario $server" >&2
    start
    members=$(run_scenario) || fail "errors under load: $members"
    stop
    printf '{"round":%d,"transport":"%s","scenario":"%s","server":"%s",%s}\n' \
        "$1" "$transport" "$scenario" "$server" "${members//$'\n'/}" >>"$results"
}

measure_all() { # round
    local servers
    for scenario in "${scenarios[@]}"; do
        servers=(bare ${quick:+"${judged[$scenario]}"})
        [ -n "$quick" ] || servers+=(noop headers)
        [ ${#only[@]} -eq 0 ] || servers=("${only[@]}")
        for transport in "${transports[@]}"; do
            for server in "${servers[@]}"; do
                measure "$1"
            done
        done
    done
}

[ "$(nproc)" -gt 1 ] || echo "run.sh: one core only: server and load share it" >&2
server=build build
for ((round = 1; round <= rounds; round++)); do
    measure_all "$round"
done
[ ! -t 2 ] || printf '\r%50s\r' '' >&2
python3 -B "$here/summary.py" "$results" ${json:+"$json"}
