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
    *) sed -n '4s/^# */usage:/p' "$0" >&2; exit 2 ;;
    esac
    shift
done

bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
[ -t 1 ] || bold= plain=
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

pids=()
end_all() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap end_all EXIT
trap 'end_all; exit 0' INT TERM

die() { # what, log file
    printf '\nquickstart: %s\n' "$1" >&2
    [ -z "${2:-}" ] || { printf 'the last lines of %s:\n' "$2" >&2; tail -n 15 "$2" >&2; }
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
        "$@" >/dev/null 2>&1 && return 0
        kill -0 "${pids[-1]}" 2>/dev/null || die "$what has ended" "$log"
        sleep 0.1
    done
    die "$what does not answer" "$log"
}
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- build ---------------------------------------------------------------------------------------------

say "1. Packages, build, installation"
etc/install-deps.sh demo
mkdir -p "$work"
cmake -S . -B "$work/build" -G Ninja -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix" >"$work/configure.log" || die "cmake failed" "$work/configure.log"
ninja -C "$work/build" >"$work/build.log" || die "the build failed" "$work/build.log"
cmake --install "$work/build" >"$work/install.log" || die "the installation failed" "$work/install.log"
envoy=$(etc/get-envoy.sh) || die "no Envoy"
echo "installed in ${prefix#"$top"/}: $("$prefix/sbin/extprocd" -V); in front of it $("$envoy" --version | grep -o '/[0-9.]*/' | head -n 1 | tr -d /) of Envoy"

say "2. A plugin of your own, from the SDK's template"
mkdir -p "$work/hello"
for from in plugin.c:hello.c Makefile:Makefile plugin.ini:hello.ini; do
    sed 's/@NAME@/hello/g' "$prefix/share/extproc/templates/${from%:*}" >"$work/hello/${from#*:}"
done
pkg_config_path=$(dirname "$(find "$prefix" -name extproc.pc)")
PKG_CONFIG_PATH=$pkg_config_path make -C "$work/hello" hello.so >"$work/hello/make.log" 2>&1 ||
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
"$prefix/sbin/extprocd" -t -c "$work/extprocd.ini" || die "the configuration was refused"
"$prefix/sbin/extprocd" --print-envoy-config -c "$work/extprocd.ini" >"$work/proxy.yaml"
filters() { sed -n '/^http_filters:/,/^$/p' "$work/proxy.yaml" | sed '1d;/^$/d;s/^/          /'; }
clusters() { sed -n '/^clusters:/,$p' "$work/proxy.yaml" | sed '1d;s/^/  /'; }
cat >"$work/envoy.yaml" <<YAML
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: $envoy_port } }
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
wait_for "the upstream" "$work/upstream.log" curl -fsS --max-time 2 "http://127.0.0.1:$upstream_port/"
run "$work/extprocd.log" "$prefix/sbin/extprocd" -c "$work/extprocd.ini"
wait_for "extprocd" "$work/extprocd.log" grep -q 'is ready' "$work/extprocd.log"
run "$work/envoy.log" "$envoy" -c "$work/envoy.yaml" --use-dynamic-base-id --log-level warn --concurrency 1
wait_for "Envoy" "$work/envoy.log" curl -fsS --max-time 2 "http://127.0.0.1:$envoy_port/"
echo "client -> Envoy 127.0.0.1:$envoy_port -> extprocd 127.0.0.1:$extprocd_port (control, hello) -> upstream 127.0.0.1:$upstream_port"

# ---- demonstration -------------------------------------------------------------------------------------

say "4. A request, and what becomes of it"
request='{"addHeaders": {"x-added": "by extprocd", "x-changed": "after"}, "removeHeaders": ["x-removed"], "setBody": "a new body"}'
response='{"addHeaders": {"x-added-to-response": "yes"}, "removeHeaders": ["x-powered-by"]}'
before=(-H "x-changed: before" -H "x-removed: soon gone" -d "the old body")
echo "sent:      POST /demo   x-changed: before   x-removed: soon gone   body: the old body"
echo "           instructions: $request"
curl -sS --max-time 10 -D "$work/response.headers" -o "$work/seen.json" "http://127.0.0.1:$envoy_port/demo" \
    "${before[@]}" -H "instructions: $request" -H "x-instruct-response: $response" || die "no answer" "$work/envoy.log"
echo "the upstream saw:"
grep -E '"(x-added|x-changed|x-removed|content-type|body)"' "$work/seen.json" || true
echo "the client got:"
tr -d '\r' <"$work/response.headers" | grep -iE '^(HTTP|x-)' | sed 's/^/    /'

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
absent() { ! grep -qi "$1" "$2"; }
say "5. Step by step"
check "the request's headers were added to (instructions)" grep -q '"x-added": "by extprocd"' "$work/seen.json"
check "one was changed" grep -q '"x-changed": "after"' "$work/seen.json"
check "one was removed" absent '"x-removed"' "$work/seen.json"
check "its body was replaced" grep -q '"body": "a new body"' "$work/seen.json"
check "the response was added to (instructions)" grep -qi '^x-added-to-response: yes' "$work/response.headers"
check "a header was removed from it" absent '^x-powered-by' "$work/response.headers"
check "your own plugin's header is there (hello)" grep -qi '^x-hello: served by hello' "$work/response.headers"
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
    edit ${work#"$top"/}/hello/hello.c, make, and start this again
TRY
wait
