#!/usr/bin/env bash
# No floor that streams pass through keeps a state outside of its objects: several loops, in one process or
# inside of a proxy, share the code and nothing else.
#
#   tests/globals.sh LIBRARY...     static libraries, neither with -flto nor with a sanitizer
set -eu

nm --format=sysv --defined-only "$@" | awk -F ' *[|] *' '
/^[^|]*[.](c[.])?o[:\]]/ { file = $0; next }
# what only the loader writes, before main(), is not one
NF >= 7 && $7 ~ /^([.](data|bss|tdata|tbss)|[*]COM[*])/ && $7 !~ /^[.]data[.]rel[.]ro/ {
    printf "%s %s can be written (%s)\n", file, $1, $7
    bad = 1
}
NF >= 7 { n++ }
END { if (n < 100) { print "no symbols are seen"; bad = 1 } exit bad }
'
