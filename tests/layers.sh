#!/usr/bin/env bash
# Holds the arrows: includes go down only, from floor to floor and inside of a floor from room to room, headers do
# not include one another in a ring, and each foreign library has one door. Who calls whom inside of a floor is
# looked at in rings.sh. See host/README.md.
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
    # the rooms of each, and how high they are
    while ((getline line <"tests/rooms.txt") > 0) {
        n = line ~ /^#/ ? 0 : split(line, room, " ")
        sub(/:$/, "", room[1])
        for (i = 2; i <= n; i++) height[room[1], room[i]] = i
    }
}
function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
function only(pattern, place, header) {
    if (header ~ pattern && FILENAME !~ place)
        complain("<" header "> has its door at " place)
}
# Sets `owner`, and returns the room of a file in it.
function room_of(file) {
    sub(/\/[^\/]*$/, "", file)
    for (owner = file; !((owner, ".") in height) && sub(/\/[^\/]*$/, "", owner); );
    file = owner == file ? "." : substr(file, length(owner) + 2)
    if (!((owner, file) in height)) complain(owner "/" file " is not in tests/rooms.txt")
    return file
}
function check_rooms(from, to,    own_room, own, room) {
    own_room = room_of(from); own = owner
    room = room_of(to)
    if (owner == own && height[own, own_room] < height[owner, room])
        complain("\"" to "\" is in a room above this one")
    sub(/\/.*/, "", from); sub(/\/.*/, "", to)
    if (owner != own && from == to && index(own, owner "/") != 1)
        complain(own " may not include what is in " owner)
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
        else if (path[1] == "host" && floor != "main")
            check_rooms(substr(FILENAME, 6), header)
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
    only("^pcre2\\.h$", "^host/base/pattern|^plugins/", header)
    only("^jansson\\.h$", "^plugins/", header)
}
END { exit bad }
'

# What a proxy is called, allows, says and is set to is lent to http/ and plugin/ as data (struct rules, struct
# plugin_env): they have no word of it, in comments neither.
words='envoy|ext_proc|extprocd\.|mutation|protocol_config|processing_?mode|mode_override|_and_replace|clear_route_cache'
words+='|x[dD][sS]\.|code_details|via_upstream|(request|response)_attributes|(forwarding|receiving)_namespaces'
words+='|_(header|body|trailer)_mode:|"(request|response|source|connection|upstream)\.[a-z_]*"'
words+='|failure_mode_allow|[^_]message_timeout|oneof|on the wire'
if grep -rniE "$words" host/http host/plugin --include='*.[ch]'; then
    echo "^ words of one proxy"
    exit 1
fi

# No header needs itself by way of others.
grep -rE '^#[ 	]*include "' host --include='*.h' |
    sed -E 's#^host/([^:]+):.*"([^"]+)".*#\1 \2#' |
    tsort 2>&1 >/dev/null | sed 's/^tsort: -: input contains a loop:/headers in a ring:/; s/^tsort: //' | {
    ! grep .
}
