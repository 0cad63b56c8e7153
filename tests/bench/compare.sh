#!/usr/bin/env bash
#
# Compares two commits by the instructions that extprocd takes for a stream, which a busy machine
# does not change. Both are measured with the load generator and the scripts of the working tree, so
# that only extprocd and its plugins differ.
#
# A commit is built in a worktree below the build tree, which is removed again; what was built is kept
# there, for the next time. "." is the working tree.
#
# Exit code: 0 compared, 1 something failed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
transports=() scenarios=() commits=()

. "$here/parts/building.sh"
. "$here/parts/server.sh"
. "$here/parts/scenarios.sh"
. "$here/parts/instructions.sh"

usage() {
    echo "usage: run.sh compare A [B] [--transport grpc|h2]... [--scenario NAME]... [--build DIR]"
    echo "A and B are commits, or . for the working tree, which is B where that is left out"
    echo "scenarios: headers five reset body buffered single"
    echo "defaults:  --transport h2, the first four of the scenarios, --build build/release"
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --*) [ $# -ge 2 ] || { usage >&2 && exit 2; } ;;&
    --transport) transports+=("$2") && shift 2 ;;
    --scenario) scenarios+=("$2") && shift 2 ;;
    --build) build=$(realpath -m -- "$2") && shift 2 ;;
    -*) usage >&2 && exit 2 ;;
    *) commits+=("$1") && shift ;;
    esac
done
case ${#commits[@]} in
1) commits+=(.) ;;
2) ;;
*) usage >&2 && exit 2 ;;
esac
[ ${#transports[@]} -gt 0 ] || transports=(h2)
[ ${#scenarios[@]} -gt 0 ] || scenarios=(headers five reset body)
for scenario in "${scenarios[@]}"; do
    counted_streams "$scenario" >/dev/null || { usage >&2 && exit 2; }
done

work=$(mktemp -d)
worktree= transport= scenario= server= served=
trap 'stop_server; remove_worktree; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

fail() { # what
    echo "compare.sh: ${scenario:+$transport $scenario $server: }$1" >&2
    [ ! -s "$work/log" ] || tail -n 20 "$work/log" >&2
    exit 1
}

remove_worktree() {
    [ -z "$worktree" ] || git -C "$root" worktree remove --force "$worktree"
    worktree=
}

hash_of() { # commit, or .
    if [ "$1" = . ]; then
        echo .
    else
        git -C "$root" rev-parse --verify --quiet "$1^{commit}" || fail "$1 is no commit"
    fi
}

# Of its build only what serves is kept, as a build tree has it; the transports, which commits have since
# they are modules, where the program looks for them.
build_commit() { # hash, where to
    local tree=$2/build
    [ ! -x "$2/host/extprocd" ] || return 0
    worktree=$2/source
    git -C "$root" worktree add --quiet --force --detach "$worktree" "$1" 2>"$work/log" ||
        fail "no worktree of $1"
    configure "$worktree" "$tree"
    build_targets "$tree" extprocd plugins
    remove_worktree
    mkdir -p "$2/plugins" "$2/host"
    mv "$tree"/plugins/*.so "$2/plugins"
    mv "$tree/host/extprocd" "$2/host"
    [ ! -d "$tree/transports" ] || mv "$tree/transports" "$2"
    rm -r "$tree"
    [ ! -d "$2/transports" ] || { mkdir "$tree" && mv "$2/transports" "$tree"; }
}

# Leaves the tree in $served.
provide() { # hash, or . for the working tree
    if [ "$1" = . ]; then
        build_targets "$build" extprocd plugins
        served=$build
    else
        served=$build/compare/$1
        build_commit "$1" "$served"
    fi
}

name_of() { # hash or ., as the table's head has it
    if [ "$1" = . ]; then
        echo "working tree"
    else
        git -C "$root" rev-parse --short "$1"
    fi
}

server_of() { # scenario: for bodies, one that takes part in them
    case $1 in
    five) echo five ;;
    body | buffered) echo noop ;;
    *) echo headers ;;
    esac
}

compare() { # tree of A, tree of B
    local counts=()
    server=$(server_of "$scenario")
    for served; do
        count_instructions
        counts+=("$instructions_per_stream")
    done
    printf '%-8s%-10s%-10s%14d%14d%9.4f\n' "$transport" "$scenario" "$server" "${counts[@]}" \
        "$(awk "BEGIN { print ${counts[1]} / ${counts[0]} }")"
}

main() {
    local trees=() a b each
    a=$(hash_of "${commits[0]}")
    b=$(hash_of "${commits[1]}")
    find_counter || fail "instructions cannot be counted: no counters for perf, and no valgrind"
    configure "$root" "$build"
    build_targets "$build" loadgen
    for each in "$a" "$b"; do
        provide "$each"
        trees+=("$served")
    done
    printf '%-28s%14s%14s%9s\n' "instructions per stream" "$(name_of "$a")" "$(name_of "$b")" B/A
    for transport in "${transports[@]}"; do
        for scenario in "${scenarios[@]}"; do
            compare "${trees[@]}"
        done
    done
}

main
