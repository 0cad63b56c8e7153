"""h2load, and what it says. A request that fails, or whose status is not 2xx, fails the measurement.

The requests are a browser's: with what Envoy adds, a server of ext_proc gets about a dozen headers.
"""

import os
import re
import subprocess

SHARED_CORE, ENVOY_CORE = 0, 1  # envoy.sh says why
PATIENCE = 30  # seconds beyond the duration of a run

PATH = "/api/v1/catalog/items/48213?currency=EUR&expand=price,stock"
HEADERS = (
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "accept: application/json, text/plain, */*",
    "accept-language: en-US,en;q=0.5",
    "accept-encoding: gzip, deflate, br, zstd",
    "cookie: session=8f1c2e0b7a6d4c5e9f30a1b2c3d4e5f6; theme=dark; consent=1",
)
SATURATED = ("-c", "4", "-m", "16")


def pin(core):
    """What a command starts with that has to stay on one core."""
    return ["taskset", "-c", str(core)] if len(os.sched_getaffinity(0)) > 1 else []


def figure(pattern, text):
    found = re.search(pattern, text)
    assert found, f"h2load does not say {pattern}:\n{text}"
    return float(found.group(1))


def run(port, seconds, *options):
    """What h2load printed, and how many requests were answered.

    Where the time is up, h2load leaves the requests that are under way (64 of some ten thousand):
    they are neither done nor failed.
    """
    command = [*pin(SHARED_CORE), "h2load", *options, f"http://127.0.0.1:{port}{PATH}"]
    for header in HEADERS:
        command[-1:-1] = ["-H", header]
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=True,
                              timeout=seconds + PATIENCE).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise AssertionError(f"{error}\n{error.stdout or ''}{error.stderr or ''}") from None
    done = figure(r"(\d+) done", text)
    good = figure(r"status codes: (\d+) 2xx", text)
    bad = sum(figure(rf"(\d+) {word}", text) for word in ("failed", "errored", "timeout"))
    assert done > 0 and good == done and bad == 0, f"requests have failed:\n{text}"
    return text, int(done)


def warm_up(port):
    run(port, 0, *SATURATED, "-n", "2000")


def saturate(port, seconds):
    """Requests that were answered, and how many a second."""
    text, done = run(port, seconds, *SATURATED, "-D", str(seconds))
    return done, figure(r"finished in [^,]*, ([\d.]+) req/s", text)


def one_by_one(port, seconds, log):
    """How many microseconds each request took, sorted."""
    run(port, seconds, "-c", "1", "-m", "1", "-D", str(seconds), f"--log-file={log}")
    return sorted(int(line.split("\t")[2]) for line in log.read_text("ascii").splitlines())


def percentile(values, percent):
    """Of sorted values."""
    return values[len(values) * percent // 100]
