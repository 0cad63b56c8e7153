"""How a transaction ended, as plugins and the log report it: complete, or aborted by any side."""
import contextlib
import json
import socket

from hyperframe.frame import RstStreamFrame

from harness import http1, http2
from harness.case import Case
from harness.http2 import Http2Upstream
from harness.messages import modes, request_body, request_headers, response_headers
from harness.places import TRANSPORT
from harness.script import ScriptedOrigin, converse
from harness.wait import wait_until

STREAMED = {"request_body_mode": "STREAMED", "response_body_mode": "STREAMED"}
BUFFERED = {"request_body_mode": "BUFFERED", "response_body_mode": "BUFFERED"}
TRAILERS = {"request_trailer_mode": "SEND", "response_trailer_mode": "SEND"}
CANCEL = 8
BODIES = {"STREAMED": STREAMED, "BUFFERED": BUFFERED}

GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 8\r\n\r\n"
HALF_OF_IT = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf"
HALF_IN_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"


class Ends(Case):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "access.json"
        self.service = self.start(f"[plugin:access]\nfile = log.so\nto = {self.path}\n", service="log_level = debug")
        self.n_seen = 0

    def origin(self, answer=b""):
        return self.enterContext(contextlib.closing(ScriptedOrigin(answer)))

    def next_line(self):
        """The log plugin's line of the one transaction since the last."""
        def look():
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            return lines[self.n_seen:]
        line, = wait_until(look, "a line of the log plugin")
        self.n_seen += 1
        return json.loads(line)

    def last_closed(self):
        """The service's line of the same transaction."""
        def look():
            lines = self.service.lines("stream closed: ")
            return lines if len(lines) == self.n_seen else None
        return wait_until(look, "a line for each stream")[-1]

    def check_cut(self, direction):
        self.assertEqual(self.next_line()["end"], "disconnected")
        self.assertRegex(self.last_closed(), f"(half-closed|reset) by proxy before the {direction} was complete")

    def check_done(self):
        line = self.next_line()
        self.assertEqual(line["end"], "done")
        self.assertIn("stream closed: done", self.last_closed())
        return line

    # ---- cut ---------------------------------------------------------------------------------------------

    def test_the_client_leaves_during_the_request_body(self):
        for name, mode in BODIES.items():
            with self.subTest(name):
                origin = self.origin()
                envoy = self.envoy(self.service, origin, mode)
                with socket.create_connection(("127.0.0.1", envoy.port)) as client:
                    client.sendall(POST + b"half")
                    wait_until(lambda: envoy.stat("ext_proc.stream_msgs_received") > 0, "an answer to the headers")
                self.check_cut("request")

    def test_the_client_leaves_before_the_response(self):
        for name, mode in {**BODIES, "NONE": {}}.items():
            with self.subTest(name):
                origin = self.origin()
                envoy = self.envoy(self.service, origin, mode)
                with socket.create_connection(("127.0.0.1", envoy.port)) as client:
                    client.sendall(POST + b"complete")
                    wait_until(origin.asked.is_set, "the request at the origin")
                    wait_until(lambda: envoy.stat("ext_proc.stream_msgs_received") == (2 if mode else 1), "the answers")
                self.check_cut("response")

    def test_the_client_leaves_during_the_response_body(self):
        envoy = self.envoy(self.service, self.origin(HALF_OF_IT), STREAMED)
        converse(envoy.port, GET, until=b"half")
        self.check_cut("response")

    def test_the_upstream_aborts_its_response(self):
        for name, mode in BODIES.items():
            for answer in HALF_OF_IT, HALF_IN_CHUNKS:
                with self.subTest(name, answer=answer):
                    origin = self.origin(answer)
                    origin.go.set()
                    converse(self.envoy(self.service, origin, mode).port, GET)
                    self.check_cut("response")

    def test_the_upstream_aborts_its_response_when_a_part_is_with_the_client(self):
        for answer in HALF_OF_IT, HALF_IN_CHUNKS:
            with self.subTest(answer=answer):
                origin = self.origin(answer)
                envoy = self.envoy(self.service, origin, STREAMED)
                with socket.create_connection(("127.0.0.1", envoy.port)) as client:
                    client.sendall(GET)
                    got = b""
                    while b"half" not in got:
                        got += client.recv(1000)
                    origin.go.set()
                    while client.recv(1000):
                        pass
                self.check_cut("response")

    def test_the_upstream_resets_a_stream(self):
        for name, mode in BODIES.items():
            with self.subTest(name):
                envoy = None
                answers = 3 if mode is STREAMED else 2

                def cut():
                    wait_until(lambda: envoy.stat("ext_proc.stream_msgs_received") >= answers, "the answers")
                origin = self.enterContext(contextlib.closing(Http2Upstream(body=b"half", cut=cut)))
                envoy = self.envoy(self.service, origin, mode)
                http2.request(envoy.port, "GET")
                self.check_cut("response")

    def test_the_proxy_is_lost_while_a_response_is_awaited(self):
        """Whatever of the request has come. The gRPC core reports the loss as a reset: see the operator's guide."""
        for messages in ([request_headers(end=True)],
                         [request_headers(protocol_config=modes("STREAMED")), request_body(b"abc", end=True)],
                         [request_headers(protocol_config=modes("BUFFERED")), request_body(b"abc", end=True)]):
            with self.subTest(messages=messages):
                client = self.raw_client(self.service)
                stream = client.open(*messages)
                client.read_until(lambda: stream.n_answers == len(messages))
                client.close()
                line = self.next_line()
                self.assertEqual(line["end"], "done" if TRANSPORT == "grpc" else "disconnected")
                self.assertIn("stream closed: done" if TRANSPORT == "grpc"
                              else "stream closed: connection lost before the response was complete", self.last_closed())

    def test_the_proxy_is_lost_after_the_response(self):
        client = self.raw_client(self.service)
        stream = client.open(request_headers(end=True), response_headers(end=True))
        client.read_until(lambda: stream.n_answers == 2)
        client.close()
        self.check_done()

    def test_a_reset_while_a_response_is_awaited(self):
        """So ends a proxy that does not send responses."""
        client = self.raw_client(self.service)
        stream = client.open(request_headers(end=True))
        client.read_until(lambda: stream.n_answers == 1)
        client.send(RstStreamFrame(stream.id, error_code=CANCEL).serialize())
        self.check_done()

    # ---- complete ----------------------------------------------------------------------------------------

    def test_complete_transactions_are_done(self):
        for name, mode in {**BODIES, "NONE": {}}.items():
            for trailer_mode in {}, TRAILERS:
                envoy = self.envoy(self.service, self.http2_upstream(trailers=[("x-t", "1")] if trailer_mode else ()),
                                   {**mode, **trailer_mode})
                for body in b"", b"abc":
                    with self.subTest(name, trailers=bool(trailer_mode), body=body):
                        trailers = [("x-t", "1")] if trailer_mode and body else ()
                        answer = http2.request(envoy.port, body=body, trailers=trailers)
                        self.assertEqual((answer.status, answer.cut), (200, False))
                        self.check_done()

    def test_trailers_are_seen_in_the_modes_that_are_printed(self):
        """A body that is STREAMED ends with them, and without them its end looks like a cut."""
        self.service = self.start(f"[plugin:access]\nfile = log.so\nto = {self.path}\n"
                                  "[plugin:loud]\nfile = upper.so\ndirection = both\n", service="log_level = debug")
        envoy = self.printed_envoy(self.service, self.http2_upstream(trailers=[("x-t", "1")]))
        for body in b"", b"abc":
            with self.subTest(body=body):
                http2.request(envoy.port, body=body, trailers=[("x-t", "1")])
                self.check_done()

    def test_a_body_that_passes_unseen_may_be_cut(self):
        """Body mode NONE: nothing that the proxy sends is missing."""
        origin = self.origin(HALF_OF_IT)
        envoy = self.envoy(self.service, origin)
        converse(envoy.port, GET, until=b"half")
        self.check_done()

    def test_a_client_that_leaves_after_the_response_leaves_it_done(self):
        envoy = self.envoy(self.service, self.upstream(body=b"all"), STREAMED)
        self.assertIn(b"all", converse(envoy.port, GET))
        self.check_done()

    def test_an_immediate_response_is_the_end(self):
        path = self.folder / "refused.json"
        service = self.start(f"[plugin:access]\nfile = log.so\nto = {path}\n[plugin:no]\nfile = respond.so\nstatus = 403\n")
        envoy = self.envoy(service, self.upstream(), STREAMED)
        self.assertEqual(http1.request(envoy.port, "POST", body=b"abc").status, 403)
        wait_until(lambda: path.exists() and '"end":"done"' in path.read_text(), "a line that says done")

    def test_a_reply_of_the_proxy_itself_is_complete(self):
        """The upstream cannot be reached, or closes before it answers. Older proxies do not send us their reply."""
        closed = self.origin()
        closed.close()
        silent = self.origin()
        silent.go.set()
        for origin in closed, silent:
            with self.subTest(closed=origin is closed):
                self.assertEqual(http1.request(self.envoy(self.service, origin, BUFFERED).port).status, 503)
                line = self.next_line()
                self.assertEqual(line["end"], "done" if line.get("status") == "503" else "disconnected")

    def test_responses_that_no_plugin_asked_for_are_not_missing(self):
        service = self.start("[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n", service="log_level = debug")
        for body_mode in "NONE", "STREAMED", "BUFFERED":
            with self.subTest(body_mode):
                before = len(service.lines("stream closed: "))
                envoy = self.envoy(service, self.upstream(),
                                   {"response_header_mode": "SKIP", "request_body_mode": body_mode})
                self.assertEqual(http1.request(envoy.port, "POST", body=b"abc").status, 200)
                lines = wait_until(lambda: service.lines("stream closed: ")[before:], "the stream's end")
                self.assertRegex(lines[0], "stream closed: done")
