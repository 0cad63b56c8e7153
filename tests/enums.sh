#!/usr/bin/env bash
# A member more in an enum does not compile: not in any table that has a row for each member (base/rows.h), nor in
# any switch over it. Both are looked for in the sources, so that a table without ROWS() or a switch with a default
# is found here. Every enum with a name is listed, those without a table or switch too.
#
#   tests/enums.sh PROTO_DIR     where the build has generated *.pb-c.h
set -euo pipefail
cd "$(dirname "$0")/.."
proto=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# A copy of the sources with one member more: the first, so that all others move; where members have numbers, the
# last.
patched() { # header, enum
    rm -rf "$work/tree"
    mkdir -p "$work/tree/sdk"
    cp -r host "$work/tree/host"
    cp -r sdk/include "$work/tree/sdk/include"
    awk -v start="enum $2 {" -v sdk="enum EXTPROC_ENUM($2) {" '
        index($0, start) == 1 || index($0, sdk) == 1 { on = NR }
        on && NR <= on + 1 && /^[^\/]*[A-Z_0-9]+ =/ { numbered = 1 }
        { line[NR] = $0 }
        on && /\}/ {
            if (numbered) sub(/\}/, ", A_NEW_MEMBER}", line[NR]); else sub(/\{/, "{ A_NEW_MEMBER,", line[on])
            on = 0
        }
        END { for (i = 1; i <= NR; i++) print line[i] }' "$1" >"$work/tree/$1"
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
    { grep -rlE "\[$1( \+ 1)?\]|ROWS\([A-Za-z_]+, $1, " host --include='*.[ch]' || true; } | while read -r file; do
        { tr '\n' ' ' <"$file" |
            grep -oE "[a-z_]+(\[[A-Z_0-9 +]+\])*\[$1( \+ 1)?\](\[[A-Z_0-9 +]+\])*(\)\([^;{}]*\))? = +\{ *[^0 ]" |
            sed -E "s#\[.*##; s#^#$file #" || true
          sed -nE "s#.*ROWS\(([A-Za-z_]+), $1, .*#$file \1#p" "$file"; } | sort -u
    done
}

rows=(
    # with tables; some have switches too
    "host/http/mode.h body_mode N_BODY_MODES"
    "host/http/phase.h phase N_PHASES"
    "host/http/phase.h part N_PARTS"
    "host/http/phase.h lane N_LANES"
    "host/http/direction.h direction_state N_DIRECTION_STATES"
    "host/http/direction.h arrival N_ARRIVALS"
    "host/http/direction.h owed N_OWED"
    "host/http/direction.h answer_kind N_ANSWERS"
    "host/plugin/failure.h failure N_FAILURES"
    "host/plugin/failure.c decider N_DECIDERS"
    "host/plugin/policy.h policy_action N_POLICY_ACTIONS"
    "host/plugin/wait/wait.c wait_state N_WAIT_STATES"
    "host/plugin/wait/call.h plugin_call_state N_PLUGIN_CALL_STATES"
    "host/plugin/run/turn.h turn_at N_TURN_ATS"
    "host/plugin/choose/subject.h subject_kind N_SUBJECTS"
    "host/base/pattern/pattern.h pattern_kind N_PATTERN_KINDS"
    "host/base/metrics.h metric_label N_METRIC_LABELS"
    "host/transport/limits/limits.h limit N_LIMITS"
    "host/transport/h2/conn/conn.h conn_state N_CONN_STATES"
    "host/transport/h2/stream/call.h h2_call_state N_CALL_STATES"
    "host/transport/grpc/call.c call_state N_GRPC_CALL_STATES"
    # with switches
    "host/http/direction.h task"
    "host/http/mode.h mode_body"
    "host/http/verdict.h verdict_kind"
    "host/http/message/headers.h cell_state"
    "host/http/rules/framing.h framing"
    "host/http/rules/role.h role"
    "host/plugin/template/template_compile.c inside"
    "host/plugin/template/template_private.h template_kind"
    "host/plugin/wait/wait.c wait_kind"
    "host/plugin/wait/call.h call_of"
    "host/plugin/wait/call.h call_asked"
    "host/base/metrics.h metric_kind"
    "host/base/status.h status"
    "host/main.c command"
    "host/transport/transport.h transport_end"
    "host/transport/limits/limits.c unit"
    "sdk/include/extproc/plugin.h extproc_edit"
    "sdk/include/extproc/plugin.h extproc_action"
    "sdk/include/extproc/plugin.h extproc_map"
    "sdk/include/extproc/plugin.h extproc_level"
    "sdk/include/extproc/plugin.h extproc_end"
    "sdk/include/extproc/plugin.h extproc_kind"
    "sdk/include/extproc/plugin.h extproc_key_type"
)
# Nothing has a row or a case for each of their members, so that a new one is missed nowhere.
without=(
    # each is asked for where it matters, by ==
    mode_answers mode_built want_kind described turn_state output_state writer_state queue_put line_kind above
    config_severity escape file_kinds order accepted head_encoding http2_fed tls_name_kind
    match policy_mode
    # is a number of fields
    answer_head
    # in the order in which they follow one another: a step back is asserted against
    state stop_state health_state
    # of the SDK, which plugins ask for and the host only says, or bits
    extproc_map_state extproc_phase extproc_wake extproc_body_mode extproc_form extproc_change
)
# They come as an int beside -errno, or from a client: their switches have a default for that.
as_int=(messages_event gzip_event unpack_event wire_type)

# All enums that have a name are above.
for enum in $({ grep -rhoE '^enum [a-z_0-9]+ \{' host; grep -rhoE '^enum EXTPROC_ENUM\([a-z_]+\) \{' sdk/include; } |
    sed -E 's/^enum (EXTPROC_ENUM\()?([a-z_0-9]+).*/\2/' | sort -u); do
    printf '%s\n' "${rows[@]}" "${without[@]/#/- }" "${as_int[@]/#/- }" | grep -E "^[^ ]+ $enum( |\$)" >/dev/null || {
        echo "enum $enum is not listed"
        bad=1
    }
done
for enum in "${without[@]}"; do
    header=$(grep -rlE "^enum (EXTPROC_ENUM\()?$enum\)? \{" host sdk/include | head -n 1)
    member=$(first_member "$header" "$enum")
    if grep -rnE "case $member:|\[$member\] =" host --include='*.c'; then
        echo "enum $enum has a switch or a table: it needs a row"
        bad=1
    fi
done

for row in "${rows[@]}"; do
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
