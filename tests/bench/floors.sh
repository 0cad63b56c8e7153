#!/usr/bin/env bash
# How many instructions a transaction takes between the bytes of the transport and the plugins, and how that
# stands to the targets. Counted by callgrind: many transactions less few, so that the start cancels out, and
# the machine's moment does not matter. Exit code: 1 where a target is not met.
#
#   tests/bench/floors.sh                          builds the program as a release is built, and judges it
#   tests/bench/floors.sh FLOORS                   judges this one
#   tests/bench/floors.sh FLOORS NOOP ONE FIVE     by other figures: without link-time optimisation a transaction takes
#                                                  a quarter more
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
few=100 many=600

command -v valgrind >/dev/null || { echo "floors.sh: left out, valgrind is not installed"; exit 0; }
targets=(9000 15000 30000)
if [ $# -gt 0 ]; then
    floors=$1
    [ $# -eq 1 ] || targets=("${@:2}")
else
    build=$root/build/release work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    fail() { echo "floors.sh: $1" >&2; cat "$work/log" >&2; exit 1; }
    . "$here/parts/building.sh"
    configure "$root" "$build"
    build_targets "$build" floors plugins
    floors=$build/tests/bench/floors
fi

count() { # scenario, transactions: instructions
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$floors" "$1" "$2" 2>&1 >/dev/null |
        awk '/ Collected : / { print $NF }'
}
per_transaction() { # scenario
    echo $((($(count "$1" $many) - $(count "$1" $few)) / (many - few)))
}
short=0
row() { # what, figure, target
    awk -v n="$2" -v most="$3" 'BEGIN { exit !(n + 0 <= most + 0) }' || short=1
    awk -v what="$1" -v n="$2" -v most="$3" \
        'BEGIN { printf "%-28s %10s  at most %10s  %s\n", what, n, most, n + 0 <= most + 0 ? "ok" : "short" }'
}

declare -A n
for scenario in none noop one five sets20 sets80; do n[$scenario]=$(per_transaction "$scenario"); done
printf 'instructions for a transaction: %d without a chain\n' "${n[none]}"
row "noop" "${n[noop]}" "${targets[0]}"
row "one plugin" "${n[one]}" "${targets[1]}"
row "five plugins" "${n[five]}" "${targets[2]}"
row "80 sets, times 20 sets" "$(awk -v a="${n[sets80]}" -v b="${n[sets20]}" 'BEGIN { printf "%.2f", a / b }')" 4.5
exit $short
