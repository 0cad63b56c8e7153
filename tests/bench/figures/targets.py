"""What extprocd may take, and whether it does.

Run by itself it prints what has to be measured for that: a line each, scenario, transport and server.
"""

from typing import NamedTuple


class Target(NamedTuple):
    transport: str
    scenario: str
    server: str
    what: str
    figure: str  # of rounds.py
    limit: float
    form: str = "{:.2f}"
    beside: tuple = ()  # who else is measured, to show how that stands to a bare server
    base: str = "bare"  # whom it is compared with


CPU = "CPU, times bare", "cpu_ratio"
ENVOY_CPU = "server's CPU per request, times bare", "server_cpu_ratio"
ENVOY_CPU_TONIC = "server's CPU per request, times tonic", "server_cpu_tonic_ratio"
WAITING = "p99 of others, times without", "p99_alone_ratio"
BYTES = "{:.0f}"

TARGETS = [
    Target("h2", "headers", "headers", *CPU, 1.1, beside=("tonic",)),
    Target("h2", "reset", "headers", *CPU, 1.5),
    Target("h2", "five", "five", *CPU, 1.9),
    # one that takes part in bodies, and changes nothing
    Target("h2", "body", "noop", *CPU, 1.2),
    Target("h2", "half", "headers", "message p99, times bare", "p99_ratio", 1.5),
    Target("h2", "waiting", "after", *WAITING, 1.2, base="alone"),
    Target("h2", "waiting", "work", *WAITING, 1.2, base="alone"),
    Target("h2", "envoy, tcp", "headers", *ENVOY_CPU, 1.5),
    Target("h2", "envoy, tcp", "headers", *ENVOY_CPU_TONIC, 0.5),
    Target("h2", "envoy, unix", "headers", *ENVOY_CPU, 1.5),
    Target("h2", "envoy, unix", "headers", *ENVOY_CPU_TONIC, 0.5),
    # one that needs no later phase: header bytes kept for those do not count
    Target("h2", "idle", "headers", "bytes an idle stream", "bytes", 2560, BYTES),
    Target("grpc", "headers", "headers", *CPU, 1.25),
    Target("grpc", "idle", "headers", "bytes an idle stream, above bare", "bytes_more", 1024, BYTES),
]

ROW = "{:6}{:13}{:9}{:38}{:>8}{:>8}  {}"


def judge(rows):
    """Pairs of a target and what was measured, None where nothing was."""
    for target in TARGETS:
        row = rows.get(target[:3], {})
        yield target, row.get(target.figure)


def verdict(target, value):
    if value is None:
        return "not measured"
    return "ok" if value <= target.limit else "short"


def show(rows, every_target):
    judged = [(t, v) for t, v in judge(rows) if every_target or v is not None]
    if judged:
        print(ROW.format("target", "", "", "", "at most", "is", "").rstrip())
    for target, value in judged:
        limit = target.form.format(target.limit)
        measured = "" if value is None else target.form.format(value)
        print(ROW.format(*target[:4], limit, measured, verdict(target, value)))


def for_json(rows):
    return [
        {
            "transport": target.transport,
            "scenario": target.scenario,
            "server": target.server,
            "what": target.what,
            "at_most": target.limit,
            "is": value,
            "verdict": verdict(target, value),
        }
        for target, value in judge(rows)
    ]


def main():
    measured = {}  # in this order, each once
    for target in TARGETS:
        if not target.scenario.startswith("envoy"):
            for server in (target.base, target.server, *target.beside):
                measured[target.scenario, target.transport, server] = True
    for line in measured:
        print(*line)


if __name__ == "__main__":
    main()
