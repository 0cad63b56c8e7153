#!/usr/bin/env bash
# Every header stands alone: it compiles by itself, as C11, without a warning; the SDK's as C11
# to C2x and C++11 to C++20, by gcc and clang, with enums of 32 bits.
# In the SDK's, an enumerator begins with the name of its type, and no function has the name of a type.
set -eu
cd "$(dirname "$0")/.."

status=0
warnings=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only)
for header in $(find host -name '*.h' | sort); do
    grep -q 'pb-c\.h\|<grpc/\|<nghttp2/' "$header" && continue # these need the build tree
    printf '#include "%s"\n' "${header#host/}" |
        "${CC:-cc}" -std=c11 -D_GNU_SOURCE "${warnings[@]}" -Wno-pedantic -Ihost -Isdk/include -x c - || status=1
done
for header in sdk/include/extproc/*.h; do
    line="#include <extproc/${header##*/}>"
    [ "${header##*/}" = old_names.h ] && continue # a part of plugin.h, and nothing but macros
    for compiler in "${CC:-cc}" gcc clang; do # those that are there
        command -v "$compiler" >/dev/null || continue
        for std in c11 gnu11 c17 c2x; do
            for enums in -fno-short-enums -fshort-enums; do
                printf '%s\n_Static_assert(sizeof(enum extproc_map) == 4 && (enum extproc_map)-1 > 0, "");\n' "$line" |
                    "$compiler" -std=$std $enums "${warnings[@]}" -Isdk/include -x c - || status=1
            done
        done
    done
    for compiler in "${CXX:-c++}" g++ clang++; do
        command -v "$compiler" >/dev/null || continue
        for std in c++11 c++14 c++17 c++20; do
            printf '%s\n' "$line" | "$compiler" -std=$std "${warnings[@]}" -Isdk/include -x c++ - || status=1
        done
    done
done

names() { # of the SDK: what awk finds
    awk '
        /^ *enum EXTPROC_ENUM\([a-z_]+\) \{/ { sub(/.*ENUM\(/, ""); sub(/\)/, ""); prefix = toupper($1) "_"; sub(/^[^{]*\{/, ""); inside = 1; types[tolower(substr(prefix, 1, length(prefix) - 1))] }
        inside { line = $0; gsub(/\/\*.*/, "", line)
                 while (match(line, /EXTPROC_[A-Z0-9_]+/)) {
                     name = substr(line, RSTART, RLENGTH); line = substr(line, RSTART + RLENGTH)
                     if (index(name, prefix) != 1) { print FILENAME ": " name " does not begin with " prefix; bad = 1 } }
                 if (/}/) inside = 0 }
        /^struct [a-z_]+ \{/ { types[$2] }
        /^static inline / { if (match($0, /[a-z_]+\(/)) functions[substr($0, RSTART, RLENGTH - 1)] }
        END { for (f in functions) if (f in types) { print FILENAME ": the function " f " hides a type"; bad = 1 }
              exit bad }' "$1"
}
for header in sdk/include/extproc/*.h; do names "$header" || status=1; done
exit $status
