#!/usr/bin/env bash
#
# What do our floors cost? Measures extprocd beside a server on the same transport that has none; and
# beside one on Rust's tonic, where cargo can build it.
#
# parts/server.sh says which servers there are, parts/scenarios.sh what is done with them; the scenario
# envoy, in which a real Envoy uses them, is envoy.sh's.
#
# Builds (Release), then in every round and scenario, for each server in turn, so that a slow moment
# of the machine hits all of them: starts it afresh on core 0 and loads it from core 1. The tables
# show medians, and the median of the rounds' ratios to bare. Instructions are counted once, at the
# end: they do not depend on the machine's moments.
#
# --quick measures, in about five minutes (without the build), what has a target, and shows how it
# stands to that; with --scenario and --transport less of it. All scenarios with all servers take half
# an hour.
#
# compare measures two commits; see compare.sh.
#
# Exit code: 0 measured (whether the targets are met is for the reader), 1 something failed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
transports=() scenarios=() only=() rounds= seconds= warmup=1 quick= instructions= json= svg=

[ "${1-}" != compare ] || exec "$here/compare.sh" "${@:2}"

. "$here/parts/building.sh"
. "$here/parts/server.sh"
. "$here/parts/scenarios.sh"
. "$here/parts/instructions.sh"

usage() {
    echo "usage: run.sh [--quick] [--transport grpc|h2]... [--scenario NAME]... [--only SERVER]..."
    echo "              [--rounds N] [--seconds S] [--instructions yes|no]"
    echo "              [--json FILE] [--svg DIR] [--build DIR]"
    echo "       run.sh compare A [B] [option]...      two commits (compare --help)"
    echo "scenarios: ${all_scenarios[*]} envoy"
    echo "servers:   bare none noop headers five tonic; alone after work (waiting)"
    echo "defaults:  the transports that there are, all scenarios (quick: those with a target),"
    echo "           the servers that a scenario is meant for, --rounds 5 --seconds 2 (quick: 3"
    echo "           and 1), --instructions yes (quick: no), --build build/release"
    echo "one row:   --quick --transport h2 --scenario half"
}

are() { # pattern of a word, word...
    local word pattern=$1
    shift
    for word; do
        [[ $word =~ ^($pattern)$ ]] || { usage >&2 && exit 2; }
    done
}

one_of() { # word...: a pattern
    local IFS='|'
    echo "$*"
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
    --instructions) instructions=$2 ;;
    --json) json=$2 ;;
    --svg) svg=$2 ;;
    --build) build=$(realpath -m -- "$2") ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
if [ -n "$quick" ]; then
    : "${rounds:=3}" "${seconds:=1}" "${instructions:=no}"
    warmup=0.5
fi
: "${rounds:=5}" "${seconds:=2}" "${instructions:=yes}"
are 'grpc|h2' "${transports[@]}"
are "$(one_of "${all_scenarios[@]}" envoy)" "${scenarios[@]}"
are 'bare|none|noop|headers|five|tonic|alone|after|work' "${only[@]}"
are 'yes|no' "$instructions"
are '[1-9][0-9]*' "$rounds" "$seconds"
every_target=$quick
[ ${#scenarios[@]} -eq 0 ] || every_target=
[ ${#scenarios[@]} -gt 0 ] || scenarios=("${all_scenarios[@]}" envoy)

work=$(mktemp -d)
results=$work/results # a line of JSON for each measurement
served=$build transport= scenario= server=
declare -A rate=() # of each transport: streams/s of the paced scenarios
trap 'stop_server; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

fail() { # what
    echo "run.sh: ${scenario:+$transport $scenario $server: }$1" >&2
    [ ! -s "$work/log" ] || tail -n 20 "$work/log" >&2
    exit 1
}

choose_transports() {
    local each
    if [ ${#transports[@]} -eq 0 ]; then
        for each in grpc h2; do
            ! has "$each" || transports+=("$each")
        done
    fi
    for each in "${transports[@]}"; do
        has "$each" || fail "the build has no transport $each"
    done
}

is_among() { # word, word...
    local each word=$1
    shift
    for each; do
        [ "$each" != "$word" ] || return 0
    done
    return 1
}

# What one round measures, a line each: scenario, transport, server.
plan() {
    local scenario transport servers
    for scenario in "${scenarios[@]}"; do
        [ "$scenario" != envoy ] || continue
        for transport in "${transports[@]}"; do
            servers=$(servers_of "$scenario")
            [ ${#only[@]} -eq 0 ] || servers=${only[*]}
            printf "$scenario $transport %s\n" $servers
        done
    done
}

# The same of what has a target.
quick_plan() {
    local scenario transport server
    python3 -B "$here/figures/targets.py" | while read -r scenario transport server; do
        if is_among "$scenario" "${scenarios[@]}" && is_among "$transport" "${transports[@]}" &&
            { [ ${#only[@]} -eq 0 ] || is_among "$server" "${only[@]}"; }; then
            echo "$scenario $transport $server"
        fi
    done
}

# Of what is planned what can be measured: tonic may not be built, and stands beside h2 alone.
possible() {
    local absent="grpc tonic"
    has_tonic || absent=tonic
    sed "/ $absent\$/d"
}

show() { # progress, on a terminal
    [ ! -t 2 ] || printf '\r%-60s\r' "$1" >&2
}

add_result() { # members
    printf '{"transport":"%s","scenario":"%s","server":"%s",%s}\n' \
        "$transport" "$scenario" "$server" "${1//$'\n'/}" >>"$results"
}

measure() { # round, turn
    local members
    show "round $1 of $rounds: $transport $scenario $server"
    ! is_paced "$scenario" || [ -n "${rate[$transport]-}" ] || find_rate
    start_server
    members=$(run_scenario) || fail "errors under load: $members"
    stop_server
    add_result "\"round\":$(($1 * turns + $2)),$members"
}

measure_all() { # planned line...
    local round turn each
    for ((round = 1; round <= rounds; round++)); do
        for ((turn = 0; turn < turns; turn++)); do
            for each; do
                read -r scenario transport server <<<"$each"
                [ "$turn" -ge "$(turns_of "$scenario")" ] || measure "$round" "$turn"
            done
        done
    done
}

count_all() { # planned line...
    local each
    if ! find_counter; then
        echo "run.sh: instructions are not counted: no counters for perf, and no valgrind" >&2
        return
    fi
    for each; do
        read -r scenario transport server <<<"$each"
        counted_streams "$scenario" >/dev/null || continue
        show "instructions: $transport $scenario $server"
        count_instructions
        add_result "\"instructions_per_stream\":$instructions_per_stream"
    done
}

# It may have no Envoy to measure with: what else was measured is shown all the same.
measure_envoy() { # sets $envoy_failed where that is so
    local options=(--build "$build" --json-lines "$results")
    if [ -n "$quick" ]; then
        options+=(--quick)
    else
        options+=(--rounds "$rounds" --seconds "$seconds")
        options+=($(printf -- '--transport %s\n' "${transports[@]}"))
    fi
    bash "$here/envoy.sh" "${options[@]}" || envoy_failed=yes
}

main() {
    local planned envoy_failed=
    ulimit -Sn "$(ulimit -Hn)" # the servers and the load generator: 1,000 connections
    [ "$(nproc)" -gt 1 ] || echo "run.sh: one core only: server and load share it" >&2
    configure "$root" "$build"
    choose_transports
    build_targets "$build" loadgen bench_waits extprocd plugins "${transports[@]/#/bare_}"
    ! is_among h2 "${transports[@]}" || build_tonic
    : >"$results"
    mapfile -t planned < <("${quick:+quick_}plan" | possible)
    measure_all "${planned[@]}"
    [ "$instructions" = no ] || count_all "${planned[@]}"
    scenario=
    ! is_among envoy "${scenarios[@]}" || measure_envoy
    show ""
    python3 -B "$here/figures/summary.py" "$results" ${every_target:+--every-target} ${json:+--json "$json"} \
        ${svg:+--svg "$svg"}
    [ -z "$envoy_failed" ] || fail "envoy.sh has failed"
}

main
