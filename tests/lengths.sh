#!/usr/bin/env bash
# A file stops at 600 lines, a function at 60: past that it has outgrown one idea. The SDK header, which
# is also its manual, may be longer. A line has 100 columns, but for drawings and tables in comments.
# A folder of host/ has room for eight modules.
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

git ls-files '*.c' '*.h' '*.cpp' | LC_ALL=C.UTF-8 xargs grep -nHE '^.{101}' |
    { ! grep -vE '^[^:]*:[0-9]+:\s*(/\*|\*).*(\S {3,}\S|^\s*\* {3,}|[─│┴►])|^[^:]*:[0-9]+:\s*\* {3,}'; }

# A module is a .c file with its header, or a header alone; what is private to a module belongs to it.
find host -name '*.[ch]' | sed -E 's#\.[ch]$##' | grep -vE '_private$' | sort -u | xargs -n1 dirname |
    sort | uniq -c | awk '$1 > 8 { print $2 ": " $1 " modules in one folder, which has room for 8"; bad = 1 } END { exit bad }'
