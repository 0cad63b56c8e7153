# Sourced by scripts that test a running service in Python: the parts of the build tree, and Python's own.
#
# EXTPROCD_BUILD names the build tree to test (build/tests/main), or EXTPROCD, EXTPROCD_PLUGIN_DIR and
# EXTPROCD_TEST_PLUGIN_DIR its parts. What is missing of Python's libraries, and Envoy, is fetched into the
# build tree once. Sets top and python.
e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${e2e%/tests/e2e}
build=${EXTPROCD_BUILD:-$top/build/tests/main} venv=$top/build/e2e-venv python=$venv/bin/python

export EXTPROCD=${EXTPROCD:-$build/host/extprocd}
export EXTPROCD_PLUGIN_DIR=${EXTPROCD_PLUGIN_DIR:-$build/plugins}
export EXTPROCD_TEST_PLUGIN_DIR=${EXTPROCD_TEST_PLUGIN_DIR:-$build/tests/e2e/plugins}
[ -x "$EXTPROCD" ] || { echo "${0##*/tests/}: no $EXTPROCD; name a build tree in EXTPROCD_BUILD" >&2; exit 2; }

# Several modules may run at a time, and the first of them makes the environments.
mkdir -p "$top/build"
exec {lock}>"$top/build/e2e.lock"
flock "$lock"
if ! cmp -s "$e2e/requirements.txt" "$venv/installed"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$e2e/requirements.txt"
    cp "$e2e/requirements.txt" "$venv/installed"
fi
ENVOY=$("$top/etc/get-envoy.sh")
export ENVOY
exec {lock}>&-

export PYTHONDONTWRITEBYTECODE=1 GRPC_VERBOSITY=NONE
