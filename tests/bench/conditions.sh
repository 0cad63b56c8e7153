#!/usr/bin/env bash
# What ten conditions of a plugin cost (when.*), and how that stands to the target of a microsecond. Exit code: 1
# where it is not met.
#
#   tests/bench/conditions.sh [CONDITIONS]     the program; without it, it is built (Release)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

conditions=${1:-}
if [ -z "$conditions" ]; then
    build=$root/build/release work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    fail() { echo "conditions.sh: $1" >&2; cat "$work/log" >&2; exit 1; }
    . "$here/parts/building.sh"
    configure "$root" "$build"
    build_targets "$build" conditions
    conditions=$build/tests/bench/conditions
fi
exec "$conditions" 1000
