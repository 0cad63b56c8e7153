#!/usr/bin/env python3
"""The walk of a header edit through the house: down once, and up once. Taken from callgrind's graph of calls.

    tests/bench/walk.py FLOORS      the program, built with debugging information

One plugin sets one header in the request and one in the response. No file of host/ calls one of a floor or room above
its own; a message comes in by one call and its answer goes out by one; an edit is judged, looked up and made once each.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FLOORS = ("base", "http", "wire", "plugin", "session")  # those beneath may be used; wire and plugin do not know each other
N = 20  # transactions, each with two messages and two edits


def heights():
    """How high each room is: (floor, room)."""
    height = {}
    for line in (TOP / "tests/rooms.txt").read_text().splitlines():
        floor, _, rooms = line.partition(": ")
        if floor in FLOORS:
            for i, room in enumerate(rooms.split()):
                height[floor if room == "." else f"{floor}/{room}"] = (FLOORS.index(floor), i)
    return height


def calls(graph):
    """How often a function of a file has called another."""
    names, count = {}, collections.Counter()
    here = {"fl": None, "fn": None}

    def name(kind, text):
        number, _, full = text.partition(" ")
        if full:
            names[kind, number] = full
        return names.get((kind, number), text)

    callee_file = callee = None
    for line in graph.splitlines():
        key, _, text = line.partition("=")
        if key in ("fl", "fi", "fe", "cfi", "cfl"):
            file = name("file", text)
            if key == "fl":
                here["fl"] = file
            elif key[0] == "c":
                callee_file = file
        elif key == "fn":
            here["fn"] = name("function", text)
        elif key == "cfn":
            callee = name("function", text)
        elif key == "calls":
            count[here["fl"], here["fn"], callee_file or here["fl"], callee] += int(text.split()[0])
            callee_file = None
    return count


def room(file):
    found = re.search(r"/host/((?:[^/]+/)*[^/]+)/[^/]+$", file or "")
    return found and found.group(1)


def main(program):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", program, "one", str(N)],
                       check=True, capture_output=True)
        count = calls(pathlib.Path(out.name).read_text())
    height, passed, failed = heights(), 0, 0

    def expect(good, what):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        if not good:
            print("FAILED:", what)

    inside = [(room(a), f, room(b), g, n) for (a, f, b, g), n in count.items() if room(a) in height and room(b) in height]
    climbs = [f"{a} {f}() -> {b} {g}(), {n} times" for a, f, b, g, n in inside if height[b] > height[a]]
    expect(len(inside) > 100, f"only {len(inside)} calls between files of host/ are seen")
    expect(not climbs, "calls that climb: " + "; ".join(climbs))

    def expect_calls(caller, callee, n):
        seen = sum(k for (_, f, _, g), k in count.items() if g == callee and caller in (f, None))
        expect(seen == n, f"{caller or 'all'} -> {callee}: {seen} calls, expected {n}")

    expect_calls("main", "stream_message", 2 * N)  # in ...
    for callee in ("reserve", "sent"):  # ... and out
        expect_calls("stream_verdict", callee, 2 * N)
    expect_calls("api_edit", "rules_edit", 2 * N)
    for callee in ("rules_edit", "headers_prepare", "headers_apply"):
        expect_calls(None, callee, 2 * N)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    if not any(os.access(os.path.join(folder, "valgrind"), os.X_OK) for folder in os.get_exec_path()):
        print("skipped: walk.py: valgrind is not installed")
        sys.exit(0)
    sys.exit(main(sys.argv[1]))
