"""Headers that describe a body's bytes, through a real Envoy: none of the old ones goes before new bytes."""
import gzip

from harness import http1, http2
from harness.case import Case

TEXT = b"text of an upstream, " * 20
GZIP = gzip.compress(TEXT)
MODES = "NONE", "STREAMED", "BUFFERED"

DIGESTS = [("content-md5", "YQ=="), ("digest", "md5=YQ=="), ("content-digest", "sha-256=:YQ==:"),
           ("repr-digest", "sha-256=:YQ==:")]
OF_BYTES = [*DIGESTS, ("accept-ranges", "bytes"), ("etag", '"v1"'), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")]
ENCODED = [("content-encoding", "gzip"), ("content-type", "text/plain"), *OF_BYTES]
PLAIN = [("content-type", "text/plain"), *OF_BYTES]
RANGE = [("content-range", "bytes 0-9/1000"), *PLAIN]

SET = ("instructions", '{"setBody": "NEW"}')
REPLACE = "[plugin:b]\nfile = body.so\nrequest.replace = NEW\nresponse.replace = NEW\n"
CLEAR = "[plugin:b]\nfile = body.so\nrequest.clear = yes\nresponse.clear = yes\n"
APPEND = "[plugin:b]\nfile = body.so\nrequest.append = +\nresponse.append = +\n"
PREPEND = "[plugin:b]\nfile = body.so\nrequest.prepend = +\nresponse.prepend = +\n"
UPPER = "[plugin:u]\nfile = upper.so\ndirection = both\n"
CONTROL = "[plugin:c]\nfile = instructions.so\n"
EDITS = (APPEND, lambda body: body + b"+"), (PREPEND, lambda body: b"+" + body), (UPPER, bytes.upper)


class Described(Case):
    def each_mode(self, plugins, upstream):
        service = self.start(plugins)
        for mode in MODES:
            with self.subTest(plugins, mode=mode):
                yield mode, self.envoy(service, upstream, {"request_body_mode": mode, "response_body_mode": mode})

    def post(self, envoy, upstream, headers, body):
        """What the upstream saw of a request with this body, and the response."""
        answer = http1.request(envoy.port, "POST", headers=headers, body=body)
        return upstream.seen.pop(), answer

    def expect_changed(self, message, response):
        """Nothing of the old bytes is left, but an entity tag that claims nothing of bytes."""
        for name, _ in DIGESTS:
            self.assertIsNone(message.get(name), name)
        if response:
            self.assertIsNone(message.get("accept-ranges"))
            self.assertEqual(message.get("etag"), 'W/"v1"')
            self.assertEqual(message.get("last-modified"), dict(OF_BYTES)["last-modified"])

    def expect_as_it_was(self, message, headers, body):
        self.assertEqual(message.body, body)
        for name, value in headers:
            self.assertEqual(message.get(name), value)

    # ---- other bytes -------------------------------------------------------------------------------

    def check_replaced(self, plugins, new, headers=()):
        upstream = self.upstream(headers=[*ENCODED, *headers], body=GZIP)
        for _, envoy in self.each_mode(plugins, upstream):
            seen, answer = self.post(envoy, upstream, [*ENCODED, *headers], GZIP)
            for message in seen, answer:
                self.assertEqual(message.body, new)
                self.assertIsNone(message.get("content-encoding"))
                self.expect_changed(message, message is answer)

    def test_an_encoded_body_is_replaced(self):
        self.check_replaced(REPLACE, b"NEW")

    def test_an_encoded_body_is_cleared(self):
        self.check_replaced(CLEAR, b"")

    def test_an_encoded_body_is_replaced_by_instructions_that_may(self):
        self.check_replaced(CONTROL + "encoded = replace\n", b"NEW", [SET])

    def test_an_error_is_replaced(self):
        upstream = self.upstream(status=502, headers=ENCODED, body=GZIP)
        for _, envoy in self.each_mode(REPLACE, upstream):
            answer = http1.request(envoy.port)
            self.assertEqual((answer.status, answer.body, answer.get("content-encoding")), (502, b"NEW", None))

    def test_a_part_is_replaced_by_a_complete_body(self):
        upstream = self.upstream(status=206, headers=RANGE, body=TEXT[:10])
        for _, envoy in self.each_mode(REPLACE, upstream):
            seen, answer = self.post(envoy, upstream, RANGE, TEXT[:10])
            self.assertEqual((answer.status, answer.body, seen.body), (200, b"NEW", b"NEW"))
            self.assertEqual((answer.get("content-range"), seen.get("content-range")), (None, None))
            self.expect_changed(answer, response=True)

    def test_parts_are_replaced_by_a_complete_body(self):
        parts = [("content-type", "multipart/byteranges; boundary=a")]
        upstream = self.upstream(status=206, headers=parts, body=b"--a\r\n\r\n--a--")
        for _, envoy in self.each_mode(REPLACE, upstream):
            answer = http1.request(envoy.port)
            self.assertEqual((answer.status, answer.body, answer.get("content-type")), (200, b"NEW", None))

    def test_where_the_request_is_not_shown(self):
        upstream = self.upstream(headers=ENCODED, body=GZIP)
        service = self.start(REPLACE)
        for mode in "STREAMED", "BUFFERED":
            with self.subTest(mode):
                answer = http1.request(self.envoy(service, upstream, {"request_header_mode": "SKIP",
                                                                      "response_body_mode": mode}).port)
                self.assertEqual((answer.body, answer.get("content-encoding")), (b"NEW", None))
                self.expect_changed(answer, response=True)

    # ---- a part of the bytes -----------------------------------------------------------------------

    def test_a_plain_body_is_edited(self):
        upstream = self.upstream(headers=PLAIN, body=TEXT)
        for plugins, changed in EDITS:
            for mode, envoy in self.each_mode(plugins, upstream):
                seen, answer = self.post(envoy, upstream, PLAIN, TEXT)
                if mode == "NONE":
                    self.expect_as_it_was(seen, PLAIN, TEXT)
                    self.expect_as_it_was(answer, PLAIN, TEXT)
                    continue
                for message in seen, answer:
                    self.assertEqual(message.body, changed(TEXT))
                    self.expect_changed(message, message is answer)

    def test_an_encoded_body_is_left(self):
        upstream = self.upstream(headers=[*ENCODED, SET], body=GZIP)
        for plugins in [plugins for plugins, _ in EDITS] + [CONTROL]:
            for mode, envoy in self.each_mode(plugins, upstream):
                seen, answer = self.post(envoy, upstream, [*ENCODED, SET], GZIP)
                self.expect_as_it_was(seen, ENCODED, GZIP)
                self.expect_as_it_was(answer, ENCODED, GZIP)
                self.assertEqual(gzip.decompress(answer.body), TEXT)

    def test_a_part_is_left(self):
        upstream = self.upstream(status=206, headers=[*RANGE, SET], body=TEXT[:10])
        for plugins in [plugins for plugins, _ in EDITS] + [CONTROL]:
            for mode, envoy in self.each_mode(plugins, upstream):
                seen, answer = self.post(envoy, upstream, [*RANGE, SET], TEXT[:10])
                self.assertEqual(answer.status, 206)
                self.expect_as_it_was(seen, RANGE, TEXT[:10])
                self.expect_as_it_was(answer, RANGE, TEXT[:10])

    def test_the_log_says_why(self):
        service = self.start(APPEND + CONTROL)
        upstream = self.upstream(headers=[*ENCODED, SET], body=GZIP)
        http1.request(self.envoy(service, upstream, {"response_body_mode": "STREAMED"}).port)
        service.wait_line("plugin=b .*: response body not changed: it is encoded")
        service.wait_line("plugin=c .*: setBody: response body not changed: it is encoded")

    def test_a_key_makes_it_fail(self):
        service = self.launch(APPEND + "encoded = fail\n").wait_ready()
        upstream = self.upstream(headers=ENCODED, body=GZIP)
        for mode in "STREAMED", "BUFFERED":
            with self.subTest(mode):
                envoy = self.envoy(service, upstream, {"request_body_mode": mode, "response_body_mode": mode})
                self.assertEqual(http1.request(envoy.port, path="/a").status, 500)
                self.assertEqual(envoy.access("/a"), ["500", "extprocd.b.error"])

    # ---- no bytes ----------------------------------------------------------------------------------

    def test_head_has_the_headers_of_get(self):
        upstream = self.upstream(headers=PLAIN, body=TEXT)
        for plugins in REPLACE, CLEAR, APPEND, PREPEND, UPPER:
            for mode, envoy in self.each_mode(plugins, upstream):
                head, get = http1.request(envoy.port, "HEAD"), http1.request(envoy.port, "GET")
                self.assertIn(head.get("content-length"), (None, str(len(get.body))))
                for name in "content-encoding", "etag", "accept-ranges", "repr-digest", "last-modified":
                    self.assertEqual(head.get(name), get.get(name), name)

    def test_head_of_an_encoded_body(self):
        upstream = self.upstream(headers=ENCODED, body=GZIP)
        for plugins, encoding in (REPLACE, None), (APPEND, "gzip"):
            for mode, envoy in self.each_mode(plugins, upstream):
                answer = http1.request(envoy.port, "HEAD")
                self.assertEqual(answer.get("content-encoding"), encoding)
                if encoding:
                    self.expect_as_it_was(answer, ENCODED, b"")

    def test_a_304_validates_what_was_sent_with_200(self):
        upstream = self.raw_upstream(b'HTTP/1.1 304 Not Modified\r\netag: "v1"\r\ncontent-length: 9\r\n\r\n')
        for plugins in REPLACE, APPEND:
            for mode, envoy in self.each_mode(plugins, upstream):
                answer = http1.request(envoy.port)
                weak = plugins == REPLACE or mode != "NONE"
                self.assertEqual((answer.status, answer.get("etag")), (304, 'W/"v1"' if weak else '"v1"'))

    # ---- trailers ----------------------------------------------------------------------------------

    def test_a_digest_in_trailers(self):
        trailers = [("repr-digest", "sha-256=:YQ==:"), ("x-end", "1")]
        upstream = self.http2_upstream(body=b"a body", trailers=trailers)
        service = self.start(UPPER)
        for mode in "STREAMED", "BUFFERED":
            with self.subTest(mode):
                envoy = self.envoy(service, upstream, {"request_trailer_mode": "SEND", "response_trailer_mode": "SEND",
                                                       "request_body_mode": mode, "response_body_mode": mode})
                answer = http2.request(envoy.port, body=b"a body", trailers=trailers)
                seen = upstream.seen.pop()
                self.assertEqual((seen.body, answer.body), (b"A BODY", b"A BODY"))
                self.assertEqual((seen.trailers, answer.trailers), ([("x-end", "1")], [("x-end", "1")]))
