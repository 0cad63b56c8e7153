"""Adds up what run.sh measured: prints tables and targets, and writes JSON where a file is named.

usage: summary.py RESULTS [JSON]

RESULTS has a line for each measurement: {"round", "transport", "scenario", "server"} and what the
load generator printed: "few" and "many" where the scenario is idle, "load" elsewhere.

Figures are medians over the rounds. Ratios and differences are medians over pairs of one round, so
that a slow moment of the machine is in both.
"""

import json
import sys
from statistics import median

import targets


def idle_figures(few, many):
    """What one more open idle stream takes: what all streams share is in both, and cancels out."""
    few, many = few["hold"], many["hold"]
    kib = many["server_rss_kb"] - few["server_rss_kb"]
    return {
        "bytes": kib * 1024 / (many["parked"] - few["parked"]),
        "header_bytes": many["message_bytes"],
    }


def load_figures(load):
    return {
        "cpu_us_per_stream": load["server_cpu_us_per_stream"],
        "streams_per_s": load["streams_per_s"],
        "message_p50_us": load["message_us"]["p50"],
        "message_p99_us": load["message_us"]["p99"],
    }


def read_rounds(path):
    """{(transport, scenario, server): [figures of round 1, of round 2, ...]}, as measured."""
    rounds = {}
    with open(path, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            key = line["transport"], line["scenario"], line["server"]
            if line["scenario"] == "idle":
                figures = idle_figures(line["few"], line["many"])
            else:
                figures = load_figures(line["load"])
            rounds.setdefault(key, []).append(figures)
    return rounds


def over_pairs(operation, rounds, others, figure):
    return median(operation(r[figure], o[figure]) for r, o in zip(rounds, others))


def ratio(value, other):
    return value / other


def difference(value, other):
    return value - other


def add_up(rounds):
    """{(transport, scenario, server): medians, and how they stand to bare's}"""
    rows = {}
    for (transport, scenario, server), own in rounds.items():
        row = {figure: median(r[figure] for r in own) for figure in own[0]}
        bare = rounds.get((transport, scenario, "bare"))
        if bare and server != "bare" and scenario == "idle":
            row["bytes_more"] = over_pairs(difference, own, bare, "bytes")
        elif bare and server != "bare":
            row["cpu_ratio"] = over_pairs(ratio, own, bare, "cpu_us_per_stream")
        rows[transport, scenario, server] = row
    return rows


def cell(row, form):
    """The form filled in; nothing where the row lacks one of its figures."""
    try:
        return form.format(**row)
    except KeyError:
        return ""


CELLS = [
    "{cpu_us_per_stream:.2f}",
    "{cpu_ratio:.2f}",
    "{streams_per_s:.0f}",
    "{message_p50_us:.0f}/{message_p99_us:.0f}",
    "{bytes:.0f}",
    "{bytes_more:.0f}",
]


def print_table(title, rows):
    """Rows by transport and server."""
    form = "{:8}{:10}{:>10}{:>8}{:>10}{:>16}{:>13}{:>8}"
    print(form.format(title, "", "CPU", "ratio", "streams", "message", "idle stream", "more"))
    print(form.format("", "", "µs/stream", "", "/s", "p50/p99 µs", "bytes", "bytes"))
    for (transport, server), row in rows.items():
        print(form.format(transport, server, *(cell(row, c) for c in CELLS)))
    print()


def print_tables(rows):
    """One for each scenario; that of idle shares the one of headers."""
    tables = {}
    shared = any(scenario == "headers" for _, scenario, _ in rows)
    for (transport, scenario, server), row in rows.items():
        title = "headers" if scenario == "idle" and shared else scenario
        tables.setdefault(title, {}).setdefault((transport, server), {}).update(row)
    for title, table in tables.items():
        print_table(title, table)


def print_transports(rounds):
    """extprocd against itself."""
    ratios = []
    for (transport, scenario, server), own in rounds.items():
        other = rounds.get(("grpc", scenario, server))
        if transport == "h2" and server != "bare" and other:
            figure = "bytes" if scenario == "idle" else "cpu_us_per_stream"
            ratios.append(f"{scenario}/{server} {over_pairs(ratio, own, other, figure):.2f}")
    if ratios:
        print(f"extprocd on h2 takes of what it takes on grpc: {', '.join(ratios)}\n")


def write_json(path, rounds, rows):
    names = "transport", "scenario", "server"
    out = [dict(zip(names, key)) | row | {"rounds": rounds[key]} for key, row in rows.items()]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(out, file, indent=2)
        file.write("\n")


def main(results, out=None):
    rounds = read_rounds(results)
    rows = add_up(rounds)
    print_tables(rows)
    print_transports(rounds)
    targets.show(rows)
    if out:
        write_json(out, rounds, rows)


main(*sys.argv[1:])
