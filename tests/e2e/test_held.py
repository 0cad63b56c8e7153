"""Bytes that a client has us hold: what it does not read or does not finish costs its own streams, and no neighbour's."""
import pathlib
import re
import unittest

from hyperframe.frame import RstStreamFrame, WindowUpdateFrame

from harness.case import Case
from harness.messages import modes, request_body, request_headers
from harness.places import SANITIZED, TRANSPORT
from harness.raw import data, framed
from harness.wait import wait_until

KIB, MIB = 1024, 1024 * 1024
ENHANCE_YOUR_CALM, CANCEL = 11, 8
TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n"
LOUD = "[plugin:loud]\nfile = upper.so\ndirection = request\n"

needs_h2 = unittest.skipIf(TRANSPORT == "grpc", "the gRPC core has no such limit")


class Held(Case):
    def page(self, size):
        """A plugin that responds with so many bytes."""
        path = self.new_folder() / "page"
        path.write_bytes(b"a" * size)
        return f"[plugin:page]\nfile = respond.so\nstatus = 200\nbody_file = {path}\n"

    def check_served(self, client):
        """A stream of the same connection that reads is served."""
        stream = client.open()
        client.send(WindowUpdateFrame(stream.id, MIB).serialize() + data(stream, framed(request_headers()), end=True))
        client.read_until(lambda: stream.status == "0")
        self.assertEqual(stream.n_answers, 1)

    def figure(self, service, name):
        """In bytes."""
        status = pathlib.Path(f"/proc/{service.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) * KIB


class Windows(Held):
    def test_streams_whose_answers_are_not_read_hold_up_no_other(self):
        """Twenty streams send as much as they may, which is more than the window of a connection."""
        client = self.client(self.start(LOUD))
        chunk = request_body(b"text" * 64 * KIB, end=False).SerializeToString()
        for _ in range(20):
            stream = client.stream()
            stream.exchange(request_headers(protocol_config=modes("STREAMED")))
            stream.send(*[chunk] * 40)
        for _ in range(3):
            self.assertEqual(len(client.answers(request_headers())), 1)

    @needs_h2
    def test_a_stream_that_takes_nothing_is_reset(self):
        service = self.start(TAGS, listener="write_timeout = 300ms")
        client = self.raw_client(service, window=0)
        idle, deaf = client.open(), client.open(request_headers())
        client.read_until(lambda: deaf.reset is not None)
        self.assertEqual(deaf.reset, CANCEL)
        service.wait_line(r" warn  listener=main peer=\S+ transaction=\S+: stream reset: write timed out: \d+ bytes of "
                          r"answers not taken within write_timeout \(300ms\)$")
        client.send(WindowUpdateFrame(idle.id, MIB).serialize() + data(idle, framed(request_headers()), end=True))
        client.read_until(lambda: idle.status == "0")

    @needs_h2
    def test_a_connection_that_takes_nothing_is_closed(self):
        service = self.start_with_neighbour()
        client = self.raw_client(service, window=0)
        for _ in range(3):
            client.open(request_headers())
        client.read_to_end()
        self.assertEqual([error for _, error in client.goaways], [ENHANCE_YOUR_CALM])
        service.wait_line(r" warn  listener=main peer=\S+: connection closed: write timed out: \d+ bytes of answers not "
                          r"taken within write_timeout \(300ms\)$")

    def start_with_neighbour(self):
        service = self.start(TAGS, listener="write_timeout = 300ms")
        self.neighbour(service)
        return service


@needs_h2
class Budgets(Held):
    def test_answers_that_wait_on_a_connection(self):
        service = self.start(self.page(400 * KIB), listener="max_queued = 1m\nmax_message = 1m")
        client = self.raw_client(service, window=0)
        streams = [client.open(request_headers()) for _ in range(4)]
        client.read_until(lambda: any(stream.reset is not None for stream in streams))
        self.assertEqual({stream.reset for stream in streams}, {None, ENHANCE_YOUR_CALM})
        self.check_served(client)
        service.wait_line(r" warn  listener=main peer=\S+ transaction=\S+: stream ended: \d+ bytes of queued answers "
                          r"exceed max_queued \(1048576\)$")

    def test_an_answer_that_is_too_large_by_itself(self):
        """The plugin's call fails, and so the transaction; its connection's other streams go on."""
        service = self.launch(self.page(2 * MIB), listener="max_queued = 1m\nmax_message = 1m").wait_ready()
        client = self.client(service)
        for _ in range(2):
            answer = client.answers(request_headers())[0].immediate_response
            self.assertEqual((answer.status.code, answer.details.split("{")[0]), (500, "extprocd.page.error"))
        service.wait_line(r" error listener=main peer=127.0.0.1:\d+ transaction=\S+ chain=\S+ plugin=page phase=request_headers: "
                          r"request_headers failed: extproc_respond\(\): body of 2097152 bytes exceeds max_queued \(1048576\)$")

    def test_a_body_that_is_too_large_by_itself(self):
        page = self.page(MIB).replace("respond.so\nstatus = 200\nbody_file = ", "body.so\nrequest.append = ${file:")
        service = self.launch(page.rstrip() + "}\n", listener="max_queued = 1m\nmax_message = 1m").wait_ready()
        stream = self.client(service).stream()
        stream.exchange(request_headers(protocol_config=modes("BUFFERED")))
        answer = stream.exchange(request_body(b"abc"))
        self.assertEqual(answer.immediate_response.details.split("{")[0], "extprocd.page.error")
        service.wait_line(r" error listener=main peer=127.0.0.1:\d+ transaction=\S+ chain=\S+ plugin=page phase=request_body: "
                          r"request_body failed: extproc_body_set\(\): body of 1048579 bytes exceeds max_queued \(1048576\)$")

    def test_messages_in_part(self):
        """Of the connection that holds most; one that holds little gets its answer."""
        service = self.start(LOUD, service="max_held = 4m", listener="max_message = 2m")
        client, other = self.raw_client(service), self.raw_client(service)
        for each in client, other:
            self.check_served(each)
        body = framed(request_headers(protocol_config=modes("BUFFERED")), request_body(b"text" * 100 * KIB))
        small = other.open()
        other.send(WindowUpdateFrame(small.id, MIB).serialize() + data(small, body[:300 * KIB]))
        streams = [client.open() for _ in range(12)]
        for stream in streams:
            client.send(data(stream, body[:390 * KIB]))
        client.read_until(lambda: any(stream.status for stream in streams))
        self.assertEqual({stream.status for stream in streams if stream.status}, {"8"})
        self.check_served(client)
        other.send(data(small, body[300 * KIB:], end=True))
        other.read_until(lambda: small.status == "0")
        self.assertEqual(small.n_answers, 2)
        service.wait_line(r" warn  listener=main peer=\S+( transaction=\S+)?: stream ended: \d+ bytes of messages in "
                          r"memory exceed max_held \(4194304\), and \d+ of them are this stream's$")


@unittest.skipIf(SANITIZED, "sanitizers keep memory of their own")
class Memory(Held):
    @needs_h2
    def test_what_is_announced_takes_no_address_space(self):
        service = self.start(TAGS)
        self.check_served(self.raw_client(service, window=0))
        before = self.figure(service, "VmSize")
        client = self.raw_client(service, window=0)
        for _ in range(100):
            stream = client.open()
            client.send(data(stream, b"\0\1\0\0\0"))  # 16 MiB
        self.check_served(client)
        self.assertLess(self.figure(service, "VmSize") - before, 64 * MIB)

    @needs_h2
    def test_what_was_queued_is_returned_while_its_connections_live(self):
        service = self.start(self.page(MIB), service="max_held = 1g")
        self.check_served(self.raw_client(service, window=0))
        before = self.figure(service, "VmRSS")
        clients = [self.raw_client(service, window=0) for _ in range(8)]
        for client in clients:
            for _ in range(40):
                client.open(request_headers())
            self.check_served(client)
        self.assertGreater(self.figure(service, "VmRSS") - before, 300 * MIB)
        for client in clients:
            for number in list(client.streams)[:40]:
                client.send(RstStreamFrame(number, CANCEL).serialize())
        wait_until(lambda: self.figure(service, "VmRSS") - before < 32 * MIB, "memory goes back")
        for client in clients:
            self.check_served(client)
