#!/usr/bin/env bash
# Every header stands alone: it compiles by itself, as C11, and the SDK's as C++17 too, without a warning.
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
    printf '%s\n' "$line" | "${CC:-cc}" -std=c11 "${warnings[@]}" -Isdk/include -x c - || status=1
    printf '%s\n' "$line" | "${CXX:-c++}" -std=c++17 "${warnings[@]}" -Isdk/include -x c++ - || status=1
done
exit $status
