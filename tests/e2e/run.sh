#!/usr/bin/env bash
# The end-to-end tests: extprocd as a process, an independent gRPC client, a real Envoy.
#
#   tests/e2e/run.sh [NAME[.Class[.test]]...]     modules test_NAME.py; all of them without a name
#
# EXTPROCD_BUILD names the build tree to test (build/tests/main), or EXTPROCD, EXTPROCD_PLUGIN_DIR and
# EXTPROCD_TEST_PLUGIN_DIR its parts; EXTPROCD_TRANSPORT one of its transports. What is missing of Python's
# libraries, and Envoy, is fetched into the build tree once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/tests/e2e}
build=${EXTPROCD_BUILD:-$top/build/tests/main} venv=$top/build/e2e-venv

export EXTPROCD=${EXTPROCD:-$build/host/extprocd}
export EXTPROCD_PLUGIN_DIR=${EXTPROCD_PLUGIN_DIR:-$build/plugins}
export EXTPROCD_TEST_PLUGIN_DIR=${EXTPROCD_TEST_PLUGIN_DIR:-$build/tests/e2e/plugins}
[ -x "$EXTPROCD" ] || { echo "tests/e2e/run.sh: no $EXTPROCD; name a build tree in EXTPROCD_BUILD" >&2; exit 2; }

# Several modules may run at once, and the first of them makes the environments.
mkdir -p "$top/build"
exec {lock}>"$top/build/e2e.lock"
flock "$lock"
if ! cmp -s "$here/requirements.txt" "$venv/installed"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/installed"
fi
ENVOY=$("$top/etc/get-envoy.sh")
export ENVOY
exec {lock}>&-

export PYTHONDONTWRITEBYTECODE=1 GRPC_VERBOSITY=NONE
exec "$venv/bin/python" "$here/run.py" "$@"
