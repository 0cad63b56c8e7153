#!/usr/bin/env bash
# What plugins are linked in: the program exports nothing and brings no library but the C library's own, and a
# transport exports its table of ops. So a plugin's function keeps its name, whatever library of ours has one
# of that name too.
#
#   tests/exports.sh PROGRAM FOLDER_OF_TRANSPORTS
set -eu
program=$1 transports=$2 bad=0

complain() { echo "$1"; bad=1; }
exported() { nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }'; }

names=$(exported "$program")
[ -z "$names" ] || complain "$program exports: $(echo $names)"
for library in $(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case $library in
    libc.so.* | libm.so.* | libgcc_s.so.* | ld-linux-*) ;;
    *) complain "$program is linked with $library" ;;
    esac
done
found=0
for module in "$transports"/*.so; do
    [ "$(exported "$module")" = extprocd_transport ] || complain "$module exports: $(echo $(exported "$module"))"
    found=$((found + 1))
done
[ "$found" -gt 0 ] || complain "no transports in $transports"
exit $bad
