"""The commands of extprocd that start nothing: what they print, where, and with which exit code."""
import pathlib
import re
import subprocess

from harness.command import Command
from harness.places import EXTPROCD, PATIENCE, PLUGIN_DIR
from harness.service import ini

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: one ; a comment\nrequest.set = x-b: a \\; b\n"


class Plain(Command):
    def test_version(self):
        for option in "-V", "--version":
            code, out, err = self.run_with(option)
            self.assertRegex(out, r"^extprocd \d+\.\d+\.\d+\n$")
            self.assertEqual((code, err), (0, ""))

    def test_help(self):
        for option in "-h", "--help":
            code, out, err = self.run_with(option)
            self.assertTrue(out.startswith("usage: extprocd"))
            for word in "--config", "--test", "--dump", "--print-envoy-config", "--print-keys", "--version":
                self.assertIn(word, out)
            self.assertEqual((code, err), (0, ""))

    def test_keys(self):
        """Every kind of section, and what is checked in for people to read is what the program says."""
        code, out, err = self.run_with("--print-keys")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(re.findall(r"^\[.*\]$", out, re.MULTILINE),
                         ["[extprocd]", "[listener:NAME]", "[chain:NAME]", "[plugin:NAME]"])
        if "one of h2 grpc;" not in out:
            self.skipTest("a build without one of the transports")
        reference = pathlib.Path(__file__).resolve().parents[2] / "etc/KEYS.md"
        self.assertTrue(reference.read_text().endswith(self.run_with("--print-keys=markdown")[1]),
                        "write it anew: extprocd --print-keys=markdown")

    def test_manual_pages(self):
        """Built from what the program says, and without a complaint of the formatter."""
        for page in "extprocd.8", "extprocd.ini.5":
            path = pathlib.Path(EXTPROCD).parent.parent / "etc" / page
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", path], capture_output=True, text=True,
                                  timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            plain = re.sub(r".\x08|\x1b\[[0-9;]*m", "", done.stdout)
            for word in ("--print-keys", "SIGNALS") if page == "extprocd.8" else ("[listener:NAME]", "drain"):
                self.assertIn(word, plain)

    def test_wrong_usage(self):
        for arguments in ["--no-such"], ["stray"], ["-c"], ["--print-envoy-config=nginx"], ["--print-keys=html"]:
            with self.subTest(arguments):
                code, out, err = self.run_with(*arguments)
                self.assertEqual((code, out), (2, ""))
                self.assertTrue(err)

    def test_no_such_file(self):
        for command in [], ["-t"], ["-T"], ["--print-envoy-config"]:
            with self.subTest(command):
                arguments = [*command, "-c", self.folder / "none.ini"]
                code, out, err = self.run_with(*arguments)
                self.assertEqual((code, out), (1, ""))
                self.assertIn("none.ini", err)


class Test(Command):
    """-t"""

    def test_good(self):
        path = self.write(ini(TAGS))
        self.assertEqual(self.run_with("-t", "-c", path), (0, f"{path}: ok\n", ""))

    def test_every_mistake_with_its_place_and_the_nearest_name(self):
        path = self.write("[extprocd]\n"                      # 1
                          f"plugin_dir = {PLUGIN_DIR}\n"      # 2
                          "log_levle = info\n"                # 3
                          "drain = soon\n"                    # 4
                          "[listner:main]\n"                  # 5
                          "address = 127.0.0.1:0\n"           # 6
                          "[listener:main]\n"                 # 7
                          "address = nowhere\n"               # 8
                          "socket_mode = rw\n"                # 9
                          "[chain:main]\n"                    # 10
                          "plugins = tag\n"                   # 11
                          "[plugin:tags]\n"                   # 12
                          "file = headers.so\n"               # 13
                          "request.sett = x-a: 1\n"           # 14
                          "[plugin:gone]\n"                   # 15
                          "file = gone.so\n"                  # 16
                          "[plugin:more]\n"                   # 17
                          "file = headers.so\n"               # 18
                          "request.add = no colon\n")         # 19
        code, out, err = self.run_with("-t", "-c", path)
        self.assertEqual((code, out), (1, ""))
        wanted = {3: r"\[extprocd\] log_levle: .*log_level\b", 4: r"\[extprocd\] drain: ",
                  5: r"\[listner:main\].*\[listener", 8: r"\[listener:main\] address: .*nowhere",
                  9: r"\[listener:main\] socket_mode: ", 11: r"\[chain:main\] plugins: .*\btags\b",
                  14: r"\[plugin:tags\] request\.sett: .*request\.set\b", 16: r"\[plugin:gone\] file: .*gone\.so",
                  19: r"\[plugin:more\] request\.add: "}
        self.check_lines(err, [(path, line, pattern) for line, pattern in wanted.items()])

    def check_lines(self, err, wanted):
        """Each once, in this order, and nothing else."""
        lines = err.splitlines()
        for line, (path, number, pattern) in zip(lines, wanted):
            self.assertRegex(line, rf"^{re.escape(str(path))}:{number}: {pattern}")
        self.assertEqual(len(lines), len(wanted), err)

    def test_mistakes_of_all_kinds_in_the_order_of_the_files(self):
        """Of the language, of a listener, of a key that has a default, of a chain, of a plugin's own check, of a file
        that is included between them, and of keys that a plugin reads and did not declare."""
        included = self.write("[plugin:answer]\n"                   # 1
                              "file = respond.so\n"                  # 2
                              "status = 204\n"                       # 3
                              "body = a\n"                           # 4
                              "header = x a: 1\n"                    # 5
                              "header = upgrade: h2\n", "more.ini")  # 6
        path = self.write("[extprocd]\n"                             # 1
                          f"plugin_dir = {PLUGIN_DIR}\n"             # 2
                          "include = more.ini\n"                     # 3
                          "drain\n"                                  # 4
                          "log_level = loud\n"                       # 5
                          "[listener:main]\n"                        # 6
                          "adress = 127.0.0.1:0\n"                   # 7
                          "max_message = 512m\n"                     # 8
                          "[chain]\n"                                # 9
                          "plugins = tags\n"                         # 10
                          "[chain:main]\n"                           # 11
                          "plugins = tags, answer,\n"                # 12
                          "[plugin:tags]\n"                          # 13
                          "file = headers.so\n"                      # 14
                          "request.set = :path: %PATH%#a\n"          # 15
                          "request.set = :method: HEAD\n"            # 16
                          "request.set = x-a: %PAHT%\n"              # 17
                          "timeout = 5\n"                            # 18
                          "max_body = 0\n"                           # 19
                          "on_max_body = continue\n"                 # 20
                          "request.remove = host\n")                 # 21
        code, out, err = self.run_with("-t", "-c", path)
        self.assertEqual((code, out), (1, ""))
        own = r"\[plugin:tags\] request\."
        self.check_lines(err, [
            (path, 4, r"\[extprocd\] missing ="), (path, 5, r"\[extprocd\] log_level: "), (path, 7, r"\[listener:main\] adress: .*address"),
            (path, 8, r"\[listener:main\] max_message: "), (path, 9, r"\[chain\]"), (path, 12, r"\[chain:main\] plugins: "),
            (path, 15, rf'{own}set: ":path": .*without blanks and #'),
            (path, 16, rf"{own}set: :method: .*HEAD or CONNECT"), (path, 17, rf"{own}set: .*did you mean %PATH"),
            (path, 18, r"\[plugin:tags\] timeout: "), (path, 19, r"\[plugin:tags\] max_body: "),
            (path, 21, rf"{own}remove: host: "), (included, 4, r"\[plugin:answer\] body: .*204"),
            (included, 5, r"\[plugin:answer\] header: .*space"), (included, 6, r"\[plugin:answer\] header: upgrade: ")])

    def test_a_mistake_in_an_included_file(self):
        (self.folder / "conf.d").mkdir()
        included = self.write("\n[plugin:tags]\nfile = headers.so\nrequest.sett = x-a: 1\n", "conf.d/tags.ini")
        path = self.write("[extprocd]\n" f"plugin_dir = {PLUGIN_DIR}\ninclude = conf.d/*.ini\n"
                          "[listener:main]\naddress = 127.0.0.1:0\n[chain:main]\nplugins = tags\n")
        code, _, err = self.run_with("-t", "-c", path)
        self.assertEqual(code, 1)
        self.assertRegex(err, rf"(?m)^{re.escape(str(included))}:4: \[plugin:tags\] request\.sett: ")

    def test_nothing_is_started(self):
        path = self.write(ini(TAGS, address=f"unix:{self.folder}/socket"))
        self.assertEqual(self.run_with("-t", "-c", path)[0], 0)
        self.assertFalse((self.folder / "socket").exists())

    def test_the_service_does_not_start_on_half_a_configuration(self):
        path = self.write(ini(TAGS + "request.sett = x: 1\n", address=f"unix:{self.folder}/socket"))
        code, out, err = self.run_with("-c", path)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("request.sett", err)
        self.assertFalse((self.folder / "socket").exists())


class Dump(Command):
    """-T"""

    def test_it_can_be_read_again_and_says_the_same(self):
        long = "request.set = x-long: " + " ".join(["word"] * 30) + "\n    " + " ".join(["more"] * 30) + "\n"
        path = self.write(ini(TAGS + long + "[plugin:control]\nfile = instructions.so\nstrip = yes\n",
                              listener="max_message = 1m"))
        code, dump, err = self.run_with("-T", "-c", path)
        self.assertEqual((code, err), (0, ""))
        again = self.write(dump, "again.ini")
        self.assertEqual(self.run_with("-t", "-c", again), (0, f"{again}: ok\n", ""))
        self.assertEqual(self.run_with("-T", "-c", again), (0, dump, ""))

    def test_defaults_and_includes_are_filled_in(self):
        self.write("[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n", "tags.ini")
        path = self.write(f"[extprocd]\nplugin_dir = {PLUGIN_DIR}\ninclude = tags.ini\n"
                          "[listener:main]\naddress = 127.0.0.1:0\n[chain:main]\nplugins = tags\n")
        code, dump, _ = self.run_with("-T", "-c", path)
        self.assertEqual(code, 0)
        for line in "drain = 30s", "log_level = info", "max_message = 16m", "file = headers.so", "request.set = x-a: 1":
            self.assertIn(f"\n{line}\n", dump)
        self.assertNotIn("include", dump)


class Printed(Command):
    """--print-envoy-config; what a real Envoy makes of it is in test_envoy_printed."""

    def modes(self, plugins, form):
        path = self.write(ini(plugins))
        code, out, err = self.run_with(f"--print-envoy-config={form}", "-c", path)
        self.assertEqual((code, err if plugins else ""), (0, ""))
        names = [n.replace("_", "") for n in ("request_header_mode", "response_header_mode", "request_body_mode",
                                              "response_body_mode", "request_trailer_mode", "response_trailer_mode")]
        found = {k.replace("_", "").lower(): v for k, v in re.findall(r"(\w+Mode|\w+_mode): (\w+)$", out, re.MULTILINE)}
        return " ".join(found[name] for name in names)

    def test_the_least_mode(self):
        upper = "[plugin:loud]\nfile = upper.so\ndirection = {}\n"
        cases = {
            "": "SKIP SKIP NONE NONE SKIP SKIP",
            TAGS: "SEND SKIP NONE NONE SKIP SKIP",
            "[plugin:t]\nfile = headers.so\nresponse.remove = server\n": "SKIP SEND NONE NONE SKIP SKIP",
            "[plugin:t]\nfile = headers.so\nresponse_trailers.set = a: b\n": "SKIP SKIP NONE NONE SKIP SEND",
            "[plugin:c]\nfile = instructions.so\n": "SEND SEND NONE NONE SEND SEND",
            upper.format("request"): "SEND SKIP STREAMED NONE SKIP SKIP",
            upper.format("response"): "SEND SEND NONE STREAMED SKIP SKIP",
            TAGS + upper.format("both"): "SEND SEND STREAMED STREAMED SKIP SKIP",
            "[plugin:b]\nfile = body.so\nresponse.replace = a\n": "SEND SEND NONE NONE SKIP SKIP",
            "[plugin:l]\nfile = log.so\n": "SEND SEND NONE NONE SKIP SKIP",
            "[plugin:l]\nfile = log.so\nbody_limit = 1k\n": "SEND SEND STREAMED STREAMED SEND SEND",
        }
        for plugins, modes in cases.items():
            for form in "envoy", "gloo":
                with self.subTest(plugins, form=form):
                    self.assertEqual(self.modes(plugins, form), modes)

    def test_several_listeners(self):
        """The first one, and a line that says so."""
        other = "[listener:other]\naddress = 127.0.0.1:7\nmutation_rules = envoy\n"
        for form in "envoy", "gloo":
            path = self.write(ini(TAGS, address="127.0.0.1:6", listener="max_streams = 7"))
            _, alone, _ = self.run_with(f"--print-envoy-config={form}", "-c", path)
            self.write(path.read_text() + other)
            code, out, err = self.run_with(f"--print-envoy-config={form}", "-c", path)
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, r"\A# For \[listener:main\]\. Proxies of the other listeners need the same, with the address, "
                                  r"TLS\n# and mutation_rules of their listener\.\n")
            self.assertTrue(out.endswith(alone), out)

    def test_gloo(self):
        path = self.write(ini(TAGS))
        code, out, _ = self.run_with("--print-envoy-config=gloo", "-c", path)
        self.assertEqual(code, 0)
        for key in ("extProc:", "  grpcService:", "    extProcServerRef:", "  filterStage:",
                    "  failureModeAllow: false", "  allowModeOverride: false", "  processingMode:"):
            self.assertRegex(out, rf"(?m)^{key}")
