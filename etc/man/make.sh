#!/usr/bin/env bash
# Fills in a manual page: what the program says of itself is said once, in the program.
#
#   etc/man/make.sh PAGE TEMPLATE EXTPROCD NAME=VALUE...
set -eu
page=$1 template=$2 extprocd=$3
shift 3

# Lines of --help, as "  -c, --config FILE   what it does" or with the second part on a line of its own.
options() {
    "$extprocd" --help | awk '
        function put(name, text) { gsub(/-/, "\\-", name); gsub(/-/, "\\-", text); printf ".TP\n.B %s\n%s\n", name, text }
        /^  +-/ {
            sub(/^ +/, "")
            if (match($0, /   +/)) put(substr($0, 1, RSTART - 1), substr($0, RSTART + RLENGTH))
            else name = $0
            next
        }
        name { sub(/^ +/, ""); put(name, $0); name = "" }'
}

while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    @OPTIONS@) options ;;
    @KEYS@) "$extprocd" --print-keys=man ;;
    *)
        for pair in "$@"; do line=${line//@${pair%%=*}@/${pair#*=}}; done
        printf '%s\n' "$line"
        ;;
    esac
done <"$template" >"$page"
