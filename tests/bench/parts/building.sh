# Building what is measured. Sourced: uses $root, $build, $work; fail() is the caller's.

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
