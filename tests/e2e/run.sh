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
. "$here/environment.sh"
exec "$python" "$here/run.py" "$here" "$@"
