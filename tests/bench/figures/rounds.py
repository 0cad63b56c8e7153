"""What run.sh measured, added up over the rounds.

A measurement is a line of JSON: "round", "transport", "scenario", "server", and what is its own: the
load generator's result ("few" and "many" where the scenario is idle, "load" elsewhere), or what
envoy.sh says. Instructions are counted once, so their lines have no round.

Figures are medians over the rounds. Ratios and differences are medians over pairs of one round, so
that a slow moment of the machine is in both; the servers of a pair have had the same load. The turns
of a round (scenarios.sh) are rounds here.
"""

import json
from operator import sub, truediv
from statistics import median, quantiles


def idle_figures(few, many):
    """What one more open idle stream takes: what all streams share is in both, and cancels out."""
    few, many = few["hold"], many["hold"]
    kib = many["server_rss_kb"] - few["server_rss_kb"]
    return {
        "bytes": kib * 1024 / (many["parked"] - few["parked"]),
        "header_bytes": many["message_bytes"],
        "parked": many["parked"],
    }


def load_figures(load):
    message = load["message_us"]
    paced = {"rate": load["rate"], "late_p99_us": load["late_us"]["p99"]} if "rate" in load else {}
    neighbours = load.get("neighbours")
    if neighbours:
        paced["neighbours"] = neighbours["streams"]
        paced["neighbours_p50_us"] = neighbours["stream_us"]["p50"]
    return paced | {
        "cpu_us_per_stream": load["server_cpu_us_per_stream"],
        "streams_per_s": load["streams_per_s"],
        "message_p50_us": message["p50"],
        "message_p90_us": message["p90"],
        "message_p99_us": message["p99"],
        "message_p999_us": message["p999"],
        "stream_p50_us": load["stream_us"]["p50"],
        "stream_p99_us": load["stream_us"]["p99"],
        "body_mb_per_s": load["body_mb_per_s"],
        "rss_mib": load["server_rss_kb"] / 1024,
    }


def envoy_figures(line):
    figures = {name: value for name, value in line.items() if isinstance(value, (int, float))}
    del figures["round"]
    figures["both_cpu_us"] = line["envoy_cpu_us"] + line.get("server_cpu_us", 0)
    return figures


def figures_of(line):
    if line["scenario"] == "envoy":
        return envoy_figures(line)
    if line["scenario"] == "idle":
        return idle_figures(line["few"], line["many"])
    return load_figures(line["load"])


def key_of(line):
    """(transport, scenario, server); each kind of socket that Envoy uses is a scenario."""
    scenario = line["scenario"]
    if scenario == "envoy":
        scenario = f"envoy, {line['socket']}"
    return line["transport"], scenario, line["server"]


def is_envoy(key):
    return key[1].startswith("envoy")


def read(path):
    """{key: {round: figures}}, and {key: instructions per stream}"""
    rounds, instructions = {}, {}
    with open(path, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if "instructions_per_stream" in line:
                instructions[key_of(line)] = line["instructions_per_stream"]
            else:
                rounds.setdefault(key_of(line), {})[line["round"]] = figures_of(line)
    return rounds, instructions


# name: (what, server it is compared with, figure)
COMPARED = {
    "cpu_ratio": (truediv, "bare", "cpu_us_per_stream"),
    "p99_ratio": (truediv, "bare", "message_p99_us"),
    "p99_alone_ratio": (truediv, "alone", "message_p99_us"),
    "bytes_more": (sub, "bare", "bytes"),
    "server_cpu_ratio": (truediv, "bare", "server_cpu_us"),
    "server_cpu_tonic_ratio": (truediv, "tonic", "server_cpu_us"),
    "added_p50_us": (sub, "nofilter", "latency_p50_us"),
    "added_p99_us": (sub, "nofilter", "latency_p99_us"),
    "added_cpu_us": (sub, "nofilter", "both_cpu_us"),
}


def pairs_of(operation, own, other, figure):
    """Of rounds with that figure that the two have in common, under the same load."""
    return [
        operation(own[i][figure], other[i][figure])
        for i in own.keys() & other.keys()
        if figure in own[i] and other[i].get(figure) and own[i].get("rate") == other[i].get("rate")
    ]


def over_pairs(operation, own, other, figure):
    """None where the two have no such round."""
    pairs = pairs_of(operation, own, other, figure)
    return median(pairs) if pairs else None


def middle_half(pairs):
    """Between which the half of them lies that is nearest to the median."""
    first, _, third = quantiles(pairs, n=4, method="inclusive")
    return first, third


def compared(key, rounds):
    transport, scenario, server = key
    for name, (operation, with_server, figure) in COMPARED.items():
        with_transport = "none" if with_server == "nofilter" else transport
        other = rounds.get((with_transport, scenario, with_server), {})
        pairs = pairs_of(operation, rounds[key], other, figure)
        if not pairs or server == with_server:
            continue
        yield name, median(pairs)
        if name.startswith("p99") and len(pairs) > 1:
            yield f"{name}_half", "{:.2f}-{:.2f}".format(*middle_half(pairs))


def add_up(rounds, instructions):
    """{key: medians, and how they stand to others'}"""
    rows = {}
    for key, own in rounds.items():
        names = next(iter(own.values()))
        row = {name: median(figures[name] for figures in own.values()) for name in names}
        row.update(compared(key, rounds))
        if key in instructions:
            row["instructions_per_stream"] = instructions[key]
        bare = instructions.get((*key[:2], "bare"))
        if key in instructions and bare and key[2] != "bare":
            row["instructions_ratio"] = instructions[key] / bare
        rows[key] = row
    return rows
