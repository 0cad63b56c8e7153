"""Measures Envoy with one server of ext_proc, or none, and prints a line of JSON.

usage: envoy_measure.py ROUND TRANSPORT SERVER SOCKET SECONDS

envoy.sh says what the words mean, and sets the environment.
"""

import json
import os
import pathlib
import sys
import tempfile
import time
from contextlib import ExitStack

import envoy_load as load
from envoy_proxy import Proxy
from harness.process import Process
from harness.service import Extprocd, ini

HEADERS = "[plugin:p]\nfile = headers.so\nrequest.set = x-ext: 1\n"


def bare(folder, name, socket):
    address = {"tcp": "0", "unix": f"unix:{folder}/socket"}[socket]
    program = os.path.join(os.environ["EXTPROCD_BENCH_DIR"], f"bare_{name}")
    server = Process("bare", [*load.pin(load.SHARED_CORE), program, address], folder / "bare.log")
    server.address = server.wait_line(r"^listening on (\S+)").group(1)
    return server


def extprocd(folder, transport, socket):
    address = {"tcp": "127.0.0.1:0", "unix": f"unix:{folder}/socket"}[socket]
    config = ini(HEADERS, address, service=f"transport = {transport}")
    return Extprocd(folder, config, load.pin(load.SHARED_CORE)).wait_ready()


def tonic(folder, transport, socket):
    return bare(folder, "tonic", socket)


LAUNCH = {"bare": bare, "headers": extprocd, "tonic": tonic, "nofilter": None}


def start(stack, folder, transport, server, socket):
    """The server, or None, and an Envoy before it. Nothing of them is left when the stack is."""
    behind = None
    if LAUNCH[server]:
        behind = LAUNCH[server](folder, transport, socket)
        stack.callback(behind.kill)
    proxy = Proxy(folder, behind and behind.address, load.pin(load.ENVOY_CORE))
    stack.callback(proxy.kill)
    return behind, proxy.wait_ready()


def cpu_us(process):
    """What the process has used since it began, and its children, all threads.

    The clock is that of clock_getcpuclockid(3).
    """
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
    pids = [process.pid, *map(int, children.split())]
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids) * 1e6


def saturate(port, seconds, processes):
    """What h2load gets through, and what each of the processes uses for a request."""
    before = {name: cpu_us(process) for name, process in processes.items()}
    done, requests_per_s = load.saturate(port, seconds)
    used = {name: cpu_us(process) - before[name] for name, process in processes.items()}
    return {"requests_per_s": requests_per_s} | {
        name: round(us / done, 2) for name, us in used.items()}


def measure(folder, transport, server, socket, seconds):
    with ExitStack() as stack:
        behind, proxy = start(stack, folder, transport, server, socket)
        proxy.check(served=behind is not None)
        processes = {"envoy_cpu_us": proxy} | ({"server_cpu_us": behind} if behind else {})
        load.warm_up(proxy.port)
        latencies = load.one_by_one(proxy.port, seconds, folder / "latencies")
        figures = saturate(proxy.port, seconds, processes)
    return figures | {f"latency_p{p}_us": load.percentile(latencies, p) for p in (50, 99)}


def main(round_number, transport, server, socket, seconds):
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures = measure(pathlib.Path(folder), transport, server, socket, int(seconds))
        except AssertionError as error:
            sys.exit(f"envoy_measure.py: {error}")
        except KeyboardInterrupt:
            sys.exit(1)
    names = {"transport": transport, "scenario": "envoy", "server": server, "socket": socket}
    print(json.dumps({"round": int(round_number), **names, **figures}))


main(*sys.argv[1:])
