# The scenarios: which servers take part in one, what load it is, and how it is measured. Sourced:
# uses $scenario, $seconds, $warmup, and what server.sh has.
#
#   headers   4 connections x 64 streams, each the headers of a request and of its response
#   five      the same with five plugins, each of which sets a header
#   reset     the same, the client ending each stream with RST_STREAM, as Envoy does
#   body      4 connections x 4 streams with a body of 16 x 64 KiB besides, as Envoy's STREAMED
#   buffered  4 connections x 4 streams with a body of 1 MiB in one message, as Envoy's BUFFERED
#   single    one stream at a time: latencies when there is nothing to wait for
#   conns     1,000 connections x 2 streams
#   half      an open loop at half of the streams/s that the bare server of this transport has shown
#             to be its most in this run, the same for every server: latencies, each from when its
#             message was due. Where streams begin late the load generator has not had its core to
#             itself, and there is nothing to be learned. tonic cannot do that rate
#   waiting   the same load, none of which waits; and beside it, for two of the three servers, other
#             streams that wait for 100 ms each: 1,000 more in a second for a timer, or 500 for a
#             thread of the pool
#   idle      1,024 and 11,264 idle streams: what a stream more takes of memory is what the one has
#             above the other

#
# half and waiting are about a p99: the slowest hundredth. One moment of 5 ms in which the machine does
# something else makes up a hundredth of half a second, so they are measured in turns of that length,
# some in each round, the servers one after the other in every turn; and the median turn counts.

all_scenarios=(headers five reset body buffered single conns half waiting idle)
turns=5

servers_of() { # scenario
    case $1 in
    five) echo bare five ;;
    half) echo bare none noop headers ;;
    waiting) echo alone after work ;;
    *) echo bare none noop headers tonic ;;
    esac
}

turns_of() { # scenario: in each round
    is_paced "$1" && echo "$turns" || echo 1
}

is_paced() { # scenario: are streams begun at a rate?
    [[ $1 =~ ^(half|waiting)$ ]]
}

load_of() { # scenario: options of the load generator
    case $1 in
    headers | five) echo --conns 4 --streams 64 ;;
    reset) echo --conns 4 --streams 64 --reset ;;
    body) echo --conns 4 --streams 4 --body-chunks 16 --body-size 65536 --pipeline ;;
    buffered) echo --conns 4 --streams 4 --buffered --body-size 1048576 ;;
    single) echo --conns 1 --streams 1 ;;
    conns) echo --conns 1000 --streams 2 ;;
    half | waiting) echo --conns 4 --streams 1024 --warmup 0.25 --duration 0.5 ;; # those beyond 1,024 begin late
    esac
}

saturate() { # option...
    load $((seconds + 60)) --warmup "$warmup" --duration "$seconds" $(load_of "$scenario") "$@"
}

park() { # streams on each of 64 connections
    load 120 --conns 64 --streams "$1" --count $((64 * $1)) --hold 0.5
}

streams_per_s() { # the load generator's line
    sed -E 's/.*"streams_per_s":([0-9]+).*/\1/' <<<"$1"
}

# Sets $rate of the transport: half of what its bare server can do, at the best of three times.
find_rate() {
    local scenario=headers server=bare full most=0
    for _ in 1 2 3; do
        start_server
        full=$(saturate) || fail "errors under load: $full"
        stop_server
        full=$(streams_per_s "$full")
        [ "$full" -le "$most" ] || most=$full
    done
    rate[$transport]=$((most / 2))
}

neighbours_of() { # server: options of the load generator
    case $1 in
    after) echo --neighbours 1000 --mark x-wait=after ;;
    work) echo --neighbours 500 --mark x-wait=work ;;
    esac
}

paced() {
    load 60 $(load_of "$scenario") --rate "${rate[$transport]}" $(neighbours_of "$server")
}

run_scenario() { # the members of the result that are its own
    case $scenario in
    half | waiting) printf '"load":' && paced ;;
    idle) printf '"few":' && park 16 && printf ',"many":' && park 176 ;;
    *) printf '"load":' && saturate ;;
    esac
}
