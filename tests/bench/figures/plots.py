"""The plots: what extprocd costs beside bare, latencies at half load, and what is paid with Envoy."""

from pathlib import Path

import rounds
from bars import Bars
from targets import TARGETS

SERVERS = ["bare", "none", "noop", "headers", "five", "tonic"]


def of(rows, transport):
    """{scenario: {server: row}}, in the order of SERVERS."""
    scenarios = {}
    for server in SERVERS:
        for key, row in rows.items():
            if key[0] == transport and key[2] == server:
                scenarios.setdefault(key[1], {})[server] = row
    return scenarios


def limit_of(transport, scenario, figure):
    for target in TARGETS:
        if (target.transport, target.scenario, target.figure) == (transport, scenario, figure):
            return target.limit
    return None


def bars_of(servers, figure, form):
    return [
        (server, [(server, row[figure])], form.format(row[figure]))
        for server, row in servers.items()
        if row.get(figure) is not None
    ]


def plot_cpu(rows, transport, path):
    plot = Bars(f"CPU per stream on {transport}, times a bare server's", SERVERS, one="bare")
    for scenario, servers in of(rows, transport).items():
        limit = limit_of(transport, scenario, "cpu_ratio")
        plot.add_group(scenario, bars_of(servers, "cpu_ratio", "{:.2f}"), limit)
    plot.save(path)


def plot_half(rows, transport, path):
    plot = Bars(f"Latency of a message at half load on {transport}, µs", SERVERS)
    servers = of(rows, transport).get("half", {})
    for name, figure in ("p50", "p50"), ("p99", "p99"), ("p99.9", "p999"):
        plot.add_group(name, bars_of(servers, f"message_{figure}_us", "{:.0f}"))
    plot.save(path)


def plot_memory(rows, path):
    plot = Bars("Memory of an open idle stream, bytes", SERVERS)
    for transport in "h2", "grpc":
        servers = of(rows, transport).get("idle", {})
        limit = limit_of(transport, "idle", "bytes")
        plot.add_group(transport, bars_of(servers, "bytes", "{:.0f}"), limit)
    plot.save(path)


def plot_envoy(rows, path):
    plot = Bars("Behind Envoy: CPU per HTTP request, µs", ["Envoy", "server"])
    groups = {}
    for key, row in rows.items():
        if rounds.is_envoy(key):
            transport, scenario, server = key
            label = server if server == "nofilter" else f"{server}, {transport}"
            parts = [("Envoy", row["envoy_cpu_us"]), ("server", row.get("server_cpu_us", 0))]
            bar = label, parts, f"{row['both_cpu_us']:.1f}"
            groups.setdefault(scenario, []).append(bar)
    for scenario, bars in groups.items():
        plot.add_group(scenario, bars)
    plot.save(path)


def save_all(folder, rows):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for transport in "h2", "grpc":
        plot_cpu(rows, transport, folder / f"cpu-{transport}.svg")
        plot_half(rows, transport, folder / f"half-{transport}.svg")
    plot_memory(rows, folder / "memory.svg")
    plot_envoy(rows, folder / "envoy.svg")
