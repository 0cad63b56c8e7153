"""Prints what envoy.sh measured, as a table.

usage: envoy_table.py RESULTS

Figures are medians over the rounds. What is added to nofilter, and times bare, are medians over
pairs of one round.
"""

import json
import sys
from statistics import median

FORM = "{:7}{:6}{:10}{:>11}{:>14}{:>16}{:>9}{:>9}{:>9}{:>12}"
HEAD = (
    ("socket", "", "", "requests", "latency", "added", "Envoy", "server", "both", "server"),
    ("", "", "", "/s", "p50/p99 µs", "p50/p99 µs", "CPU µs", "CPU µs", "CPU µs", "times bare"),
)


def read_rounds(path):
    """{(socket, transport, server): [measurement of round 1, of round 2, ...]}"""
    rounds = {}
    with open(path, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            key = line["socket"], line["transport"], line["server"]
            rounds.setdefault(key, []).append(line)
    return rounds


def mid(own, figure):
    return median(line[figure] for line in own)


def added(own, without, figure):
    return median(line[figure] - other[figure] for line, other in zip(own, without))


def server_cells(own, without, bare):
    """The cells that nofilter has not."""
    ratios = [line["server_cpu_us"] / other["server_cpu_us"] for line, other in zip(own, bare)]
    both = median(line["envoy_cpu_us"] + line["server_cpu_us"] for line in own)
    p50, p99 = (added(own, without, f"latency_{p}_us") for p in ("p50", "p99"))
    return {
        "added": f"{p50:+.0f}/{p99:+.0f}",
        "server": f"{mid(own, 'server_cpu_us'):.2f}",
        "both": f"{both:.1f}",
        "ratio": f"{median(ratios):.2f}" if own is not bare else "",
    }


def row(key, rounds):
    socket, transport, server = key
    own = rounds[key]
    cells = {"added": "", "server": "", "both": f"{mid(own, 'envoy_cpu_us'):.1f}", "ratio": ""}
    if server != "nofilter":
        without = rounds[socket, "none", "nofilter"]
        cells |= server_cells(own, without, rounds[socket, transport, "bare"])
    return FORM.format(
        socket, "" if transport == "none" else transport, server,
        f"{mid(own, 'requests_per_s'):.0f}",
        f"{mid(own, 'latency_p50_us'):.0f}/{mid(own, 'latency_p99_us'):.0f}", cells["added"],
        f"{mid(own, 'envoy_cpu_us'):.1f}", cells["server"], cells["both"], cells["ratio"])


def main(results):
    rounds = read_rounds(results)
    for line in HEAD:
        print(FORM.format(*line))
    for key in rounds:
        print(row(key, rounds))


main(*sys.argv[1:])
