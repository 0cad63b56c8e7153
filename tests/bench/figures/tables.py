"""The tables that people read: one for each scenario, a row for each server."""

from operator import truediv

import rounds as rounds_of

# heading, its second line, the cell's form
COST = [
    ("CPU", "µs/stream", "{cpu_us_per_stream:.2f}"),
    ("ratio", "", "{cpu_ratio:.2f}"),
    ("instructions", "/stream", "{instructions_per_stream:.0f}"),
    ("ratio", "", "{instructions_ratio:.2f}"),
]
LATENCY = [
    ("p50", "µs", "{message_p50_us:.0f}"),
    ("p99", "µs", "{message_p99_us:.0f}"),
    ("p99.9", "µs", "{message_p999_us:.0f}"),
]
LOAD = [
    *COST,
    ("streams", "/s", "{streams_per_s:.0f}"),
    *LATENCY,
    ("RSS", "MiB", "{rss_mib:.1f}"),
]
PACED = [
    ("streams", "/s", "{streams_per_s:.0f}"),
    *LATENCY,
    ("p99", "ratio", "{p99_ratio:.2f}"),
    ("middle half", "of the ratios", "{p99_ratio_half}"),
    ("p99", "/alone", "{p99_alone_ratio:.2f}"),
    ("middle half", "of the ratios", "{p99_alone_ratio_half}"),
    ("neighbours", "in a turn", "{neighbours:.0f}"),
    ("they take", "p50, µs", "{neighbours_p50_us:.0f}"),
    ("begun late", "p99, µs", "{late_p99_us:.0f}"),
    ("CPU", "µs/stream", "{cpu_us_per_stream:.2f}"),
]
IDLE = [
    ("streams", "", "{parked:.0f}"),
    ("bytes", "/stream", "{bytes:.0f}"),
    ("above bare", "", "{bytes_more:.0f}"),
]
ENVOY = [
    ("requests", "/s", "{requests_per_s:.0f}"),
    ("p50", "µs", "{latency_p50_us:.0f}"),
    ("p99", "µs", "{latency_p99_us:.0f}"),
    ("added", "p50, µs", "{added_p50_us:.0f}"),
    ("Envoy", "CPU µs", "{envoy_cpu_us:.1f}"),
    ("server", "CPU µs", "{server_cpu_us:.1f}"),
    ("both", "CPU µs", "{both_cpu_us:.1f}"),
    ("added", "CPU µs", "{added_cpu_us:.1f}"),
    ("server", "ratio", "{server_cpu_ratio:.2f}"),
]


def columns_of(scenario):
    if scenario.startswith("envoy"):
        return ENVOY
    return {"half": PACED, "waiting": PACED, "idle": IDLE}.get(scenario, LOAD)


def cell(row, form):
    """The form filled in; nothing where the row lacks its figure."""
    try:
        return form.format(**row)
    except KeyError:
        return ""


def print_line(first, second, cells, widths):
    line = f"{first:12}{second:10}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths))
    print(line.rstrip())


def print_table(scenario, rows):
    """A column that no row fills is left out."""
    columns = [
        column for column in columns_of(scenario) if any(cell(row, column[2]) for row in rows.values())
    ]
    widths = [max(len(heading) + 2, len(second) + 2, 11) for heading, second, _ in columns]
    print_line(scenario, "", [heading for heading, _, _ in columns], widths)
    print_line("", "", [second for _, second, _ in columns], widths)
    for (transport, server), row in rows.items():
        print_line(transport, server, [cell(row, form) for _, _, form in columns], widths)
    print()


def print_all(rows):
    scenarios = {}
    for (transport, scenario, server), row in rows.items():
        scenarios.setdefault(scenario, {})[transport, server] = row
    for scenario, own in scenarios.items():
        print_table(scenario, own)


def print_transports(rounds):
    """extprocd against itself."""
    ratios = []
    for key, own in rounds.items():
        transport, scenario, server = key
        other = rounds.get(("grpc", scenario, server))
        if transport == "h2" and server != "bare" and other and not rounds_of.is_envoy(key):
            figure = "bytes" if scenario == "idle" else "cpu_us_per_stream"
            ratio = rounds_of.over_pairs(truediv, own, other, figure)
            ratios.append(f"{scenario}/{server} {ratio:.2f}")
    if ratios:
        print(f"extprocd on h2 takes of what it takes on grpc: {', '.join(ratios)}\n")
