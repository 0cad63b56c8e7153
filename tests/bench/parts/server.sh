# The server under test, and the load on it. Sourced: uses $build (the load generator and the bare
# servers), $served (the tree whose extprocd and plugins serve), $work, $transport, $server; sets $pid
# and $port. $wrapper, where it is not empty, is a command that runs the server. fail() is the caller's.
#
# A server is one of these:
#
#   bare      bare_grpc or bare_h2: what the transport's library costs; sets one request header
#   none      extprocd without a plugin
#   noop      extprocd with the plugin noop, which takes part in every phase
#   headers   extprocd with the plugin headers, which sets one request header
#   five      extprocd with that plugin five times, each setting a header of its own
#   alone, after, work
#             extprocd with the plugin waits before that one (waits/waits.c); after and work have
#             neighbours of the load that make it wait
#   tonic     bare_tonic, what people have otherwise: does what bare_h2 does; where it could be built

pid= port= wrapper=()

pin() { # core, command...: becomes the command
    local core=$1
    shift
    [ "$(nproc)" -gt 1 ] || exec "$@"
    exec taskset -c "$core" "$@"
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

chain() { # name of a plugin...
    local IFS=,
    printf '%s\n' "[chain:bench]" "plugins = $*"
}

plugin() { # name, file, line...
    printf '%s\n' "[plugin:$1]" "file = $2.so" "${@:3}"
}

write_ini() {
    local i lame_duck= pool=
    [ "$scenario" != waiting ] || pool="pool_threads = 128"
    # of a commit that compare.sh measures it may be an unknown key
    ! grep -q lame_duck "$served/host/extprocd" || lame_duck="lame_duck = 0s"
    printf '%s\n' "[extprocd]" "plugin_dir = $served/plugins" "transport = $transport" \
        ${lame_duck:+"$lame_duck"} ${pool:+"$pool"} \
        "[listener:bench]" "address = 127.0.0.1:$port"
    case $server in
    noop) chain p && plugin p noop ;;
    alone | after | work)
        chain w p
        plugin w "$build/tests/bench/waits" "timeout = 5s"
        plugin p headers "request.set = x-ext: 1"
        ;;
    headers) chain p && plugin p headers "request.set = x-ext: 1" ;;
    five)
        chain p{1..5}
        for i in {1..5}; do
            plugin "p$i" headers "request.set = x-ext-$i: 1"
        done
        ;;
    esac
}

expected_header() {
    case $server in
    bare | headers | tonic | alone | after | work) echo --expect-set-header x-ext=1 ;;
    five) echo --expect-set-header x-ext-5=1 ;;
    esac
}

start_server() {
    local command
    port=$(free_port)
    case $server in
    bare) command=("$build/tests/bench/bare_$transport" "$port") ;;
    tonic) command=("$build/tests/bench/bare_tonic" "$port") ;;
    *)
        write_ini >"$work/ini"
        command=("$served/host/extprocd" -c "$work/ini")
        ;;
    esac
    pin 0 "${wrapper[@]}" "${command[@]}" >"$work/log" 2>&1 &
    pid=$!
    for _ in {1..300}; do
        kill -0 "$pid" 2>/dev/null || fail "has ended"
        ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    fail "does not listen"
}

stop_server() {
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

server_pids() {
    echo "$pid" && (pgrep -P "$pid" || true)
}

load() { # time limit in seconds, option...: the load generator's line of JSON
    local limit=$1 each options=()
    shift
    for each in $(server_pids); do
        options+=(--pid "$each")
    done
    options+=($(expected_header) "$@" "127.0.0.1:$port")
    (pin 1 timeout "$limit" "$build/tests/bench/loadgen" "${options[@]}")
}
