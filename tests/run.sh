#!/usr/bin/env bash
# Installs what is missing, builds, runs every test; closes with the totals. Exit 0 only if none failed.
#
#   tests/run.sh              everything, as CI does
#   tests/run.sh NAME...      parts of it, by these names:
#       style   formatting, floors, file and function lengths, a program of tests for each file, headers that stand
#               alone, one dialect, plain words
#       main    gcc, optimised: units, plugins, sessions, ABI, end to end with a real Envoy
#       asan    the same tests, with AddressSanitizer and UndefinedBehaviorSanitizer; a leak fails
#       tsan    the floors that several threads share, with ThreadSanitizer
#       clang   a build with clang, warnings as errors
#       tidy    clang-tidy over host/ and plugins/, findings as errors
#       analyze gcc -fanalyzer over host/ and plugins/, findings as errors
#       fuzz    every fuzz target for a short time (FUZZ_SECONDS, default 20 each)
#       cover   lines that units and threads cover, of each floor in COVER_FLOORS (default: those that must have 95 %:
#               base, http and wire)
#       bench   the benchmark's own parts work, and the instructions of a transaction meet their targets
#       interop clients that others wrote: grpc-go, grpcurl, h2spec; left out where there is no Go
#       hostile the service under attack on both transports, with figures, and random dialogues against a
#               model of what is owed (HOSTILE_SECONDS, default 20 each; SEED repeats those of a run);
#               takes minutes, and is left out where no part is named: there are
#       dialogues of it the random dialogues alone, for five seconds each
set -u
cd "$(dirname "$0")/.."
top=$PWD build=$PWD/build/tests
mkdir -p "$build"
step_log=$build/step.$$.log # another run of another part may be under way
trap 'rm -f "$step_log"' EXIT

passed=0 failed=0 failures=() skipped=() targets=

say() { printf '\n== %s\n' "$*"; }
fail() { # what
    failed=$((failed + 1)); failures+=("$1"); printf 'FAILED: %s\n' "$1"
}
step() { # what, command...: one test that is a command
    local what=$1; shift
    if "$@" >"$step_log" 2>&1; then passed=$((passed + 1)); else tail -n 60 "$step_log"; fail "$what"; fi
}

configure() { # folder, cmake options...; builds $targets, or else everything
    local dir=$build/$1; shift
    cmake -S "$top" -B "$dir" -G Ninja -DEXTPROCD_WERROR=ON "$@" >"$dir.configure.log" 2>&1 || {
        cat "$dir.configure.log"; return 1; }
    ninja -C "$dir" ${targets:-all} >"$dir.build.log" 2>&1 || { grep -v '^\[' "$dir.build.log" | tail -n 60; return 1; }
}

# Runs a folder's tests and adds up what their runners say: Criterion's synthesis lines (whose
# failing tests include the crashing ones), and "N passed, N failed" lines of the others. One that
# passes and says neither is one test.
run_tests() { # folder, ctest options...
    local name=$1 log=$build/$1.tests.log sums before=$failed
    shift
    ctest --test-dir "$build/$name" -j3 --timeout 600 -V "$@" >"$log" 2>&1
    local status=$?
    sums=$(sed -E 's/\x1b\[[0-9;]*m//g' "$log" | awk -F '[:|] *' '
        /^[0-9]+: \[====\] Synthesis:/ { seen[$1] = 1; pass += $6; bad += $8 }
        /^[0-9]+: [0-9]+ passed, [0-9]+ failed$/ {
            seen[$1] = 1; pass += $2; sub(/.*, /, "", $2); bad += $2 }
        / Test +#[0-9]+: .* Passed / { sub(/.*#/, "", $1); pass += !seen[$1] }
        END { print pass + 0, bad + 0 }')
    passed=$((passed + ${sums% *}))
    mapfile -t -O "${#skipped[@]}" skipped < <(sed -nE "s/^[0-9]+: skipped: /$name: /p" "$log")
    if [ "${sums#* }" -gt 0 ] || [ "$status" -ne 0 ]; then
        sed -nE '/The following tests FAILED/,$p' "$log"
        grep -aE '^[0-9]+: .*(\[FAIL\]|\[----\]|CRASH|Unexpected signal|FAILED|ERROR: |runtime error|ThreadSanitizer: )' "$log" | tail -n 60
        [ "${sums#* }" -gt 0 ] && failed=$((failed + ${sums#* })) && failures+=("$name: ${sums#* } tests, see $log")
        [ "$failed" -eq "$before" ] && fail "$name: a runner, see $log"
    fi
    printf '%s: %s passed, %s failed\n' "$name" "${sums% *}" "$((failed - before))"
}

part_style() {
    say "style"
    step "formatting (clang-format)" bash -c \
        "git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror"
    step "floors and doors (tests/layers.sh)" tests/layers.sh
    step "lengths (tests/lengths.sh)" tests/lengths.sh
    step "a program for each file (tests/units.sh)" tests/units.sh
    step "headers stand alone (tests/headers.sh)" tests/headers.sh
    step "one dialect (tests/dialect.py)" tests/dialect.py
    step "plain words (tests/words.py)" tests/words.py
}
part_main() {
    say "gcc, optimised"
    configure main -DCMAKE_BUILD_TYPE=RelWithDebInfo || { fail "main: build"; return; }
    run_tests main
}
part_asan() {
    say "AddressSanitizer, UndefinedBehaviorSanitizer"
    configure asan -DCMAKE_BUILD_TYPE=Debug -DEXTPROCD_SANITIZE=address || { fail "asan: build"; return; }
    # Criterion lets a test pass in spite of a leak report: the file that it leaves does not.
    rm -f "$build"/asan.report.*
    # intercept_tls_get_addr: gcc's runtime before 14 takes a block of thread-local memory that begins 16 bytes
    # into a page for one of an old C library, and reads its place from the bytes before it. The search for
    # leaks then ends in "Tracer caught signal 11", now and then: gRPC's threads have such blocks.
    ASAN_OPTIONS=log_path=$build/asan.report:detect_stack_use_after_return=1:intercept_tls_get_addr=0 \
    UBSAN_OPTIONS=print_stacktrace=1 run_tests asan
    for report in "$build"/asan.report.*; do
        [ -e "$report" ] && { head -n 40 "$report"; fail "asan: $report"; }
    done
}
part_tsan() {
    say "ThreadSanitizer"
    targets=threads_tests configure tsan -DCMAKE_BUILD_TYPE=Debug -DEXTPROCD_SANITIZE=thread || { fail "tsan: build"; return; }
    run_tests tsan -L '^threads$'
}
part_clang() {
    say "clang"
    CC=clang CXX=clang++ configure clang -DCMAKE_BUILD_TYPE=Release || { fail "clang: build"; return; }
    passed=$((passed + 1))
}
part_tidy() {
    local targets
    say "clang-tidy"
    targets=proto CC=clang CXX=clang++ configure tidy -DCMAKE_EXPORT_COMPILE_COMMANDS=ON || { fail "tidy: build"; return; }
    step "clang-tidy" bash -o pipefail -c \
        "git ls-files -z 'host/*.c' 'plugins/*.c' | xargs -0 -P2 -n4 clang-tidy -p '$build/tidy' --quiet 2>/dev/null"
}
# Two of its findings are none. Leaks: memory whose address was copied into a list that realloc() has moved
# (base/config/config_errors.c, "leak of 'copy'"); ASan looks for them. Values without initialisation: a struct that
# a function that was called through a pointer has returned (plugins/gate.c, extproc_conf()); gcc and clang-tidy look for them.
part_analyze() {
    local targets
    say "gcc -fanalyzer"
    targets="extprocd plugins" configure analyze -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=gcc \
        -DCMAKE_C_FLAGS="-fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value" ||
        { fail "analyze"; return; }
    passed=$((passed + 1))
}
part_fuzz() {
    local seconds=${FUZZ_SECONDS:-20} target targets
    say "fuzz targets, $seconds s each"
    targets=$(basename -s .c tests/fuzz/fuzz_*.c)
    CC=clang CXX=clang++ configure fuzz -DCMAKE_BUILD_TYPE=Debug -DEXTPROCD_SANITIZE=address -DEXTPROCD_FUZZ=ON ||
        { fail "fuzz: build"; return; }
    for target in "$build"/fuzz/tests/fuzz/fuzz_*; do
        [ -x "$target" ] && [ -f "$target" ] || continue
        local name=${target##*/}
        mkdir -p "$build/corpus/$name"
        step "$name" timeout $((seconds + 60)) "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
            -artifact_prefix="$build/$name-" "$build/corpus/$name" "tests/fuzz/corpus/${name#fuzz_}"
    done
}
part_cover() {
    local floors=${COVER_FLOORS:-base http wire} floor least folders targets
    say "coverage"
    folders=$(cd tests/unit && find $floors -type d -printf '%f|')
    targets=threads_tests' '$(cd tests/unit && find $floors -name '*.c' | sed -E 's|(.*/)?(.*)/(.*)\.c|test_\2_\3|')
    configure cover -DCMAKE_BUILD_TYPE=Debug -DEXTPROCD_COVERAGE=ON || { fail "cover: build"; return; }
    run_tests cover -R "^(${folders}threads)/" -E '^wire/hostile$' # which is about costs, and takes minutes without -O
    for floor in $floors; do
        case $floor in base|http|wire) least=95 ;; *) least=0 ;; esac
        step "$least % of host/$floor" gcovr --root "$top" --filter "host/$floor/" --fail-under-line $least "$build/cover"
        tail -n 12 "$step_log" | grep TOTAL | sed "s/^/host\/$floor /"
    done
}
part_bench() {
    say "bench"
    configure main -DCMAKE_BUILD_TYPE=RelWithDebInfo || { fail "main: build"; return; }
    run_tests main -L '^bench$'
    step "instructions of a release (tests/bench/floors.sh)" tests/bench/floors.sh
}

# A script of its own, whose last line is "N passed, N failed".
run_script() { # name, arguments...
    local log=$build/$1.log sums
    say "$*"
    configure main -DCMAKE_BUILD_TYPE=RelWithDebInfo || { fail "main: build"; return; }
    EXTPROCD_BUILD=$build/main "tests/$1/run.sh" "${@:2}" >"$log" 2>&1
    local status=$?
    sums=$(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log")
    [ -n "$sums" ] || tail -n 1 "$log"
    [ "$status" -eq 0 ] || { tail -n 60 "$log"; fail "$1: see $log"; }
    [ -z "$sums" ] || passed=$((passed + ${sums% *}))
    printf '%s: %d passed, %d failed\n' "$1" ${sums:-0 0}
}
part_interop() { run_script interop; }
part_hostile() {
    run_script hostile
    cat "$build/hostile.log"
}
part_dialogues() { HOSTILE_SECONDS=${HOSTILE_SECONDS:-10} run_script hostile dialogues; }

etc/install-deps.sh test || exit 1
if [ $# -eq 0 ]; then
    set -- style main interop dialogues asan tsan clang tidy analyze fuzz cover
fi
for part in "$@"; do
    declare -F "part_$part" >/dev/null || { echo "tests/run.sh: no part '$part'" >&2; exit 2; }
    "part_$part"
done

if [ "${#failures[@]}" -gt 0 ]; then
    say "failed"
    printf '  %s\n' "${failures[@]}"
fi
if [ "${#skipped[@]}" -gt 0 ]; then
    say "${#skipped[@]} skipped, which this machine cannot run"
    printf '  %s\n' "${skipped[@]}"
fi
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
