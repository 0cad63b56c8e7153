#!/usr/bin/env bash
# A member more in one of these enums does not compile: not in any table that has a row for each member
# (base/rows.h), nor in any switch over them. Each is looked for in the sources, so that a table without
# ROWS() or a switch with a default is found here.
#
#   tests/enums.sh PROTO_DIR     where the build has generated *.pb-c.h
set -euo pipefail
cd "$(dirname "$0")/.."
proto=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

patched() { # header, enum: a copy of the sources with one member more
    rm -rf "$work/tree"
    mkdir -p "$work/tree/sdk"
    cp -r host "$work/tree/host"
    cp -r sdk/include "$work/tree/sdk/include"
    sed -i -E "s/^enum ($2|EXTPROC_ENUM\($2\)) \{/& A_NEW_MEMBER,/" "$work/tree/$1"
    grep -q A_NEW_MEMBER "$work/tree/$1" || { echo "no enum $2 in $1"; exit 1; }
}

# Every switch that has a case for each member has one for this.
first_member() { # header, enum
    sed -E "s#/\*.*\*/##; s#EXTPROC_ENUM\(([a-z_]+)\)#\1#" "$1" | awk -v start="enum $2 {" '
        index($0, start) == 1 { on = 1; sub(/^[^{]*\{/, "") }
        on && match($0, /[A-Z][A-Z_0-9]+/) { if (!found++) print substr($0, RSTART, RLENGTH) }'
}

tables() { # count: "file table" of all that are indexed by it
    [ -n "$1" ] || return 0
    { grep -rlE "\[$1( \+ 1)?\]" host --include='*.c' || true; } | while read -r file; do
        tr '\n' ' ' <"$file" |
            grep -oE "[a-z_]+(\[[A-Z_0-9 +]+\])*\[$1( \+ 1)?\](\[[A-Z_0-9 +]+\])*(\)\([^;{}]*\))? = +\{ *[^0 ]" |
            sed -E "s#\[.*##; s#^#$file #" || true
    done
}

for row in "host/http/mode.h body_mode N_BODY_MODES" "host/http/phase.h phase N_PHASES" \
    "host/http/phase.h part N_PARTS" "host/http/direction.h direction_state N_DIRECTION_STATES" \
    "host/http/direction.h arrival N_ARRIVALS" "host/http/direction.h owed N_OWED" \
    "host/http/direction.h answer_kind N_ANSWERS" "host/http/direction.h task" \
    "host/http/mode.h mode_body" "host/http/verdict.h verdict_kind" \
    "host/http/message/headers.h cell_state" "sdk/include/extproc/plugin.h extproc_edit" \
    "sdk/include/extproc/plugin.h extproc_action" \
    "host/transport/h2/conn/conn.h conn_state N_CONN_STATES" \
    "host/transport/h2/stream/call.h h2_call_state N_CALL_STATES" \
    "host/transport/limits/limits.h limit N_LIMITS" \
    "host/plugin/failure.h failure N_FAILURES" "host/plugin/policy.h policy_action N_POLICY_ACTIONS"; do
    read -r header enum count <<<"$row"
    member=$(first_member "$header" "$enum")
    patched "$header" "$enum"
    tables "$count" >"$work/tables"
    { grep -rcE "case $member:" host --include='*.c' || true; } | sed 's/:/ /' | awk '$2 > 0' >"$work/switches"
    cut -d' ' -f1 "$work/tables" "$work/switches" | sort -u >"$work/files"
    if [ ! -s "$work/files" ]; then
        echo "enum $enum: neither a table nor a switch asks for it"
        bad=1
    fi
    while read -r file; do
        "${CC:-cc}" -std=c11 -D_GNU_SOURCE -fsyntax-only -Wall -Werror=switch -I"$work/tree/host" \
            -I"$work/tree/sdk/include" -I"$proto" "$work/tree/$file" >"$work/${file//\//+}" 2>&1 || true
    done <"$work/files"
    while read -r file table; do
        grep -q "\"$table needs a row for each of $count\"" "$work/${file//\//+}" || {
            echo "$file: $table compiles without a row for a new member of enum $enum"
            bad=1
        }
    done <"$work/tables"
    while read -r file n; do
        found=$(grep -cE "error: enumeration value .A_NEW_MEMBER. not handled" "$work/${file//\//+}" || true)
        [ "$found" -ge "$n" ] || {
            echo "$file: of $n switches over enum $enum, $found ask for a new member"
            bad=1
        }
    done <"$work/switches"
    echo "enum $enum: $(wc -l <"$work/tables") tables, $(awk '{ n += $2 } END { print n + 0 }' "$work/switches") switches"
done
exit $bad
