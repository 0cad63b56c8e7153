# How many instructions of its own (not of the kernel) the server takes for a stream. Sourced: uses what
# server.sh and scenarios.sh have.
#
# What it takes for many streams less what it takes for few, so that start, stop and first allocations
# cancel out. Counted by perf where the machine lets it, else by callgrind. One connection, whose
# streams answer in step: the server finds the same bytes in its socket at every turn, and two counts
# differ by less than a thousandth. Only where the gRPC core reads bodies it is up to three percent:
# how it cuts them depends on the moment.

counter=

perf_counts() {
    perf stat -x, -e instructions:u -o "$work/perf" true >"$work/log" 2>&1 &&
        grep -q '^[0-9]' "$work/perf"
}

find_counter() { # sets $counter; false: there is none
    if command -v perf >/dev/null && perf_counts; then
        counter=perf
    elif command -v valgrind >/dev/null; then
        counter=callgrind
    else
        return 1
    fi
}

counted_streams() { # scenario: how many are few, and how many open at a time; false: not counted
    case $1 in
    headers | five | reset) echo 1024 64 ;;
    body | buffered) echo 64 4 ;;
    single) echo 256 1 ;;
    *) return 1 ;;
    esac
}

# The load generator is a child of perf, which then counts from its start to its end.
count_with_perf() { # load option...
    local pids
    start_server
    pids=$(server_pids | paste -sd,)
    (pin 1 perf stat -x, -e instructions:u -p "$pids" -o "$work/perf" -- \
        timeout 120 "$build/tests/bench/loadgen" $(expected_header) "$@" "127.0.0.1:$port") \
        >"$work/load" || fail "errors under load: $(<"$work/load")"
    stop_server
    awk -F, '/^[0-9]/ { n += $1 } END { printf "%d\n", n }' "$work/perf" >"$work/instructions"
}

count_with_callgrind() { # load option...
    wrapper=(valgrind --tool=callgrind --callgrind-out-file=/dev/null)
    start_server
    load 120 "$@" >"$work/load" || fail "errors under load: $(<"$work/load")"
    stop_server
    wrapper=()
    awk '/ Collected : / { n += $NF } END { printf "%d\n", n }' "$work/log" >"$work/instructions"
}

# Leaves the result in $instructions_per_stream; no subshell, which would hide the server from traps.
count_instructions() {
    local few at_once load before
    read -r few at_once < <(counted_streams "$scenario")
    load="$(load_of "$scenario") --conns 1 --streams $at_once"
    "count_with_$counter" $load --count "$few"
    before=$(<"$work/instructions")
    "count_with_$counter" $load --count $((3 * few))
    instructions_per_stream=$((($(<"$work/instructions") - before) / (2 * few)))
}
