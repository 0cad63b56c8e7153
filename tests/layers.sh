#!/usr/bin/env bash
# Holds the arrows: includes go down only, headers do not include one another in a ring, and each foreign library
# has one door. Who calls whom inside of a floor is looked at in rings.sh. See host/README.md.
set -eu
cd "$(dirname "$0")/.."

find host plugins -name '*.[ch]' | sort | xargs awk '
BEGIN {
    # a floor, and the floors that it may include
    may["base"] = " base "
    may["http"] = " base http "
    may["wire"] = " base http wire "
    may["plugin"] = " base http plugin "
    may["session"] = " base http wire plugin session "
    may["transport"] = " base transport "
    may["process"] = " base http plugin session transport process "
    may["main"] = " process "
    may["plugins"] = " lib "
}
function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
function only(pattern, place, header) {
    if (header ~ pattern && FILENAME !~ place)
        complain("<" header "> has its door at " place)
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    header = $0
    sub(/^[^<"]*[<"]/, "", header); sub(/[>"].*$/, "", header)
    split(FILENAME, path, "/")
    floor = path[1] == "plugins" ? "plugins" : (path[2] == "main.c" ? "main" : path[2])
    if ($0 ~ /"/ && header !~ /\.pb-c\.h$/) {
        split(header, to, "/")
        if (index(may[floor], " " to[1] " ") == 0)
            complain(floor " may not include \"" header "\"")
        next
    }
    if (header ~ /\.pb-c\.h$/ || header ~ /^protobuf-c/)
        only(".", "^host/(wire/|transport/health)", header)
    else
        only("^grpc/", "^host/transport/grpc/", header)
    only("^nghttp2/", "^host/transport/h2/(http2/|framing/seam)", header)
    only("^openssl/", "^host/transport/h2/channel/tls/|^plugins/", header)
    only("^zlib\\.h$", "^host/transport/h2/framing/gzip", header)
    only("^ini\\.h$", "^host/base/config/config_reader\\.c$", header)
    only("^dlfcn\\.h$", "^host/plugin/load/loader(_names)?\\.c$|^host/transport/transport\\.c$", header)
    only("^microhttpd\\.h$", "^host/admin/", header)
    only("^pcre2\\.h$", "^host/base/pattern", header)
    only("^jansson\\.h$", "^plugins/", header)
}
END { exit bad }
'

# What a proxy is called, allows and is set to is lent to http/ and plugin/ as data: outside comments they
# have no word of it.
awk '
/\/\*/ && !/\*\// { sub(/\/\*.*/, ""); print_line(); inside = 1; next }
inside { if (!/\*\//) next; sub(/.*\*\//, ""); inside = 0 }
{ gsub(/\/\*[^*]*\*\//, ""); print_line() }
function print_line() {
    if (tolower($0) ~ /envoy|ext_proc|extprocd\.|mutation|protocol_config|continue_and_replace|_(header|body|trailer)_mode:/) {
        printf "%s:%d: a word of one proxy: %s\n", FILENAME, FNR, $0
        bad = 1
    }
}
END { exit bad }
' $(find host/http host/plugin -name '*.[ch]' | sort)

# No header needs itself by way of others.
grep -rE '^#[ 	]*include "' host --include='*.h' |
    sed -E 's#^host/([^:]+):.*"([^"]+)".*#\1 \2#' |
    tsort 2>&1 >/dev/null | sed 's/^tsort: -: input contains a loop:/headers in a ring:/; s/^tsort: //' | {
    ! grep .
}
