"""Start, signals, drain, and the surroundings that a service has to bear."""
import os
import signal

import grpc

from harness.case import Case
from harness.load import Load
from harness.messages import request_headers, response_headers, sets
from harness.places import TRANSPORT
from harness.wait import wait_until

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"


class Signals(Case):
    def test_term_and_int(self):
        for signo in signal.SIGTERM, signal.SIGINT:
            with self.subTest(signo):
                service = self.launch(TAGS).wait_ready()
                self.assertEqual(service.stop(signo), 0)
                service.wait_line(r" info .*stopped")

    def test_open_streams_finish(self):
        service = self.launch(TAGS).wait_ready()
        client = self.client(service)
        stream = client.stream()
        stream.exchange(request_headers())
        service.send(signal.SIGTERM)
        service.wait_line("open streams may finish")
        late = self.client(service)
        wait_until(lambda: late.health() == grpc.StatusCode.UNAVAILABLE, "new connections are refused")
        self.assertEqual(sets(stream.exchange(response_headers())), [("x-b", "2")])
        self.assertEqual(stream.finish()[1], grpc.StatusCode.OK)
        self.assertEqual(service.wait(), 0)

    def test_the_drain_has_an_end(self):
        service = self.launch(TAGS, service="drain = 100ms").wait_ready()
        stream = self.client(service).stream()
        stream.exchange(request_headers())
        self.assertEqual(service.stop(), 0)
        self.assertNotEqual(stream.rest()[1], grpc.StatusCode.OK)

    def test_a_second_term_stops_immediately(self):
        service = self.launch(TAGS, service="drain = 1h").wait_ready()
        stream = self.client(service).stream()
        stream.exchange(request_headers())
        service.send(signal.SIGTERM)
        service.wait_line("open streams may finish")
        self.assertEqual(service.stop(signal.SIGTERM), 0)
        service.wait_line("stopping immediately")

    def test_a_client_that_reads_nothing_does_not_outlast_the_drain(self):
        """Its socket is full, so that not even the end of its streams can be said."""
        words = "\n  ".join(["a long value"] * 600)
        service = self.launch(f"[plugin:long]\nfile = headers.so\nrequest.set = x-long: {words}\n",
                              service="drain = 200ms").wait_ready()
        client = self.raw_client(service, window=1024 * 1024, receive_buffer=4096)
        for _ in range(900):
            client.open(request_headers(), end=True)
        self.assertEqual(len(self.client(service).answers(request_headers())), 1)
        self.assertEqual(service.stop(), 0)

    def test_a_stream_that_says_nothing_does_not_outlast_the_drain(self):
        service = self.launch(TAGS, service="drain = 200ms").wait_ready()
        client = self.client(service)
        silent = client.stream()
        self.assertEqual(len(client.answers(request_headers())), 1)
        self.assertEqual(service.stop(), 0)
        self.assertNotEqual(silent.rest()[1], grpc.StatusCode.OK)

    def test_hup_is_not_fatal(self):
        service = self.start(TAGS)
        service.send(signal.SIGHUP)
        service.wait_line("warn .*HUP.*restart")
        self.assertEqual(len(self.client(service).answers(request_headers())), 1)

    def test_usr1_opens_the_log_again(self):
        log = self.folder / "log"
        service, _ = self.start_unheard(TAGS, service=f"log_file = {log}")
        log.rename(self.folder / "old")
        service.send(signal.SIGUSR1)
        wait_until(log.exists, "a new log")
        self.assertEqual(service.stop(), 0)
        self.assertIn("stopped", log.read_text())

    def test_term_under_load(self):
        service = self.launch(TAGS).wait_ready()
        load = Load([self.client(service) for _ in range(4)])
        service.send(signal.SIGTERM)
        load.join()
        self.assertEqual(service.wait(), 0, service.log())
        # A stream is served to its end, or refused, so that it may be sent elsewhere. Those that come while the
        # gRPC core shuts down it cancels, which no client sends again.
        expected = [(2, grpc.StatusCode.OK), (0, grpc.StatusCode.UNAVAILABLE)]
        if TRANSPORT == "grpc":
            expected.append((0, grpc.StatusCode.CANCELLED))
        self.assertEqual(load.others(*expected), [])


class Surroundings(Case):
    def check(self, client):
        stream = client.stream()
        self.assertEqual(sets(stream.exchange(request_headers())), [("x-a", "1")])
        stream.finish()
        client.failure(b"\xff")  # makes it log
        self.assertEqual(sets(client.answers(request_headers())[0]), [("x-a", "1")])

    def test_closed_standard_error(self):
        service, client = self.start_unheard(TAGS, ["sh", "-c", 'exec "$@" 2>&- >&- <&-', "sh"])
        self.check(client)
        service.send(signal.SIGHUP)
        self.check(client)
        self.assertEqual(service.stop(), 0)

    def test_numbers_of_closed_standard_streams_are_nothing_elses(self):
        """What a plugin prints would else go to a client, or into the file that got the number."""
        for closed in "0", "1", "2", "012":
            with self.subTest(closed):
                self.folder = self.new_folder()
                close = " ".join(f"{number}>&-" for number in closed)
                service, client = self.start_unheard(TAGS, ["sh", "-c", f'exec "$@" {close}', "sh"])
                self.check(client)
                for number in closed:
                    self.assertEqual(os.readlink(f"/proc/{service.pid}/fd/{number}"), "/dev/null")
                self.assertEqual(service.stop(), 0)

    def test_full_disk_for_the_log(self):
        service, client = self.start_unheard(TAGS, ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"])
        self.check(client)
        self.assertEqual(service.stop(), 0)

    def test_full_disk_for_the_log_file(self):
        service, client = self.start_unheard(TAGS, service="log_file = /dev/full")
        self.check(client)
        self.assertEqual(service.stop(), 0)
