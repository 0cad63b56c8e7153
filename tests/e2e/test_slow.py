"""Clients that are slow, stop in the middle, or half-close: they get their answers, and do not affect other clients."""
import contextlib
import pathlib
import re
import socket
import sys
import unittest

from harness.case import Case
from harness.messages import modes, request_body, request_headers, response_headers
from harness.places import SANITIZED, TRANSPORT
from harness.process import Process
from harness.raw import data, framed
from harness.tls import Authority, context, credentials
from harness.wait import wait_until

MIB = 1024 * 1024
HOLDER = pathlib.Path(__file__).resolve().parent / "harness" / "holder.py"
TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"
WORDS = "\n  ".join(["a long value"] * 600)
LONG = f"[plugin:long]\nfile = headers.so\nrequest.set = x-long: {WORDS}\n"  # an answer of some 8 KiB
LOUD = "[plugin:loud]\nfile = upper.so\ndirection = request\n"

needs_h2 = unittest.skipIf(TRANSPORT == "grpc", "the gRPC core breaks such a connection off, or has no TLS")


class Slow(Case):
    def start_with_neighbour(self, plugins, **config):
        service = self.start(plugins, **config)
        self.neighbour(service)
        return service

    def tls_listener(self):
        authority = Authority(self.new_folder())
        own = authority.issue("DNS:localhost")
        return authority, f"tls_cert = {own.cert}\ntls_key = {own.key}"


class Writers(Slow):
    def check_whole(self, client, stream):
        client.read_until(lambda: stream.status is not None)
        self.assertEqual((stream.n_answers, stream.status), (2, "0"))

    def test_every_byte_by_itself(self):
        service = self.start_with_neighbour(TAGS)
        client = self.raw_client(service)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream, head = client.head()
        for octet in head + data(stream, framed(request_headers(), response_headers()), end=True):
            client.send(bytes([octet]))
        self.check_whole(client, stream)

    def test_every_byte_in_a_frame_of_its_own(self):
        service = self.start_with_neighbour(TAGS)
        client = self.raw_client(service)
        stream = client.open()
        for octet in framed(request_headers(), response_headers()):
            client.send(data(stream, bytes([octet])))
        client.send(data(stream, b"", end=True))
        self.check_whole(client, stream)

    def test_stops_anywhere_and_goes_on(self):
        """In a frame's head, in a frame, in gRPC's prefix, in a message; meanwhile others are served."""
        service = self.start_with_neighbour(TAGS)
        client, busy = self.raw_client(service), self.client(service)
        stream, head = client.head()
        messages = framed(request_headers(), response_headers())
        whole = head + data(stream, messages[:3]) + data(stream, messages[3:40]) + data(stream, messages[40:], end=True)
        frames = [len(head), 9 + 3, 9 + 37]
        ends = [sum(frames[:n]) for n in range(1, 4)]
        at = 0
        for stop in sorted([4, ends[0] - 3, ends[0] + 4, *ends, ends[2] + 9 + 5]):
            client.send(whole[at:stop])
            at = stop
            self.assertEqual(len(busy.answers(request_headers(), response_headers())), 2)
        client.send(whole[at:])
        self.check_whole(client, stream)

    @needs_h2
    def test_stops_in_a_tls_record_and_goes_on(self):
        authority, listener = self.tls_listener()
        service = self.start(TAGS, listener=listener)
        self.neighbour(service, credentials(authority))
        client, busy = self.raw_client(service, context(authority)), self.client(service, credentials(authority))
        stream, head = client.head()
        record = client.channel.seal(head + data(stream, framed(request_headers(), response_headers()), end=True))
        for piece in record[:3], record[3:50], record[50:]:
            self.assertEqual(len(busy.answers(request_headers(), response_headers())), 2)
            client.socket.sendall(piece)
        self.check_whole(client, stream)


class Readers(Slow):
    def test_a_narrow_window(self):
        """Of one stream: what it does not take waits, and the connection's other streams do not."""
        service = self.start_with_neighbour(LOUD)
        client = self.raw_client(service, window=100)
        stream, text = client.open(request_headers(protocol_config=modes("STREAMED"))), b"some text " * 300
        client.send(data(stream, framed(*[request_body(text, end=False)] * 10), end=True))
        quick = client.open(request_headers(), end=True)
        client.read_until(lambda: quick.status == "0")
        self.assertIsNone(stream.status)
        client.read_until(lambda: stream.status == "0")
        self.assertEqual(stream.n_answers, 11)
        self.assertEqual(stream.received.count(b"SOME TEXT "), 3000)

    def test_a_socket_that_is_not_read(self):
        """Every stream has asked before the first answer is read."""
        service = self.start_with_neighbour(LONG)
        client = self.raw_client(service, window=MIB, receive_buffer=4096)
        streams = [client.open(request_headers(), end=True) for _ in range(250)]
        busy = self.client(service)
        self.assertEqual(len(busy.answers(request_headers())), 1)
        client.read_until(lambda: all(stream.status for stream in streams), size=1000)
        self.assertEqual({(stream.n_answers, stream.status) for stream in streams}, {(1, "0")})

    @needs_h2
    def test_one_that_takes_nothing_is_left(self):
        service = self.start_with_neighbour(LONG, listener="write_timeout = 300ms")
        client = self.raw_client(service, window=MIB, receive_buffer=4096)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.open(request_headers(), end=True)
        service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+: connection closed: write timed out: "
                          r"\d+ bytes of answers not taken within write_timeout \(300ms\)$")


class Leavers(Slow):
    """A transaction that has ended, in whatever way, is a line of the log plugin's."""

    def setUp(self):
        super().setUp()
        self.said = self.folder / "transactions"
        self.plugins = TAGS + f"[plugin:access]\nfile = log.so\nto = {self.said}\n"

    def n_ended(self):
        return self.said.read_text().count("\n") if self.said.exists() else 0

    def check_last_frame(self, service, *arguments):
        client = self.raw_client(service, *arguments)
        stream = client.open(request_headers(), response_headers(), end=True)
        client.half_close()
        client.read_to_end()
        self.assertEqual((stream.n_answers, stream.status), (2, "0"))

    @needs_h2
    def test_half_closed_after_the_last_frame(self):
        self.check_last_frame(self.start_with_neighbour(self.plugins))

    @needs_h2
    def test_half_closed_after_the_last_record(self):
        authority, listener = self.tls_listener()
        self.check_last_frame(self.start(self.plugins, listener=listener), context(authority))

    @needs_h2
    def test_close_notify_after_the_last_record(self):
        """All in one go: the client does not wait for the answers, but what it sent counts."""
        authority, listener = self.tls_listener()
        service = self.start(self.plugins, listener=listener)
        client = self.raw_client(service, context(authority))
        stream, head = client.head()
        whole = head + data(stream, framed(request_headers(), response_headers()), end=True)
        client.socket.sendall(client.channel.seal(whole) + client.channel.end())
        client.read_to_end()
        wait_until(lambda: self.n_ended() == 1, "the transaction's line")

    def test_half_closed_with_an_open_stream(self):
        """It cannot be finished, so the server does not wait for it."""
        service = self.start_with_neighbour(self.plugins)
        for last in b"", framed(response_headers())[:7]:
            before, client = self.n_ended(), self.raw_client(service)
            stream = client.open(request_headers())
            client.read_until(lambda: stream.n_answers == 1)
            client.send(data(stream, last))
            client.half_close()
            client.read_to_end()
            wait_until(lambda: self.n_ended() == before + 1, "the stream is closed")

    def resident(self, service):
        status = pathlib.Path(f"/proc/{service.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def hold_and_kill(self, service):
        """Two connections of 250 streams each, in a process that is killed."""
        before = self.n_ended()
        holder = Process("holder", [sys.executable, HOLDER, service.address, 2, 250], self.new_folder() / "log")
        self.addCleanup(holder.kill)
        holder.wait_line("^holding$")
        self.assertEqual(self.n_ended(), before)
        holder.kill()
        wait_until(lambda: self.n_ended() == before + 500, "its streams are closed")
        wait_until(lambda: service.n_connections() == 1, "its connections are")

    def test_killed(self):
        service = self.start_with_neighbour(self.plugins)
        self.hold_and_kill(service)
        before = self.resident(service)
        for _ in range(3):
            self.hold_and_kill(service)
        if not SANITIZED:
            self.assertLess(self.resident(service) - before, MIB)
