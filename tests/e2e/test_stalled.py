"""Nothing waits for a reader or a disk: logs that are not read, FIFOs in every place, full disks."""
import contextlib
import fcntl
import json
import os
import re
import signal

from harness.case import Case
from harness.client import SERVING, Client
from harness.messages import request_headers, response_headers
from harness.places import BLOCKER, EXTPROCD, PROBE, TRANSPORT
from harness.process import Process, descriptors
from harness.service import ini
from harness.wait import wait_until

TELL = f"[plugin:probe]\nfile = {PROBE}\ndo = request_headers: log something\n"
LONG = "x" * 3000  # a header's value, to fill a queue with few lines
N_LINES = 600


def dropped(text, what):
    return sum(int(n) for n in re.findall(rf"(\d+) {what} dropped: ", text))


class Unread(Process):
    """extprocd whose standard error, and output, is a pipe that is not read, and full before it starts."""

    def __init__(self, folder, ini):
        self.reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"-" * 4095 + b"\n")
        os.set_blocking(writer, True)
        super().__init__("extprocd", [EXTPROCD, "-c", ini], folder / "out", stderr=writer)
        os.close(writer)

    def read(self):
        """All that it has written when it has ended."""
        with open(self.reader, "rb") as pipe:
            return pipe.read().decode()


class Stalled(Case):
    def start_unread(self, plugins, service=""):
        folder, address = self.new_folder(), f"unix:{self.folder}/socket"
        (folder / "ini").write_text(ini(plugins, address=address, service=service))
        process = Unread(folder, folder / "ini")
        self.addCleanup(process.kill)
        client = self.enterContext(contextlib.closing(Client(address)))
        wait_until(lambda: client.health() == SERVING, "the service")
        return process, client

    def exchange(self, client, n, value=LONG):
        for _ in range(n):
            client.answers(request_headers(("x-a", value)), response_headers())

    def test_a_log_that_is_not_read_holds_up_no_traffic_and_no_stop(self):
        process, client = self.start_unread(f"[plugin:access]\nfile = log.so\nto = stdout\nrequest.header = x-a\n{TELL}",
                                            "log_level = debug")
        self.exchange(client, N_LINES)
        self.assertEqual(process.stop(), 0)

    def test_a_second_term_ends_it_while_a_plugin_blocks(self):
        process, client = self.start_unread(f"[plugin:b]\nfile = {BLOCKER}\nwhere = request_headers\n")
        client.stream().send(request_headers())

        def ended():
            process.send(signal.SIGTERM)
            return process.popen.poll() is not None
        wait_until(ended, "the end")
        self.assertEqual(process.wait(), 0)

    def test_what_was_dropped_is_reported_when_there_is_room(self):
        process, client = self.start_unread("[plugin:access]\nfile = log.so\nto = stderr\n"
                                            "request.header = x-a\n")
        n = 200
        self.exchange(client, n, "y" * 40000)
        process.send(signal.SIGTERM)
        text = process.read()
        self.assertEqual(process.wait(), 0)
        lines = [line for line in text.splitlines() if line.startswith("{")]
        self.assertTrue(all(json.loads(line) for line in lines))
        self.assertGreater(dropped(text, "lines"), 0)
        self.assertEqual(len(lines) + dropped(text, "lines"), n)
        self.assertRegex(text, r"\d+ lines dropped: standard error ")

    def test_a_fifo_that_is_not_read_holds_up_nothing(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        service = self.start(f"[plugin:access]\nfile = log.so\nto = {fifo}\nrequest.header = x-a\n"
                             + TELL)
        client = self.client(service)
        self.exchange(client, N_LINES)
        service.wait_line("something")  # the other output goes on
        self.assertEqual(service.stop(), 0)
        service.wait_line(rf"\d+ lines dropped: {fifo} ")

    def test_a_fifo_in_the_place_of_a_log_blocks_nothing(self):
        log, access = self.folder / "log", self.folder / "access"
        service, client = self.start_unheard(f"[plugin:access]\nfile = log.so\nto = {access}\n{TELL}",
                                             service=f"log_file = {log}")
        self.exchange(client, 1)
        for path in log, access:
            path.unlink()
            os.mkfifo(path)
        service.send(signal.SIGUSR1)
        self.exchange(client, N_LINES)
        self.assertEqual(client.health(), SERVING)
        self.assertEqual(service.stop(), 0)

    def test_a_rotation_loses_no_line_and_tears_none(self):
        log, access = self.folder / "log", self.folder / "access"
        service, client = self.start_unheard(f"[plugin:access]\nfile = log.so\nto = {access}\n",
                                             service=f"log_file = {log}")
        n, n_turns = 0, 20
        for turn in range(n_turns):
            for path in log, access:
                path.rename(f"{path}.{turn}")
            service.send(signal.SIGUSR1)
            self.exchange(client, 10, f"{turn}")
            n += 10
            wait_until(lambda: log.exists() and access.exists(), "new files")
        self.assertEqual(service.stop(), 0)
        lines = [line for path in self.folder.glob("access*") for line in path.read_text().splitlines(True)]
        self.assertEqual(len(lines), n)
        self.assertTrue(all(line.endswith("}\n") and json.loads(line) for line in lines))
        self.assertEqual(len([1 for path in self.folder.glob("log*") if "stopped\n" in path.read_text()]), 1)

    def test_a_file_that_cannot_be_opened_again_is_reported(self):
        log = self.folder / "log"
        service, client = self.start_unheard(TELL, service=f"log_file = {log}")
        log.rename(f"{log}.1")
        log.mkdir()
        service.send(signal.SIGUSR1)
        wait_until(lambda: f"cannot reopen {log}: is a directory" in
                   (self.folder / "log.1").read_text(), "a line in the old file")
        self.exchange(client, 1)
        self.assertEqual(service.stop(), 0)
        self.assertIn("something", (self.folder / "log.1").read_text())


class FullDisk(Case):
    def test_a_device_that_is_full(self):
        service = self.launch(f"[plugin:access]\nfile = log.so\nto = /dev/full\n{TELL}").wait_ready()
        client = self.client(service)
        for _ in range(5):
            client.answers(request_headers(), response_headers())
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.lines("cannot write to /dev/full: No space left on device")), 1)

    def test_no_line_is_torn(self):
        """RLIMIT_FSIZE simulates a full disk: a write ends inside a line."""
        access = self.folder / "access"
        service = self.launch(f"[plugin:access]\nfile = log.so\nto = {access}\nrequest.header = x-a\n",
                              prefix=["prlimit", "--fsize=10000"]).wait_ready()
        client = self.client(service)
        for i in range(50):
            client.answers(request_headers(("x-a", "a" * 200)), response_headers())
        wait_until(lambda: service.lines(f"cannot write to {access}: File too large"), "a line about it")
        self.assertEqual(service.stop(), 0)
        lines = access.read_text().splitlines(True)
        self.assertTrue(all(line.endswith("}\n") and json.loads(line) for line in lines))
        self.assertEqual(len(lines) + dropped(service.log(), "lines"), 50)


class Start(Case):
    """TERM, and every refusal, while the service starts."""

    def expect_refused(self, plugins, words, **config):
        service = self.launch(plugins, **config)
        self.assertEqual(service.wait(), 1)
        service.wait_line(words)

    def fifo(self):
        path = self.new_folder() / "fifo"
        os.mkfifo(path)
        return path

    def test_term_ends_what_waits_for_its_configuration(self):
        fifo = self.fifo()
        writer = os.open(fifo, os.O_RDWR)
        self.addCleanup(os.close, writer)
        service = Process("extprocd", [EXTPROCD, "-c", fifo], self.folder / "out")
        self.addCleanup(service.kill)
        wait_until(lambda: str(fifo) in descriptors(service.pid).values(), "a service that reads it")
        self.assertEqual(service.stop(), -signal.SIGTERM)

    def test_a_fifo_where_a_file_is_expected_is_refused(self):
        fifo, kind = self.fifo(), "is a FIFO, expected a regular file"
        self.expect_refused("", rf"include: cannot read {fifo}: {kind}", service=f"include = {fifo}")
        self.expect_refused("", kind, service=f"log_level = ${{file:{fifo}}}")
        self.expect_refused(f"[plugin:a]\nfile = respond.so\nbody_file = {fifo}\n", rf"body_file: .*{kind}")
        self.expect_refused(f"[plugin:a]\nfile = {fifo}\n", rf"file: .*{kind}")

    def test_a_fifo_as_a_key_is_refused(self):
        if TRANSPORT == "grpc":
            self.skipTest("transport = grpc has no TLS")
        fifo = self.fifo()
        self.expect_refused("", "tls_cert: .*is a FIFO, expected a regular file",
                            listener=f"tls_cert = {fifo}\ntls_key = {fifo}")

    def test_a_directory_as_a_log_is_refused_with_its_place(self):
        self.expect_refused("", r"extprocd.ini:\d+: \[extprocd\] log_file: cannot open /tmp: is a directory",
                            service="log_file = /tmp")

    def test_a_fifo_as_a_log_is_taken(self):
        fifo, access = self.fifo(), self.fifo()
        service, client = self.start_unheard(f"[plugin:access]\nfile = log.so\nto = {access}\n",
                                             service=f"log_file = {fifo}")
        client.answers(request_headers(), response_headers())
        with open(os.open(access, os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:
            self.assertTrue(json.loads(wait_until(pipe.readline, "a line")))
        with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:
            self.assertIn(b"is ready", pipe.read())
        self.assertEqual(service.stop(), 0)
