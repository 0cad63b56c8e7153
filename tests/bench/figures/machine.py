"""When, where and with what was measured."""

import os
import platform
import subprocess
from datetime import date
from pathlib import Path


def said_by(*command):
    """The first line; None where the command is not there, or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip().split("\n")[0]


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def facts():
    here = str(Path(__file__).parent)
    return {
        "date": date.today().isoformat(),
        "commit": said_by("git", "-C", here, "describe", "--always", "--dirty", "--abbrev=12"),
        "kernel": platform.release(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "nghttp2": said_by("pkg-config", "--modversion", "libnghttp2"),
        "grpc_core": said_by("pkg-config", "--modversion", "grpc"),
    }
