"""Adds up what run.sh measured: prints the table, and writes it as JSON where a file is named.

usage: summary.py RESULTS [JSON]

RESULTS has a line for each round and server: {"round", "server", "saturated", "few", "many"}, the
last three being what the load generator printed.
"""

import json
import sys
from statistics import median

MAX_CPU_RATIO = 1.25
MAX_IDLE_BYTES_MORE = 1024  # the headers themselves not counted, where they are kept
KEEP_HEADERS = {"noop"}  # takes part in later phases, so its host keeps the request's headers


def idle_bytes(few, many):
    """What one more open idle stream takes: what all streams share is in both, and cancels out."""
    few, many = few["hold"], many["hold"]
    kib = many["server_rss_kb"] - few["server_rss_kb"]
    return kib * 1024 / (many["parked"] - few["parked"])


def figures(line):
    load = line["saturated"]
    return {
        "cpu_us_per_stream": load["server_cpu_us_per_stream"],
        "streams_per_s": load["streams_per_s"],
        "message_p50_us": load["message_us"]["p50"],
        "message_p99_us": load["message_us"]["p99"],
        "bytes_per_idle_stream": idle_bytes(line["few"], line["many"]),
        "header_bytes": line["many"]["hold"]["message_bytes"],
    }


def read_rounds(path):
    """{server: [figures of round 1, of round 2, ...]}, in the order they were measured."""
    rounds = {}
    with open(path, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            rounds.setdefault(line["server"], []).append(figures(line))
    return rounds


def compare(rounds, bare):
    """Medians; against bare, the median over pairs of the same round."""
    row = {key: median(r[key] for r in rounds) for key in rounds[0]}
    if bare:
        pairs = list(zip(rounds, bare))
        row["cpu_ratio"] = median(
            r["cpu_us_per_stream"] / b["cpu_us_per_stream"] for r, b in pairs
        )
        row["idle_bytes_more"] = median(
            r["bytes_per_idle_stream"] - b["bytes_per_idle_stream"] for r, b in pairs
        )
    return row


def print_table(rows):
    form = "{:10}{:>10}{:>8}{:>10}{:>16}{:>13}{:>8}"
    print(form.format("", "CPU", "ratio", "streams", "message", "idle stream", "more"))
    print(form.format("", "µs/stream", "", "/s", "p50/p99 µs", "bytes", "bytes"))
    for server, row in rows.items():
        ratio = f"{row['cpu_ratio']:.2f}" if "cpu_ratio" in row else ""
        more = f"{row['idle_bytes_more']:.0f}" if "idle_bytes_more" in row else ""
        message = f"{row['message_p50_us']:.0f}/{row['message_p99_us']:.0f}"
        cpu, streams = f"{row['cpu_us_per_stream']:.2f}", f"{row['streams_per_s']:.0f}"
        idle = f"{row['bytes_per_idle_stream']:.0f}"
        print(form.format(server, cpu, ratio, streams, message, idle, more))


def print_targets(rows):
    def verdict(value, limit):
        return "met" if value <= limit else "MISSED"

    for server, row in rows.items():
        if server == "bare" or "cpu_ratio" not in row:
            continue
        ratio, more, kept = row["cpu_ratio"], row["idle_bytes_more"], ""
        if server in KEEP_HEADERS:
            more -= row["header_bytes"]
            kept = f" without the {row['header_bytes']:.0f} bytes of headers kept"
        print(f"\n{server}")
        print(f"  CPU at most {MAX_CPU_RATIO} x bare: {ratio:.2f}, {verdict(ratio, MAX_CPU_RATIO)}")
        print(
            f"  at most {MAX_IDLE_BYTES_MORE} bytes more per idle stream: {more:.0f}{kept},"
            f" {verdict(more, MAX_IDLE_BYTES_MORE)}"
        )


def main(results, out=None):
    rounds = read_rounds(results)
    rows = {server: compare(r, rounds.get("bare")) for server, r in rounds.items()}
    print_table(rows)
    print_targets(rows)
    if out:
        with open(out, "w", encoding="utf-8") as file:
            json.dump({"servers": rows, "rounds": rounds}, file, indent=2)
            file.write("\n")


main(*sys.argv[1:])
