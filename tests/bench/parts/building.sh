# Building what is measured. Sourced: uses $here, $root, $build, $work; fail() is the caller's.

has() { # transport: is it in the build?
    grep -q "^EXTPROCD_${1^^}:BOOL=ON$" "$build/CMakeCache.txt"
}

configure() { # source tree, build tree
    cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$work/log" 2>&1 ||
        fail "$1 cannot be configured"
}

build_targets() { # build tree, target...
    local tree=$1
    shift
    cmake --build "$tree" --target "$@" >"$work/log" 2>&1 || fail "$tree does not build"
}

has_tonic() {
    [ -x "$build/tests/bench/bare_tonic" ]
}

# Where there is no cargo, or one that is too old or cannot get the crates, all else is measured: says
# so, and leaves nothing that an earlier time has built.
build_tonic() {
    local folder=$build/tests/bench why="cargo is not installed"
    rm -f "$folder/bare_tonic"
    if command -v cargo >/dev/null; then
        why="cargo cannot build it"
        cargo build --release --locked --quiet --manifest-path "$here/tonic/Cargo.toml" \
            --target-dir "$folder/tonic-target" >"$work/log" 2>&1 &&
            ln -s tonic-target/release/bare_tonic "$folder" && return
        why+=": $(head -n 1 "$work/log")"
    fi
    echo "run.sh: tonic is left out: $why" >&2
}
