#!/usr/bin/env bash
#
# What does an operator pay? A real Envoy, which answers every request itself (direct_response), so
# that Envoy and ext_proc are all there is; both phases of headers are sent. Measures
#
#   nofilter  Envoy without ext_proc: what the others are above
#   bare      bare_grpc or bare_h2, which set one request header
#   headers   extprocd with the plugin headers, which sets the same one
#   tonic     bare_tonic, which sets the same one; beside h2, where it is built
#
# with the server on TCP and on a unix socket: requests/s and CPU of Envoy and of the server per
# request, with 4 connections x 16 streams; and latencies of one request at a time.
#
# Envoy has one worker and core 1 to itself; the server shares core 0 with h2load. That is fair: it
# is the same for all servers, h2load's CPU does not count, and Envoy takes so much more than the
# two of them that it stays saturated.
#
# In every round each server is started afresh in its turn, with an Envoy of its own, so that a slow
# moment of the machine hits all of them; nofilter comes once for each kind of socket, to stand
# close to those it is compared with. The table shows medians.
#
# Measures a tree that is built (run.sh builds it). With --json-lines it prints no table, but
# appends to FILE a line for each measurement.
#
# --quick has h2 and three rounds of a second, in under two minutes.
#
# Exit code: 0 measured, 1 something failed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
transports=() sockets=() rounds= seconds= quick= json_lines=

. "$here/parts/building.sh"

usage() {
    echo "usage: envoy.sh [--transport grpc|h2]... [--socket tcp|unix]... [--quick] [--rounds N]"
    echo "                [--seconds S] [--json-lines FILE] [--build DIR]"
    echo "defaults: the transports that there are (quick: h2), both sockets,"
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
    --socket) sockets+=("$2") ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --json-lines) json_lines=$2 ;;
    --build) build=$(realpath -m -- "$2") ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
[ ${#sockets[@]} -gt 0 ] || sockets=(tcp unix)
[ -z "$quick" ] || : "${rounds:=3}" "${seconds:=1}"
: "${rounds:=5}" "${seconds:=2}"
are 'grpc|h2' "${transports[@]}"
are 'tcp|unix' "${sockets[@]}"
are '[1-9][0-9]*' "$rounds" "$seconds"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
results=${json_lines:-$work/results}

fail() { # what
    echo "envoy.sh: $1" >&2
    exit 1
}

choose_transports() {
    local each
    if [ ${#transports[@]} -eq 0 ]; then
        for each in $([ -n "$quick" ] || echo grpc) h2; do
            ! has "$each" || transports+=("$each")
        done
    fi
    [ ${#transports[@]} -gt 0 ] || fail "$build has no transport that is measured"
    for each in "${transports[@]}"; do
        has "$each" || fail "$build has no transport $each"
        [ -x "$build/tests/bench/bare_$each" ] || fail "no $build/tests/bench/bare_$each"
    done
}

get_envoy() { # the end-to-end tests may be fetching it too
    local lock
    mkdir -p "$root/build"
    exec {lock}>"$root/build/e2e.lock"
    flock "$lock"
    ENVOY=$("$root/etc/get-envoy.sh")
    exec {lock}>&-
}

measure() { # round, transport, server, socket
    [ ! -t 2 ] || printf '\rround %d of %d: %-24s' "$1" "$rounds" "$4 $2 $3" >&2
    python3 -B "$here/envoy_measure.py" "$@" "$seconds" >>"$results" ||
        fail "$4 $2 $3: not measured"
}

servers_of() { # transport
    echo bare headers
    [ "$1" != h2 ] || ! has_tonic || echo tonic
}

measure_all() { # round
    local socket transport server
    for socket in "${sockets[@]}"; do
        measure "$1" none nofilter "$socket"
        for transport in "${transports[@]}"; do
            for server in $(servers_of "$transport"); do
                measure "$1" "$transport" "$server" "$socket"
            done
        done
    done
}

[ "$(nproc)" -gt 1 ] || echo "envoy.sh: one core only: all share it" >&2
command -v h2load >/dev/null || fail "no h2load: install nghttp2-client"
[ -x "$build/host/extprocd" ] || fail "no $build/host/extprocd"
choose_transports
grep -q '^CMAKE_BUILD_TYPE:STRING=Release$' "$build/CMakeCache.txt" ||
    echo "envoy.sh: $build is no Release build" >&2
get_envoy

# The harness of the end-to-end tests starts the processes, and reads from these where things are.
export PYTHONPATH=$root/tests/e2e ENVOY TMPDIR=$work EXTPROCD_BENCH_DIR=$build/tests/bench
export EXTPROCD=$build/host/extprocd EXTPROCD_PLUGIN_DIR=$build/plugins
export EXTPROCD_TEST_PLUGIN_DIR=$build/tests/e2e/plugins
unset EXTPROCD_TRANSPORT

for ((round = 1; round <= rounds; round++)); do
    measure_all "$round"
done
[ ! -t 2 ] || printf '\r%50s\r' '' >&2
[ -n "$json_lines" ] || python3 -B "$here/envoy_table.py" "$results"
