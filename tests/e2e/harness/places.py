"""Where things are. Every path comes by an environment variable, which run.sh sees to."""
import os
import pathlib

EXTPROCD = os.environ["EXTPROCD"]
PLUGIN_DIR = os.environ["EXTPROCD_PLUGIN_DIR"]
PROBE, WHOLE, LEAVER, SPAWNER, BLOCKER, CREW, NEED, INTROSPECT = (
    os.path.join(os.environ["EXTPROCD_TEST_PLUGIN_DIR"], f"{name}.so")
    for name in ("probe", "whole", "leaver", "spawner", "blocker", "crew", "need", "introspect"))
ENVOY = os.environ["ENVOY"]
TRANSPORT = os.environ.get("EXTPROCD_TRANSPORT")  # None: the service's own choice

SANITIZED = any(mark in pathlib.Path(EXTPROCD).read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
PATIENCE = 60 if SANITIZED else 30  # seconds that anything may take
