#!/bin/sh
# Installs what a plugin author gets into a folder of its own, and builds against it the first plugin
# of README.md, with the cc line that stands there, and the template of a plugin, with make and CMake.
#
#     package.sh CMAKE BUILD_DIR LIBDIR CC
set -eu

cmake=$1 build=$2 libdir=$3 cc=$4
readme=$(cd "$(dirname "$0")/../.." && pwd)/README.md
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail()
{
    echo "package.sh: $*" >&2
    exit 1
}
expect() # what, is, should be
{
    [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

usr=$root/usr
"$cmake" --install "$build" --prefix "$usr" --component sdk >"$root/log"
export PKG_CONFIG_PATH="$usr/$libdir/pkgconfig"

expect abi "$(pkg-config --variable=abi extproc)" 1.0
expect plugindir "$(pkg-config --variable=plugindir extproc)" "$usr/$libdir/extprocd"
[ -f "$usr/include/extproc/plugin.h" ] || fail "the header is not installed"

mkdir "$root/mine"
cd "$root/mine"
for file in CMakeLists.txt Makefile plugin.c; do
    sed 's/@NAME@/mine/g' "$usr/share/extproc/templates/$file" >"$file"
done
mv plugin.c mine.c

awk '/^```/ { if (inside) exit; inside = /^```c$/; next } inside' "$readme" >hello.c
cc_line=$(sed -n 's/^ *cc \(-shared .*hello\.c\)$/\1 -Wall -Wextra -Werror/p' "$readme")
[ -n "$cc_line" ] || fail "README.md has no line that compiles hello.c"
eval "$cc $cc_line"

make CC="$cc" install DESTDIR="$root/made" >>"$root/log"
[ -f "$root/made$usr/$libdir/extprocd/mine.so" ] || fail "make did not install mine.so"

# Without pkg-config the installed Makefile knows the folders, and others may be named.
env PKG_CONFIG_PATH=/nonexistent make -B CC="$cc" install DESTDIR="$root/without" >>"$root/log"
[ -f "$root/without$usr/$libdir/extprocd/mine.so" ] || fail "make did not install mine.so without pkg-config"
env PKG_CONFIG_PATH=/nonexistent make -B CC="$cc" includedir="$usr/include" plugindir=/lib/mine install DESTDIR="$root/named" >>"$root/log"
[ -f "$root/named/lib/mine/mine.so" ] || fail "make did not install mine.so in the folder that was named"

"$cmake" -S . -B out -DCMAKE_PREFIX_PATH="$usr" -DCMAKE_C_COMPILER="$cc" >>"$root/log"
"$cmake" --build out >>"$root/log"
"$cmake" --install out >>"$root/log"
[ -f "$usr/$libdir/extprocd/mine.so" ] || fail "CMake did not install mine.so"

for so in hello.so mine.so out/mine.so; do
    nm -D --defined-only "$so" | grep -q ' extproc_plugin_v1$' || fail "$so exports no plugin"
done
for so in hello.so mine.so out/mine.so; do
    expect "what $so exports" "$(nm -D --defined-only "$so" | wc -l)" 1
done
