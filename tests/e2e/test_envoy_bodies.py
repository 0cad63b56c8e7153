"""Bodies of every size and mode through a real Envoy, in both directions, unchanged and changed."""
import hashlib
import random

from harness import http1
from harness.case import Case
from harness.places import PROBE

SIZES = 0, 1, 64 * 1024, 1024 * 1024, 5_000_000
TEXT = random.Random(1).randbytes(5_000_000)

KEEP = f"[plugin:look]\nfile = {PROBE}\ndo = request_body: log request\ndo = response_body: log response\n"
UPPER = "[plugin:loud]\nfile = upper.so\ndirection = both\n"


def digest(data):
    return len(data), hashlib.sha256(data).hexdigest()


class Bodies(Case):
    def pass_all(self, plugins, mode, changed):
        upstream = self.upstream()
        envoy = self.envoy(self.start(plugins), upstream, {"request_body_mode": mode, "response_body_mode": mode})
        for size in SIZES:
            for chunked in False, True:
                with self.subTest(size=size, chunked=chunked):
                    self.pass_one(envoy, upstream, TEXT[:size], chunked, mode, changed)

    def pass_one(self, envoy, upstream, body, chunked, mode, changed):
        upstream.body, upstream.chunked = body, chunked
        answer = http1.request(envoy.port, "POST", body=body, chunked=chunked)
        seen = upstream.seen.pop()
        self.assertEqual(answer.status, 200)
        self.assertEqual(digest(seen.body), digest(changed(body)))
        self.assertEqual(digest(answer.body), digest(changed(body)))
        if mode == "BUFFERED" and not chunked:
            self.assertEqual(seen.get("content-length"), str(len(body)))
            self.assertEqual(answer.get("content-length"), str(len(body)))

    def test_unchanged_buffered(self):
        self.pass_all(KEEP, "BUFFERED", bytes)

    def test_unchanged_streamed(self):
        self.pass_all(KEEP, "STREAMED", bytes)

    def test_changed_buffered(self):
        self.pass_all(UPPER, "BUFFERED", bytes.upper)

    def test_changed_streamed(self):
        self.pass_all(UPPER, "STREAMED", bytes.upper)

    def test_none_passes_by(self):
        self.pass_all(KEEP, "NONE", bytes)

    def test_replaced_while_the_old_one_is_on_its_way(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start("[plugin:new]\nfile = body.so\nrequest.replace = new\n"), upstream,
                           {"request_body_mode": "STREAMED"}, send_body_without_waiting_for_header_response=True)
        for _ in range(20):
            answer = http1.request(envoy.port, "POST", body=TEXT[:1024 * 1024], chunked=True)
            self.assertEqual((answer.status, upstream.seen.pop().body), (200, b"new"))


class Lengths(Case):
    """The host owns content-length."""

    def exchange(self, plugins, mode):
        upstream = self.upstream(body=b"from the upstream")
        envoy = self.envoy(self.start(plugins), upstream, {"request_body_mode": mode, "response_body_mode": mode})
        answer = http1.request(envoy.port, "POST", body=b"from the client")
        self.assertEqual(answer.status, 200)
        return upstream.seen[0], answer

    def check(self, message, body):
        self.assertEqual(message.body, body)
        self.assertIn(message.get("content-length"), (None, str(len(body))))

    def test_a_longer_body(self):
        plugins = "[plugin:b]\nfile = body.so\nrequest.append = _and more\nresponse.prepend = more and_\n"
        for mode in "BUFFERED", "STREAMED":
            with self.subTest(mode):
                seen, answer = self.exchange(plugins, mode)
                self.check(seen, b"from the client_and more")
                self.check(answer, b"more and_from the upstream")

    def test_a_body_that_is_set_in_the_headers_phase(self):
        plugins = "[plugin:b]\nfile = body.so\nrequest.replace = instead\nresponse.clear = yes\n"
        for mode in "NONE", "BUFFERED", "STREAMED":
            with self.subTest(mode):
                seen, answer = self.exchange(plugins, mode)
                self.check(seen, b"instead")
                self.check(answer, b"")

    def test_a_request_keeps_a_length(self):
        """Some upstreams refuse a request without one (411)."""
        upstream = self.upstream()
        for plugins, body in ("request.replace = NEWBODY", b"NEWBODY"), ("request.clear = yes", b""):
            service = self.start(f"[plugin:b]\nfile = body.so\n{plugins}\n")
            for options in {}, {"send_body_without_waiting_for_header_response": True}:
                with self.subTest(plugins, **options):
                    envoy = self.envoy(service, upstream, {"request_body_mode": "BUFFERED"}, **options)
                    for size in 1, 5, 1024 * 1024:
                        self.assertEqual(http1.request(envoy.port, "POST", body=TEXT[:size]).status, 200)
                        seen = upstream.seen.pop()
                        self.assertEqual((seen.body, seen.get("content-length")), (body, str(len(body))))
                        self.assertIsNone(seen.get("transfer-encoding"))

    def test_a_new_length_for_instructions(self):
        word = ("instructions", '{"setBody": "NEWBODY"}')
        upstream = self.upstream()
        envoy = self.envoy(self.start("[plugin:c]\nfile = instructions.so\n"), upstream,
                           {"request_body_mode": "BUFFERED"})
        http1.request(envoy.port, "POST", headers=[word], body=b"hello")
        self.assertEqual((upstream.seen[0].body, upstream.seen[0].get("content-length")), (b"NEWBODY", "7"))

    def test_a_chunked_request_is_replaced_too(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start("[plugin:b]\nfile = body.so\nrequest.replace = NEWBODY\n"), upstream,
                           {"request_body_mode": "BUFFERED"})
        self.assertEqual(http1.request(envoy.port, "POST", body=b"hello", chunked=True).status, 200)
        self.assertEqual(upstream.seen[0].body, b"NEWBODY")

    def test_plugins_after_it_get_the_new_body(self):
        plugins = ("[plugin:b]\nfile = body.so\nrequest.replace = instead\n"
                   "[plugin:loud]\nfile = upper.so\ndirection = request\n")
        for mode in "NONE", "BUFFERED", "STREAMED":
            with self.subTest(mode):
                self.check(self.exchange(plugins, mode)[0], b"INSTEAD")

    def test_headers_that_follow_from_a_complete_body(self):
        plugins = (f"[plugin:p]\nfile = {PROBE}\ndo = request_body: set x-late 1\ndo = response_body: set x-late 2\n")
        seen, answer = self.exchange(plugins, "BUFFERED")
        self.assertEqual((seen.get("x-late"), answer.get("x-late")), ("1", "2"))
