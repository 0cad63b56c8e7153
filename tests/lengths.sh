#!/usr/bin/env bash
# A file stops at 600 lines, a function at 60: past that it has outgrown one idea. The SDK header, which
# is also its manual, may be longer.
set -eu
cd "$(dirname "$0")/.."

find host plugins tests -name '*.[ch]' | sort | xargs awk '
function complain(what) { printf "%s\n", what; bad = 1 }
FNR == 1 { if (last && lines > 600) complain(last ": " lines " lines"); last = FILENAME; start = 0 }
{ lines = FNR }
/^[a-zA-Z_].*[)]$/ { name = $0 }
/^\{/ { start = FNR }
/^\}/ { if (start && FNR - start - 1 > 60) complain(FILENAME ":" start ": " FNR - start - 1 " lines: " name); start = 0 }
END { if (lines > 600) complain(last ": " lines " lines"); exit bad }
'
