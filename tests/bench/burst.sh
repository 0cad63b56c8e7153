#!/usr/bin/env bash
# The memory of 100,000 concurrent streams is returned when they have ended.
# usage: burst.sh LOADGEN EXTPROCD PLUGIN_DIR
set -eu
loadgen=$1 extprocd=$2 work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

cat >"$work/ini" <<INI
[extprocd]
plugin_dir = $3
transport = h2
[listener:burst]
address = unix:$work/socket
[chain:burst]
plugins = tags
[plugin:tags]
file = headers.so
request.set = x-ext: 1
INI
"$extprocd" -c "$work/ini" 2>"$work/log" &
server=$!
for _ in {1..200}; do
    [ ! -S "$work/socket" ] || break
    sleep 0.1
done

kib() { # VmRSS or VmHWM, of the server
    awk -v name="$1:" '$1 == name { print $2 }' "/proc/$server/status"
}
burst() { # connections, streams on each
    "$loadgen" --unix "$work/socket" --conns "$1" --streams "$2" --count $(($1 * $2)) --hold 0.1 --duration 300 \
        --expect-set-header x-ext=1 >"$work/load" || { cat "$work/load" "$work/log"; exit 1; }
}

burst 1 16
before=$(kib VmRSS)
burst 100 1000
peak=$(kib VmHWM)
for _ in {1..200}; do # the last connections end a moment later
    after=$(kib VmRSS)
    [ "$after" -ge $((before + 4096)) ] || break
    sleep 0.1
done
echo "before $before KiB, peak $peak KiB, after $after KiB"
if [ "$peak" -gt $((before + 65536)) ] && [ "$after" -lt $((before + 4096)) ]; then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
    exit 1
fi
