#!/usr/bin/env bash
# Calls inside of a floor: no two files call one another in a ring, so that which one stands on which can be
# said, and a file calls those of its own room and of rooms beneath it (tests/rooms.txt).
#
#   tests/rings.sh LIBRARY...      static libraries, neither with -flto nor with a sanitizer
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

objects() { # of a library, without those of files that have been moved or removed since
    local objects
    objects=$(dirname "$1")/CMakeFiles/$(basename "$1" .a | sed 's/^lib//').dir
    (cd "$objects" && find . -name '*.c.o' -printf '%P\n' | sort) | while read -r object; do
        [ ! -e "$top/host/${object%.o}" ] || echo "$objects/$object"
    done
}

bad=0
for library in "$@"; do
    objects "$library" | xargs nm -A | awk '
    FNR == NR { # a floor and its rooms
        if (!/^#/) { floor = $1; sub(/:$/, "", floor); for (i = 2; i <= NF; i++) height[floor, $i] = i }
        next
    }
    {
        file = $1; sub(/:.*/, "", file); sub(/.*\.dir\//, "", file); sub(/\.o$/, "", file)
        files[file] = 1
        type = $(NF - 1); symbol = $NF
        if (type == "U") needs[file, symbol] = 1
        else if (type ~ /^[A-Z]$/) home[symbol] = file
    }
    function place(file,    folder, floor) { # how high its room is
        folder = file; sub(/\/[^\/]*$/, "", folder)
        for (floor = folder; !((floor, ".") in height); )
            if (!sub(/\/[^\/]*$/, "", floor)) { print file ": its floor is not in tests/rooms.txt"; bad = 1; return 0 }
        folder = folder == floor ? "." : substr(folder, length(floor) + 2)
        if (!((floor, folder) in height)) { print file ": its room is not in tests/rooms.txt"; bad = 1 }
        return height[floor, folder]
    }
    END {
        for (need in needs) {
            split(need, part, SUBSEP)
            if (!(part[2] in home) || home[part[2]] == part[1]) continue
            reach[part[1], home[part[2]]] = 1
            if (place(part[1]) < place(home[part[2]])) {
                print part[1] " calls up: " part[2] "() of " home[part[2]]; bad = 1
            }
        }
        for (k in files) for (i in files) if ((i, k) in reach) # Warshall
            for (j in files) if ((k, j) in reach) reach[i, j] = 1
        for (i in files) if ((i, i) in reach && !(i in done)) {
            ring = "files that call one another in a ring:"
            for (j in files) if ((i, j) in reach && (j, i) in reach) { done[j] = 1; ring = ring " " j }
            print ring; bad = 1
        }
        if (length(files) == 0) { print "no objects are seen"; bad = 1 }
        exit bad
    }' "$top/tests/rooms.txt" - || bad=1
done
exit $bad
