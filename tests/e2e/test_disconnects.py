"""Clients that leave at every step: the service goes on, and logs no error."""
import socket
import threading

import grpc

from harness import http1
from harness.case import Case
from harness.messages import (modes, request_body, request_headers, request_trailers, response_body,
                              response_headers, response_trailers)
from harness.places import PATIENCE
from harness.raw import HEAD_BLOCK, PREFACE, frame
from harness.wait import wait_until

PLUGINS = "[plugin:control]\nfile = instructions.so\n[plugin:loud]\nfile = upper.so\ndirection = both\n"

DIALOGUE = [
    request_headers(protocol_config=modes("STREAMED", "BUFFERED")), request_body(b"a" * 1000, end=False),
    request_body(b"", end=False), request_trailers(("x-t", "1")), response_headers(),
    response_body(b"b" * 100000, end=False), response_trailers(("x-t", "2"))]


class Disconnects(Case):
    def setUp(self):
        super().setUp()
        self.service = self.start(PLUGINS)
        self.addCleanup(self.check_alive)

    def check_alive(self):
        self.assertEqual(len(self.client(self.service).answers(*DIALOGUE)), len(DIALOGUE))
        self.assertEqual(self.service.lines(r"^\S+ (error|warn) "), [])

    def test_stream_is_cancelled_after_each_answer(self):
        client = self.client(self.service)
        for n in range(len(DIALOGUE) + 1):
            stream = client.stream()
            for message in DIALOGUE[:n]:
                stream.exchange(message)
            stream.cancel()
            self.assertEqual(stream.rest()[1], grpc.StatusCode.CANCELLED)

    def test_stream_is_cancelled_before_each_answer(self):
        client = self.client(self.service)
        for n in range(len(DIALOGUE)):
            stream = client.stream()
            for message in DIALOGUE[:n]:
                stream.exchange(message)
            stream.send(DIALOGUE[n])
            stream.cancel()

    def test_connection_is_closed_at_each_step(self):
        for n in range(len(DIALOGUE) + 1):
            client = self.client(self.service)
            stream = client.stream()
            for message in DIALOGUE[:n]:
                stream.exchange(message)
            client.close()
            stream.half_close()

    def test_half_close_at_each_step_is_answered_with_ok(self):
        client = self.client(self.service)
        for n in range(len(DIALOGUE) + 1):
            stream = client.stream()
            stream.send(*DIALOGUE[:n])
            answers, code, _ = stream.finish()
            self.assertEqual((len(answers), code), (n, grpc.StatusCode.OK))

    def test_clients_of_the_proxy_leave(self):
        """In the middle of the request, and before the response has come."""
        gone = threading.Event()
        upstream = self.upstream(before=lambda seen: gone.wait(PATIENCE))
        envoy = self.envoy(self.service, upstream, {"request_body_mode": "STREAMED", "response_body_mode": "BUFFERED"})
        line = b"POST / HTTP/1.1\r\nhost: a\r\n"
        for sent in b"", line, line + b"content-length: 9\r\n\r\nabc", line + b"content-length: 3\r\n\r\nabc":
            with socket.create_connection(("127.0.0.1", envoy.port)) as connection:
                connection.sendall(sent)
        wait_until(lambda: envoy.stat("ext_proc.streams_started") == 2, "the streams of two requests")
        wait_until(lambda: envoy.stat("ext_proc.streams_closed") == 2, "their end")
        gone.set()
        self.assertEqual(http1.request(envoy.port, "POST", body=b"abc").status, 200)

    def test_connection_is_cut_at_every_byte(self):
        """What a client says up to its first message, cut anywhere: preface, SETTINGS, HEADERS, DATA."""
        settings = frame(4, 0, 0, b"")
        message = DIALOGUE[0].SerializeToString()
        data = frame(0, 0, 1, b"\0" + len(message).to_bytes(4, "big") + message)
        whole = PREFACE + settings + frame(1, 4, 1, HEAD_BLOCK) + data
        for n in range(0, len(whole) + 1, 5):
            with socket.create_connection(("127.0.0.1", self.service.port)) as connection:
                connection.sendall(whole[:n])
