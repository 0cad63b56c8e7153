"""Immediate responses, in every phase, and the effect of a plugin's failure."""
import threading

import grpc

from harness import http1, http2
from harness.case import Case
from harness.places import PATIENCE, PROBE

WHOLE = {"request_body_mode": "BUFFERED", "response_body_mode": "BUFFERED"}
STREAMED = {"request_body_mode": "STREAMED", "response_body_mode": "STREAMED"}
TRAILERS = {"request_trailer_mode": "SEND", "response_trailer_mode": "SEND"}


def probe(*steps):
    return f"[plugin:probe]\nfile = {PROBE}\n" + "".join(f"do = {step}\n" for step in steps)


class Respond(Case):
    def check(self, answer, phase):
        self.assertEqual((answer.status, answer.body, answer.cut), (418, phase.encode(), False))
        self.assertEqual(answer.get("x-from"), "probe")
        self.assertEqual(answer.all("set-cookie"), ["a=1", "b=2"])
        self.assertEqual(answer.get("content-length"), str(len(phase)))

    def test_before_the_upstream_is_asked(self):
        for phase in "request_headers", "request_body":
            with self.subTest(phase):
                upstream = self.upstream()
                envoy = self.envoy(self.start(probe(f"{phase}: respond 418 {phase}")), upstream, WHOLE)
                self.check(http1.request(envoy.port, "POST", "/x", body=b"abc"), phase)
                self.assertEqual(upstream.seen, [])
                self.assertEqual(envoy.access("/x"), ["418", "probe.said.so"])

    def test_in_place_of_the_response(self):
        for phase in "response_headers", "response_body":
            with self.subTest(phase):
                upstream = self.upstream(headers=[("x-secret", "1")])
                envoy = self.envoy(self.start(probe(f"{phase}: respond 418 {phase}")), upstream, WHOLE)
                answer = http1.request(envoy.port, "POST", "/x", body=b"abc")
                self.check(answer, phase)
                self.assertIsNone(answer.get("x-secret"))
                self.assertEqual(len(upstream.seen), 1)

    def test_in_the_trailers_phase(self):
        upstream = self.http2_upstream()
        envoy = self.envoy(self.start(probe("request_trailers: respond 418 request_trailers")), upstream,
                           {**WHOLE, **TRAILERS})
        self.check(http2.request(envoy.port, body=b"abc", trailers=[("x-t", "1")]), "request_trailers")
        self.assertEqual(upstream.seen, [])

    def test_the_bundled_plugin(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start("[plugin:m]\nfile = respond.so\nstatus = 503\nbody = back at noon\n"
                                      "header = retry-after: 120\nheader = content-type: text/html\n"), upstream)
        answer = http1.request(envoy.port)
        self.assertEqual((answer.status, answer.body), (503, b"back at noon"))
        self.assertEqual((answer.get("retry-after"), answer.get("content-type")), ("120", "text/html"))

    def test_what_a_grpc_client_gets(self):
        upstream = self.http2_upstream()
        envoy = self.envoy(self.start(probe("request_headers: respond 403 no entry")), upstream)
        with grpc.insecure_channel(f"127.0.0.1:{envoy.port}") as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/some.Service/Method")(b"", timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(caught.exception.details(), "no entry")


class Failure(Case):
    def failing(self, phase, mode, **upstream):
        """A service whose plugin fails, and Envoy that uses it."""
        service = self.launch(probe(f"{phase}: fail")).wait_ready()
        return service, self.envoy(service, self.upstream(**upstream), mode)

    def test_a_500_whose_details_name_the_plugin(self):
        for phase in "request_headers", "request_body", "response_headers", "response_body":
            with self.subTest(phase):
                service, envoy = self.failing(phase, WHOLE)
                self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"abc").status, 500)
                self.assertEqual(envoy.access("/x"), ["500", "extprocd.probe.error"])
                service.wait_line(f"error .*transaction={envoy.access_id('/x')} .*plugin=probe phase={phase}")

    def test_a_response_that_has_begun_is_cut(self):
        gate = threading.Event()
        service, envoy = self.failing("response_body", STREAMED, between=lambda: gate.wait(PATIENCE))
        answer = http1.request(envoy.port, "POST", "/x", body=b"abc", on_headers=gate.set)
        self.assertEqual((answer.status, answer.cut), (200, True))
        service.wait_line("INTERNAL.*plugin probe failed in response_body")
