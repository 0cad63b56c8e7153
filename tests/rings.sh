#!/usr/bin/env bash
# No two files of a floor call one another in a ring: which one stands on which can be said. Rings that are
# left are named below; a ring of other files is an error.
#
#   tests/rings.sh LIBRARY...      static libraries, neither with -flto nor with a sanitizer
set -eu

known=''

found=$(for library in "$@"; do
    name=$(basename "$library" .a)
    nm -A "$library" | awk -v library="$name" '
    {
        split($1, place, ":")
        file = place[2]; sub(/\.c\.o$/, "", file)
        files[file] = 1
        type = $(NF - 1); symbol = $NF
        if (type == "U") needs[file, symbol] = 1
        else if (type ~ /^[A-Z]$/) home[symbol] = file
    }
    END {
        for (need in needs) {
            split(need, part, SUBSEP)
            if (part[2] in home && home[part[2]] != part[1]) reach[part[1], home[part[2]]] = 1
        }
        for (k in files) for (i in files) if ((i, k) in reach) # Warshall
            for (j in files) if ((k, j) in reach) reach[i, j] = 1
        for (i in files) if ((i, i) in reach && !(i in done)) {
            n = 0
            for (j in files) if ((i, j) in reach && (j, i) in reach) { done[j] = 1; print library ": " i " " j }
        }
    }' | awk '{ ring[$1 " " $2] = ring[$1 " " $2] " " $3 }
        END { for (r in ring) { split(r, place, " "); print place[1] ring[r] } }' |
        while read -r place members; do echo "$place $(tr ' ' '\n' <<<"$members" | LC_ALL=C sort | paste -sd' ')"; done
done | LC_ALL=C sort)

bad=0
while read -r place members; do
    good=
    while read -r known_place known_members; do
        [ "$place" = "$known_place" ] || continue
        good=yes
        for member in $members; do case " $known_members " in *" $member "*) ;; *) good= ;; esac; done
        [ -z "$good" ] || break
    done <<<"$known"
    if [ -z "$good" ] && [ -n "$place" ]; then
        echo "files that call one another in a ring: $place $members"
        bad=1
    fi
done <<<"$found"
exit $bad
