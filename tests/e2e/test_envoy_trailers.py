"""Trailers in both directions, over HTTP/2 on both sides of Envoy."""
from harness import http2
from harness.case import Case

TRAILERS = """
[plugin:t]
file = headers.so
request_trailers.set = x-set: new
request_trailers.append = x-append: second
request_trailers.remove = x-remove
response_trailers.set = x-set: new
response_trailers.remove = x-remove
"""
BEFORE = [("x-set", "old"), ("x-remove", "old"), ("x-untouched", "same")]
SEND = {"request_trailer_mode": "SEND", "response_trailer_mode": "SEND"}


class Trailers(Case):
    def exchange(self, plugins, mode, **message):
        upstream = self.http2_upstream(**message)
        envoy = self.envoy(self.start(plugins), upstream, mode)
        answer = http2.request(envoy.port, **message)
        self.assertEqual((answer.status, answer.cut), (200, False))
        return upstream.seen[0], answer

    def test_edits_in_every_body_mode(self):
        for body_mode in "NONE", "STREAMED", "BUFFERED":
            with self.subTest(body_mode):
                mode = {**SEND, "request_body_mode": body_mode, "response_body_mode": body_mode}
                seen, answer = self.exchange(TRAILERS, mode, body=b"a body", trailers=BEFORE)
                self.assertEqual(dict(seen.trailers), {"x-set": "new", "x-append": "second", "x-untouched": "same"})
                self.assertEqual(dict(answer.trailers), {"x-set": "new", "x-untouched": "same"})
                self.assertEqual((seen.body, answer.body), (b"a body", b"a body"))

    def test_trailers_after_a_body_that_is_changed(self):
        plugins = TRAILERS + "[plugin:loud]\nfile = upper.so\ndirection = both\n"
        for body_mode in "STREAMED", "BUFFERED":
            with self.subTest(body_mode):
                mode = {**SEND, "request_body_mode": body_mode, "response_body_mode": body_mode}
                seen, answer = self.exchange(plugins, mode, body=b"a body", trailers=BEFORE)
                self.assertEqual((seen.body, answer.body), (b"A BODY", b"A BODY"))
                self.assertEqual((dict(seen.trailers)["x-set"], answer.trailer("x-set")), ("new", "new"))

    def test_trailers_without_a_body(self):
        seen, answer = self.exchange(TRAILERS, SEND, body=b"", trailers=BEFORE)
        self.assertEqual((dict(seen.trailers)["x-set"], answer.trailer("x-set")), ("new", "new"))

    def test_a_message_without_trailers_gets_none(self):
        seen, answer = self.exchange(TRAILERS, SEND, body=b"a body", trailers=())
        self.assertEqual((seen.trailers, answer.trailers), ([], []))

    def test_instructions_for_trailers(self):
        word = ("instructions", '{"setTrailers": {"x-set": "said"}}')
        seen, answer = self.exchange("[plugin:c]\nfile = instructions.so\n", SEND, headers=[word], body=b"a body",
                                     trailers=BEFORE)
        self.assertEqual((dict(seen.trailers)["x-set"], answer.trailer("x-set")), ("said", "said"))
