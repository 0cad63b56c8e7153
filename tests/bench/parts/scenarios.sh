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
#   half      an open loop at half of the streams/s that the server has just shown it can do:
#             latencies, each from when its message was due. Where streams begin late the load
#             generator has not had its core to itself, and there is nothing to be learned
#   idle      1,024 and 11,264 idle streams: what a stream more takes of memory is what the one has
#             above the other

all_scenarios=(headers five reset body buffered single conns half idle)

servers_of() { # scenario
    case $1 in
    five) echo bare five ;;
    *) echo bare none noop headers tonic ;;
    esac
}

load_of() { # scenario: options of the load generator
    case $1 in
    headers | five | half) echo --conns 4 --streams 64 ;;
    reset) echo --conns 4 --streams 64 --reset ;;
    body) echo --conns 4 --streams 4 --body-chunks 16 --body-size 65536 --pipeline ;;
    buffered) echo --conns 4 --streams 4 --buffered --body-size 1048576 ;;
    single) echo --conns 1 --streams 1 ;;
    conns) echo --conns 1000 --streams 2 ;;
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

# Arrivals that find 1,024 streams open on each connection wait, which counts.
half() {
    local full
    full=$(saturate) || return
    printf '"load":' && saturate --rate $(($(streams_per_s "$full") / 2 + 1)) --streams 1024
}

run_scenario() { # the members of the result that are its own
    case $scenario in
    half) half ;;
    idle) printf '"few":' && park 16 && printf ',"many":' && park 176 ;;
    *) printf '"load":' && saturate ;;
    esac
}
