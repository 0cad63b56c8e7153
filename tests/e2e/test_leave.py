"""How the process ends: by the service's will, or by a plugin that ends it."""
import unittest

from harness.command import Command
from harness.messages import request_headers, sets
from harness.places import CREW, LEAVER, SANITIZED
from harness.service import ini


def leaver(where, how):
    return f"[plugin:bad]\nfile = {LEAVER}\nwhere = {where}\nhow = {how}\n"


class PluginThatEnds(Command):
    """The process of a plugin that ends it fails, and says which plugin it was."""

    def check_named(self, service, call, place):
        self.assertEqual(service.wait(), 1, service.log())
        lines = service.lines(rf"plugin bad called {call}")
        self.assertEqual(len(lines), 1, service.log())
        self.assertRegex(lines[0], rf" in {place} \(\S*leaver\.so")

    def test_in_callbacks_of_the_running_service(self):
        for how, call in ("exit", r"exit\(0\)"), ("quick_exit", r"quick_exit\(\)"), ("pthread_exit", r"pthread_exit\(\)"):
            for where in "open", "request_headers", "close":
                with self.subTest(how=how, where=where):
                    service = self.launch(leaver(where, how)).wait_ready()
                    stream = self.client(service).stream()
                    stream.send(request_headers())
                    stream.finish()
                    self.check_named(service, call, where)

    def test_in_a_thread_of_the_plugin(self):
        for how, call in ("exit", r"exit\(0\)"), ("quick_exit", r"quick_exit\(\)"):
            with self.subTest(how):
                service = self.launch(leaver("thread", how)).wait_ready()
                stream = self.client(service).stream()
                stream.send(request_headers())
                stream.finish()
                self.check_named(service, call, "a thread of its own")

    def test_a_thread_of_the_plugin_may_end_itself(self):
        service = self.start(leaver("thread", "pthread_exit"))
        self.assertEqual(len(self.client(service).answers(request_headers())), 1)

    @unittest.skipIf(SANITIZED, "the child looks for leaks, among those of threads that it does not have")
    def test_a_child_of_the_plugin_may_exit(self):
        service = self.start(leaver("request_headers", "child"))
        self.assertEqual(sets(self.client(service).answers(request_headers())[0]), [("x-status", "3")])

    def test_in_fini(self):
        for how, call in ("exit", r"exit\(0\)"), ("pthread_exit", r"pthread_exit\(\)"):
            with self.subTest(how):
                service = self.launch(leaver("fini", how)).wait_ready()
                service.stop()
                self.check_named(service, call, "fini")

    def test_in_init(self):
        for how, call in ("exit", "exit(0)"), ("quick_exit", "quick_exit()"), ("pthread_exit", "pthread_exit()"):
            path = self.write(ini(leaver("init", how)))
            line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("file"))
            for command in ["-t"], ["-T"], ["--print-envoy-config"], []:
                with self.subTest(how=how, command=command):
                    code, out, err = self.run_with(*command, "-c", path)
                    self.assertEqual((code, out), (1, ""))
                    self.assertEqual(err, f"{path}:{line}: [plugin:bad] file: plugin bad called {call} in init "
                                          f"({LEAVER})\n")

    def test_past_all_handlers(self):
        """_exit(0): nothing was printed, and that is not a success."""
        for where in "init", "fini":
            path = self.write(ini(leaver(where, "_exit")))
            for command in ["-t"], ["-T"], ["--print-envoy-config"]:
                with self.subTest(where=where, command=command):
                    if where == "fini" and command == ["--print-envoy-config"]:
                        continue
                    code, out, err = self.run_with(*command, "-c", path)
                    self.assertEqual((code, out), (1, ""))
                    self.assertRegex(err, r"\Aextprocd: a plugin.* ended the process with _exit\(0\)\n\Z")

    def test_in_fini_of_a_test(self):
        path = self.write(ini(leaver("fini", "exit")))
        code, out, err = self.run_with("-t", "-c", path)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("plugin bad called exit(0) in fini", err)


@unittest.skipIf(SANITIZED, "main() returns there, and frees what threads may use")
class ThreadsThatGoOn(Command):
    """Threads of a plugin that has no fini()."""

    CONFIG = f"[plugin:crew]\nfile = {CREW}\n"

    def test_they_do_not_crash_the_end(self):
        for _ in range(10):
            service = self.launch(self.CONFIG).wait_ready()
            self.assertEqual(service.stop(), 0, service.log())
            service.wait_line("stopped")

    def test_nor_that_of_a_test(self):
        path = self.write(ini(self.CONFIG))
        for command in "-t", "-T", "--print-envoy-config":
            for _ in range(5):
                code, out, err = self.run_with(command, "-c", path)
                self.assertEqual((code, err), (0, ""))
                self.assertTrue(out.endswith("\n"))

    def test_nor_that_of_a_start_that_fails(self):
        """The other plugin is refused when the threads are at work."""
        path = self.write(ini(f"{self.CONFIG}[plugin:none]\nfile = none.so\n"))
        for command in [], ["-t"]:
            for _ in range(5):
                code, _, err = self.run_with(*command, "-c", path)
                self.assertEqual(code, 1)
                self.assertIn("none.so", err)

    def test_one_that_waits_in_a_stream_does_not_hold_up_the_end(self):
        service = self.launch(self.CONFIG, ["env", "CREW_READS=1"]).wait_ready()
        self.assertEqual(service.stop(), 0)


class Output(Command):
    """What is printed has arrived, or the exit code says that it has not."""

    def test_full_disk(self):
        path = self.write(ini("[plugin:a]\nfile = noop.so\n"))
        for command in ["-t", "-c", path], ["-T", "-c", path], ["--print-envoy-config", "-c", path], ["-V"], ["-h"]:
            with self.subTest(command), open("/dev/full", "w", encoding="ascii") as full:
                code, _, err = self.run_with(*command, stdout=full)
                self.assertEqual(code, 1)
                self.assertEqual(err, "extprocd: cannot write to standard output: No space left on device\n")
