"""When, where and with what was measured."""

import os
import platform
import subprocess
import tomllib
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent


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


def tonic_version():
    lock = tomllib.loads((HERE.parent / "tonic/Cargo.lock").read_text(encoding="utf-8"))
    return next(package["version"] for package in lock["package"] if package["name"] == "tonic")


def facts():
    return {
        "date": date.today().isoformat(),
        "commit": said_by("git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12"),
        "kernel": platform.release(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "nghttp2": said_by("pkg-config", "--modversion", "libnghttp2"),
        "grpc_core": said_by("pkg-config", "--modversion", "grpc"),
        "tonic": tonic_version(),
    }
