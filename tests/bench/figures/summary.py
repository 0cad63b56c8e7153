"""Adds up what run.sh measured: prints tables and targets; writes JSON and plots where it is asked to."""

import argparse
import json

import machine
import plots
import rounds as rounds_of
import tables
import targets


def write_json(path, rounds, rows):
    names = "transport", "scenario", "server"
    out = {
        **machine.facts(),
        "rows": [dict(zip(names, key)) | row | {"rounds": rounds[key]} for key, row in rows.items()],
        "targets": targets.for_json(rows),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(out, file, indent=2, ensure_ascii=False)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="DIR")
    parser.add_argument("--every-target", action="store_true", help="those not measured too")
    args = parser.parse_args()

    rounds, instructions = rounds_of.read(args.results)
    rows = rounds_of.add_up(rounds, instructions)
    tables.print_all(rows)
    tables.print_transports(rounds)
    targets.show(rows, args.every_target)
    if args.json:
        write_json(args.json, rounds, rows)
    if args.svg:
        plots.save_all(args.svg, rows)


main()
