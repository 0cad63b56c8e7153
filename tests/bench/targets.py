"""What extprocd may take, and whether it does: a row for each measurement that has a target."""

CPU_OVER_BARE = "CPU, times bare"
BYTES_OVER_BARE = "bytes an idle stream, above bare"
BYTES_IN_ALL = "bytes an idle stream, in all"

TARGETS = {  # (transport, scenario): what, at most
    ("grpc", "headers"): (CPU_OVER_BARE, 1.25),
    ("grpc", "idle"): (BYTES_OVER_BARE, 1024),
    ("h2", "headers"): (CPU_OVER_BARE, 1.5),
    ("h2", "reset"): (CPU_OVER_BARE, 1.5),
    ("h2", "body"): (CPU_OVER_BARE, 1.2),
    ("h2", "idle"): (BYTES_IN_ALL, 2560),
}
FIGURES = {CPU_OVER_BARE: "cpu_ratio", BYTES_OVER_BARE: "bytes_more", BYTES_IN_ALL: "bytes"}

# It takes part in later phases, so its host keeps the request's headers, which do not count.
KEEPS_HEADERS = "noop"


def judge(rows):
    """A line for each row that has a target."""
    for (transport, scenario, server), row in rows.items():
        what, limit = TARGETS.get((transport, scenario), (None, None))
        value = row.get(FIGURES.get(what))
        if server == "bare" or value is None:
            continue
        if scenario == "idle" and server == KEEPS_HEADERS:
            value -= row["header_bytes"]
        form = "{:.0f}" if scenario == "idle" else "{:.2f}"
        verdict = "ok" if value <= limit else "short"
        yield transport, scenario, server, what, form.format(limit), form.format(value), verdict


def show(rows):
    lines = list(judge(rows))
    if lines:
        lines.insert(0, ("target", "", "", "", "at most", "is", ""))
    for line in lines:
        print("{:8}{:10}{:10}{:36}{:>9}{:>9}  {}".format(*line))
