"""The figures are what they are said to be: a page of results goes through summary.py.

usage: figures_test.py
"""

import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

SUMMARY = Path(__file__).parent / "figures" / "summary.py"


def load(cpu, p99, **more):
    latencies = {"p50": p99 / 2, "p90": p99 / 2, "p99": p99, "p999": 2 * p99}
    return more | {
        "server_cpu_us_per_stream": cpu,
        "streams_per_s": 100000,
        "message_us": latencies,
        "stream_us": latencies,
        "late_us": latencies,
        "body_mb_per_s": 0,
        "server_rss_kb": 2048,
    }


def hold(parked, kb):
    return {"hold": {"parked": parked, "server_rss_kb": kb, "message_bytes": 600}}


def line(scenario, server, number, **own):
    names = {"transport": "h2", "scenario": scenario, "server": server, "round": number}
    return names | own


def envoy(server, number, p50, envoy_cpu, **server_cpu):
    figures = {"requests_per_s": 1000, "latency_p50_us": p50, "latency_p99_us": 2 * p50}
    own = {"socket": "unix", "envoy_cpu_us": envoy_cpu} | figures | server_cpu
    if server == "nofilter":
        own["transport"] = "none"
    return line("envoy", server, number, **own)


def turns(scenario, server, p99s, rate=30000, **more):
    """One for each p99, all at that rate."""
    return [line(scenario, server, i, load=load(4, p99, rate=rate, **more)) for i, p99 in enumerate(p99s)]


NEIGHBOURS = {"streams": 500, "stream_us": {"p50": 100200}}

# The second round had a slow moment, the third a slow one for bare alone.
RESULTS = [
    *(line("headers", "bare", i, load=load(cpu, 100)) for i, cpu in enumerate([4, 8, 8])),
    *(line("headers", "headers", i, load=load(cpu, 100)) for i, cpu in enumerate([5, 10, 5])),
    {"transport": "h2", "scenario": "headers", "server": "bare", "instructions_per_stream": 40000},
    {"transport": "h2", "scenario": "headers", "server": "headers", "instructions_per_stream": 30000},
    # one turn was spoilt for each of them, and in a last one the load was not the same
    *turns("half", "bare", [100, 4000, 100, 110, 100]),
    *turns("half", "headers", [151, 151, 9000, 166.1, 151]),
    line("half", "headers", 5, load=load(4, 1, rate=40000)),
    line("half", "bare", 5, load=load(4, 100, rate=30000)),
    *turns("waiting", "alone", [100, 100, 100]),
    *turns("waiting", "after", [120, 110, 3000], neighbours=NEIGHBOURS),
    *turns("waiting", "work", [121, 121, 121], neighbours=NEIGHBOURS),
    line("idle", "headers", 0, few=hold(1000, 3000), many=hold(11000, 23000)),
    envoy("nofilter", 0, 100, 11),
    envoy("bare", 0, 300, 50, server_cpu_us=4),
    envoy("headers", 0, 320, 51, server_cpu_us=5),
    envoy("tonic", 0, 350, 52, server_cpu_us=8),
]


class Figures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            results, out, plots = (Path(folder) / name for name in ("results", "json", "plots"))
            results.write_text("\n".join(map(json.dumps, RESULTS)), encoding="utf-8")
            command = [sys.executable, "-B", SUMMARY, results, "--json", out, "--svg", plots]
            cls.printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            cls.out = json.loads(out.read_text(encoding="utf-8"))
            cls.plots = {path.name: xml.parse(path) for path in plots.iterdir()}

    def row(self, scenario, server):
        rows = self.out["rows"]
        return next(r for r in rows if (r["scenario"], r["server"]) == (scenario, server))

    def verdict(self, scenario, what):
        targets = self.out["targets"]
        return [t["verdict"] for t in targets if t["scenario"] == scenario and what in t["what"]][0]

    def test_ratios_are_medians_over_pairs_of_a_round(self):
        row = self.row("headers", "headers")
        self.assertEqual(row["cpu_us_per_stream"], 5)
        self.assertEqual(row["cpu_ratio"], 1.25)
        self.assertEqual(row["instructions_ratio"], 0.75)
        self.assertNotIn("cpu_ratio", self.row("headers", "bare"))

    def test_an_idle_stream_takes_what_many_have_above_few(self):
        self.assertEqual(self.row("idle", "headers")["bytes"], 2048)

    def test_envoy_is_compared_with_no_filter_and_the_server_with_bare_and_tonic(self):
        row = self.row("envoy, unix", "headers")
        self.assertEqual(row["added_p50_us"], 220)
        self.assertEqual(row["both_cpu_us"], 56)
        self.assertEqual(row["added_cpu_us"], 45)
        self.assertEqual(row["server_cpu_ratio"], 1.25)
        self.assertEqual(row["server_cpu_tonic_ratio"], 0.625)
        self.assertEqual(self.row("envoy, unix", "tonic")["server_cpu_ratio"], 2)
        self.assertNotIn("server_cpu_us", self.row("envoy, unix", "nofilter"))

    def test_a_p99_is_the_median_turns_of_those_with_the_same_load(self):
        row = self.row("half", "headers")
        self.assertAlmostEqual(row["p99_ratio"], 1.51)
        self.assertEqual(row["p99_ratio_half"], "1.51-1.51")
        self.assertEqual(self.row("waiting", "after")["p99_alone_ratio"], 1.2)
        self.assertNotIn("p99_ratio", self.row("waiting", "after"))

    def test_what_is_to_be_measured_is_a_line_each_those_compared_first(self):
        command = [sys.executable, "-B", SUMMARY.parent / "targets.py"]
        planned = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertEqual([p for p in planned if p.startswith("waiting")],
                         ["waiting h2 alone", "waiting h2 after", "waiting h2 work"])
        self.assertEqual([p for p in planned if p.startswith("half")], ["half h2 bare", "half h2 headers"])
        self.assertEqual(len(planned), len(set(planned)))

    def test_targets_are_judged(self):
        self.assertEqual(self.verdict("headers", "CPU"), "short")
        self.assertEqual(self.verdict("half", "p99"), "short")
        verdicts = {t["server"]: t["verdict"] for t in self.out["targets"] if t["scenario"] == "waiting"}
        self.assertEqual(verdicts, {"after": "ok", "work": "short"})
        self.assertEqual(self.verdict("idle", "bytes"), "ok")
        self.assertEqual(self.verdict("envoy, unix", "bare"), "ok")
        self.assertEqual(self.verdict("envoy, unix", "tonic"), "short")
        self.assertEqual(self.verdict("reset", "CPU"), "not measured")

    def test_the_tables_show_what_was_measured_alone(self):
        self.assertRegex(self.printed, r"h2 +headers +5\.00 +1\.25 +30000 +0\.75")
        self.assertRegex(self.printed, r"h2 +half +headers .* 1\.50 +1\.51 +short")
        self.assertRegex(self.printed, r"h2 +after .* 1\.20 .* 500 +100200 ")
        self.assertRegex(self.printed, r"h2 +tonic .* 8\.0 .* 2\.00\n")
        self.assertNotIn("not measured", self.printed)

    def test_plots_are_pictures_with_a_bar_for_each_row(self):
        self.assertEqual(
            set(self.plots), {"cpu-h2.svg", "half-h2.svg", "memory.svg", "envoy.svg"}
        )
        texts = [e.text for e in self.plots["cpu-h2.svg"].iter() if e.tag.endswith("text")]
        self.assertIn("1.25", texts)
        self.assertIn("at most", texts)


if __name__ == "__main__":
    unittest.main()
