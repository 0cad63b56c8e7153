#!/usr/bin/env bash
# Clients that others wrote, in Go: grpc-go, grpcurl, h2spec. On both transports; h2spec on h2.
#
#   tests/interop/run.sh [TEST]      tests whose names match a pattern of Go's (TestH2spec, Health)
#
# EXTPROCD_BUILD names the build tree to test (build/tests/main), or EXTPROCD and EXTPROCD_PLUGIN_DIR its
# parts; EXTPROCD_TRANSPORT one of its transports. Without Go, or where its modules cannot be had, nothing
# is tested, and a line says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/tests/interop}
build=${EXTPROCD_BUILD:-$top/build/tests/main} tools=$top/build/interop-tools

export EXTPROCD=${EXTPROCD:-$build/host/extprocd}
export EXTPROCD_PLUGIN_DIR=${EXTPROCD_PLUGIN_DIR:-$build/plugins}
export GRPCURL=$tools/grpcurl
[ -x "$EXTPROCD" ] || { echo "tests/interop/run.sh: no $EXTPROCD; name a build tree in EXTPROCD_BUILD" >&2; exit 2; }

leave_out() { # why
    echo "interop: left out, $1"
    exit 0
}

build_tools() {
    go test -c -o "$tools/interop.test" . && go build -o "$GRPCURL" github.com/fullstorydev/grpcurl/cmd/grpcurl
}

# The tests of one transport. Those count that have no others within.
test_transport() { # transport, pattern
    local log=$tools/$1.log sums
    echo "interop: transport $1"
    EXTPROCD_TRANSPORT=$1 timeout 300 "$tools/interop.test" -test.v -test.parallel 32 -test.run "$2" >"$log" 2>&1 ||
        { broken=1; grep -vE '^ *(=== |--- (PASS|SKIP))' "$log" || true; }
    sums=$(awk '/^ *--- (PASS|FAIL): / { name = $3; result[name] = $2; while (sub("/[^/]*$", "", name)) within[name] }
        END { for (name in result) if (!(name in within)) n[result[name]]++; print n["PASS:"] + 0, n["FAIL:"] + 0 }' "$log")
    passed=$((passed + ${sums% *})) failed=$((failed + ${sums#* }))
}

cd "$here"
command -v go >/dev/null || leave_out "go is not installed"
mkdir -p "$tools"
go mod download >"$tools/download.log" 2>&1 || leave_out "its modules cannot be had: $(tail -n 1 "$tools/download.log")"
build_tools

passed=0 failed=0 broken=0
for transport in ${EXTPROCD_TRANSPORT:-grpc h2}; do
    test_transport "$transport" "${1:-.}"
done
[ "$broken" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1 # it died
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
