#!/usr/bin/env bash
# Every file of host/ has a program in tests/unit/ that is named after it, or after the file whose name it begins with
# (config_errors.c after config.c), or is listed here with the tests that go through it, because it does nothing
# without a process, a client or a transaction.
set -eu
cd "$(dirname "$0")/.."

declare -A through=(
    [base/pattern/regex]=unit/base/pattern.c
    [plugin/template/number]=unit/plugin/template.c
    [plugin/routine]=session/routine.c
    [plugin/wait/keep]=session/holding.c
    [plugin/wait/call]=session/blocking.c
    [plugin/run/apart]=session/blocking.c
    [plugin/api/guard]=session/blocking_late.c
    [plugin/trial/trial]=session/shadow.c
    [plugin/trial/would]=session/shadow.c
    [base/log/output]=unit/base/writer.c
    [wire/decode/decoder]=unit/wire/decode_tree.c
    [process/setup/places]=abi/install.sh
    [process/end/crash]=e2e/test_ends.py
    [process/end/leave]=e2e/test_leave.py
    [process/run/worker]=e2e/test_lifecycle.py
    [process/run/bridge]=e2e/test_lifecycle.py
    [transport/module]=unit/transport/transport.c
    # with each transport
    [transport/grpc/grpc]=unit/transport/server.c
    [transport/grpc/acceptor]=unit/transport/server.c
    [transport/grpc/sockets]=unit/transport/life.c
    [transport/grpc/peer]=unit/transport/call.c
    [transport/grpc/outgoing]=unit/transport/call.c
    [transport/grpc/queue/waker]=unit/transport/call.c
    [transport/h2/conn/heard]=unit/transport/h2/conn.c
    [transport/h2/conn/idle]=unit/transport/h2/limits.c
    [transport/h2/conn/patience]=unit/transport/h2/silence.c
)

bad=0
for file in $(find host -name '*.c' ! -path host/main.c | sort); do
    place=${file#host/} place=${place%.c}
    name=${place##*/} tried=$name
    until [ -n "$(find "tests/unit/${place%%/*}" -name "$tried.c")" ] || [ "$tried" = "${tried%_*}" ]; do
        tried=${tried%_*}
    done
    tested=$(find "tests/unit/${place%%/*}" -name "$tried.c")
    test=${through[$place]:-}
    if [ -z "$tested$test" ]; then
        echo "$file: neither a program in tests/unit/ nor a line in tests/units.sh"
        bad=1
    elif [ -n "$test" ] && { [ -n "$tested" ] || [ ! -e "tests/$test" ]; }; then
        echo "tests/units.sh: $place: ${tested:+there is $tested}${tested:-there is no tests/$test}"
        bad=1
    fi
    unset "through[$place]"
done
for place in "${!through[@]}"; do
    echo "tests/units.sh: there is no host/$place.c"
    bad=1
done
exit $bad
