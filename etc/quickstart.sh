#!/usr/bin/env bash
# The main job, seen at work on this machine: client -> Envoy -> extprocd -> Envoy -> upstream.
#
#   etc/quickstart.sh [--once] [--envoy-port N] [--extprocd-port N] [--upstream-port N]
#
# Installs what is missing (Debian 12; as root, or with sudo), builds, installs into the build tree, makes a
# plugin from the SDK's template, starts an upstream that echoes, extprocd and a real Envoy, and shows what
# becomes of a request and its response. Then it stays until Ctrl-C and ends what it started.
# --once: ends after the demonstration, with 0 only if every step was seen to work.
set -eu
cd "$(dirname "$0")/.."
top=$PWD work=$PWD/build/quickstart prefix=$PWD/build/quickstart/installed

once=no envoy_port= extprocd_port= upstream_port=
while [ $# -gt 0 ]; do
    case $1 in
    --once) once=yes ;;
    --envoy-port) envoy_port=${2:?a port} && shift ;;
    --extprocd-port) extprocd_port=${2:?a port} && shift ;;
    --upstream-port) upstream_port=${2:?a port} && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) sed -n '4s/^# */usage: /p' "$0" >&2; exit 2 ;;
    esac
    shift
done

bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
[ -t 1 ] || bold= plain=
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

pids=()
service_log=() # extprocd's, once it was started: it says more than the proxy's
end_all() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap end_all EXIT
trap 'end_all; exit 0' INT TERM

die() { # what, log file...: the last lines of each that is there
    local log
    printf '\nquickstart: %s\n' "$1" >&2
    shift
    for log in "$@"; do
        [ ! -s "$log" ] || { printf 'the last lines of %s:\n' "$log" >&2; tail -n 15 "$log" >&2; }
    done
    exit 1
}
run() { # log file, command...: in the background, ended with this script
    local log=$1; shift
    "$@" >"$log" 2>&1 &
    pids+=($!)
}
wait_for() { # what, log file, command...: at most 30 s
    local what=$1 log=$2 i; shift 2
    for i in $(seq 300); do
        "$@" >/dev/null 2>&1 && kill -0 "${pids[-1]}" 2>/dev/null && return 0
        kill -0 "${pids[-1]}" 2>/dev/null || die "$what has ended" "${service_log[@]}" "$log"
        sleep 0.1
    done
    die "$what does not answer" "${service_log[@]}" "$log"
}
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- build ---------------------------------------------------------------------------------------------

say "1. Packages, build, installation"
etc/install-deps.sh demo
mkdir -p "$work"
echo "building; what the compiler says goes to ${work#"$top"/}/build.log"
cmake -S . -B "$work/build" -G Ninja -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix" >"$work/configure.log" || die "cmake failed" "$work/configure.log"
ninja -C "$work/build" >"$work/build.log" || die "the build failed" "$work/build.log"
cmake --install "$work/build" >"$work/install.log" || die "the installation failed" "$work/install.log"
envoy=$(etc/get-envoy.sh) || die "no Envoy"
echo "$("$prefix/sbin/extprocd" -V), installed in ${prefix#"$top"/}"
echo "Envoy $("$envoy" --version | grep -o '/[0-9.]*/' | head -n 1 | tr -d /), in ${envoy#"$top"/}"

say "2. A plugin of your own, from the SDK's template"
mkdir -p "$work/hello"
for pair in plugin.c:hello.c Makefile:Makefile plugin.ini:hello.ini; do
    template=$prefix/share/extproc/templates/${pair%:*} file=$work/hello/${pair#*:}
    # What you have changed since stays.
    [ "$template" -ot "$file" ] || sed 's/@NAME@/hello/g' "$template" >"$file"
done
own_changed=no
sed 's/@NAME@/hello/g' "$prefix/share/extproc/templates/plugin.c" | cmp -s - "$work/hello/hello.c" || own_changed=yes
pkg_config_path=$(dirname "$(find "$prefix" -name extproc.pc)")
PKG_CONFIG_PATH=$pkg_config_path make -B -C "$work/hello" hello.so >"$work/hello/make.log" 2>&1 ||
    die "the plugin does not build" "$work/hello/make.log"
echo "${work#"$top"/}/hello/hello.c -> hello.so"

# ---- start ---------------------------------------------------------------------------------------------

say "3. An upstream, extprocd, Envoy"
: "${upstream_port:=$(free_port)}" "${extprocd_port:=$(free_port)}" "${envoy_port:=$(free_port)}"
cat >"$work/extprocd.ini" <<INI
[listener:main]
address = 127.0.0.1:$extprocd_port

[chain:main]
plugins = control, hello

[plugin:control]
file = instructions.so

[plugin:hello]
file = $work/hello/hello.so
INI
"$prefix/sbin/extprocd" -t -c "${work#"$top"/}/extprocd.ini" || die "the configuration was refused"
"$prefix/sbin/extprocd" --print-envoy-config -c "$work/extprocd.ini" >"$work/proxy.yaml"
listener() { sed -n '/^listener:/,/^$/p' "$work/proxy.yaml" | sed '1d;/^$/d;s/^/  /'; }
filters() { sed -n '/^http_filters:/,/^$/p' "$work/proxy.yaml" | sed '1d;/^$/d;s/^/          /'; }
clusters() { sed -n '/^clusters:/,$p' "$work/proxy.yaml" | sed '1d;s/^/  /'; }
cat >"$work/envoy.yaml" <<YAML
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: $envoy_port } }
$(listener)
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: demo
          route_config:
            virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: upstream } }] }]
          http_filters:
$(filters)
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: upstream
    type: STATIC
    load_assignment:
      cluster_name: upstream
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: $upstream_port } } } }] }]
$(clusters)
YAML
run "$work/upstream.log" python3 etc/demo/echo.py "$upstream_port"
wait_for "the upstream" "$work/upstream.log" curl -sS --max-time 2 "http://127.0.0.1:$upstream_port/"
run "$work/extprocd.log" "$prefix/sbin/extprocd" -c "$work/extprocd.ini"
wait_for "extprocd" "$work/extprocd.log" grep -q 'is ready' "$work/extprocd.log"
service_log=("$work/extprocd.log")
run "$work/envoy.log" "$envoy" -c "$work/envoy.yaml" --use-dynamic-base-id --log-level warn --concurrency 1
wait_for "Envoy" "$work/envoy.log" curl -sS --max-time 2 "http://127.0.0.1:$envoy_port/"
echo "client -> Envoy 127.0.0.1:$envoy_port -> extprocd 127.0.0.1:$extprocd_port (control, hello) -> upstream 127.0.0.1:$upstream_port"

# ---- demonstration -------------------------------------------------------------------------------------

say "4. One request twice: straight to the upstream, and through Envoy (* marks what has changed)"
request='{"addHeaders": {"x-added": "by extprocd", "x-changed": "after"}, "removeHeaders": ["x-removed"], "setBody": "a new body"}'
response='{"addHeaders": {"x-added": "on the way back"}, "removeHeaders": ["x-powered-by"]}'
send() { # port, name: NAME.headers is what the client got, NAME.json what the upstream saw
    curl -sS --max-time 10 -D "$work/$2.headers" -o "$work/$2.json" "http://127.0.0.1:$1/demo" -d "the old body" \
        -H "content-type: text/html" -H "x-changed: before" -H "x-removed: soon gone" -H "instructions: $request" \
        -H "x-instruct-response: $response" || die "no answer" "${service_log[@]}" "$work/envoy.log"
}
seen() { sed -n "s/^ *\"$2\": \"\(.*\)\",\{0,1\}$/\1/p" "$work/$1.json"; }
got() { tr -d '\r' <"$work/$1.headers" | sed -n "s/^$2: //Ip"; }
row() { # name, before, after
    local mark=' '
    [ "$2" = "$3" ] || mark='*'
    printf '  %s %-14s %-24s %s\n' "$mark" "$1" "${2:--}" "${3:--}"
}
send "$upstream_port" before
send "$envoy_port" after
echo "instructions of the request:   $request"
echo "instructions of the response:  $response"
printf '\n%s    %-14s %-24s %s%s\n' "$bold" "the request" "as it was sent" "as the upstream saw it" "$plain"
for name in x-added x-changed x-removed content-type body; do
    row "$name" "$(seen before "$name")" "$(seen after "$name")"
done
printf '\n%s    %-14s %-24s %s%s\n' "$bold" "the response" "as the upstream sent it" "as the client got it" "$plain"
for name in x-added x-powered-by x-hello content-type; do
    row "$name" "$(got before "$name")" "$(got after "$name")"
done

steps=0 wrong=0
check() { # what, command...
    local what=$1; shift
    steps=$((steps + 1))
    if "$@" >/dev/null 2>&1; then
        echo "  ok      $what"
    else
        echo "  NOT OK  $what"; wrong=$((wrong + 1))
    fi
}
is() { [ "$1" = "$2" ]; }
all_run() { local pid; for pid in "${pids[@]}"; do kill -0 "$pid" || return 1; done; }
say "5. Step by step"
check "a header was added to the request (instructions)" is "$(seen after x-added)" "by extprocd"
check "one was changed" is "$(seen after x-changed)" "after"
check "one was removed" is "$(seen before x-removed)/$(seen after x-removed)" "soon gone/"
check "its body was replaced" is "$(seen after body)" "a new body"
check "a header was added to the response (instructions)" is "$(got after x-added)" "on the way back"
check "one was removed from it" is "$(got before x-powered-by)/$(got after x-powered-by)" "echo/"
if [ "$own_changed" = no ]; then
    check "your own plugin's header is there (hello)" test -n "$(got after x-hello)"
else # what it does is for you to say
    echo "  --      hello.c was changed; its header x-hello is $(got after x-hello | sed 's/.*/"&"/;$!d' | grep . || echo absent)"
fi
check "the upstream, extprocd and Envoy are all still running" all_run
if [ "$wrong" -gt 0 ]; then
    die "$wrong of $steps steps did not work" "$work/extprocd.log"
fi
echo "all $steps steps work"
[ "$once" = no ] || exit 0

say "It stays until Ctrl-C. Try:"
cat <<TRY
    curl -i http://127.0.0.1:$envoy_port/ -H 'instructions: {"addHeaders": {"x-mine": "1"}}'
    curl -i http://127.0.0.1:$envoy_port/ -H 'instructions: no JSON'
    tail -f ${work#"$top"/}/extprocd.log
    edit ${work#"$top"/}/hello/hello.c, and start this again
TRY
wait
