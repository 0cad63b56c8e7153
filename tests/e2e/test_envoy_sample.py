"""Solo's ext_proc sample, its demonstration unchanged: a header that says what to do."""
import json

from harness import http1, http2
from harness.case import Case

CONTROL = "[plugin:control]\nfile = instructions.so\n"
WORDS = {"addHeaders": {"x-new": "1", "x-old": "changed"}, "removeHeaders": ["x-gone"], "setBody": "a new body"}
BEFORE = [("x-old", "0"), ("x-gone", "0"), ("content-type", "application/json")]


class Sample(Case):
    def check(self, message, body):
        self.assertEqual([message.get(n) for n in ("x-new", "x-old", "x-gone")], ["1", "changed", None])
        self.assertEqual((message.body, message.get("content-type")), (body, "text/plain"))
        self.assertIn(message.get("content-length"), (None, str(len(body))))
        self.assertEqual(json.loads(message.get("instructions")), WORDS)

    def exchange(self, upstream, **request):
        envoy = self.printed_envoy(self.start(CONTROL), upstream)
        return http1.request(envoy.port, "POST", body=b"the old body", **request)

    def test_on_a_request(self):
        upstream = self.upstream(headers=[("x-gone", "0")])
        answer = self.exchange(upstream, headers=[*BEFORE, ("instructions", json.dumps(WORDS))])
        self.check(upstream.seen[0], b"a new body")
        self.assertEqual((answer.get("x-new"), answer.get("x-gone"), answer.body), (None, "0", upstream.body))

    def test_on_a_response(self):
        upstream = self.upstream(headers=[*BEFORE, ("instructions", json.dumps(WORDS))], body=b"the old body")
        answer = self.exchange(upstream)
        self.check(answer, b"a new body")
        self.assertEqual((upstream.seen[0].get("x-new"), upstream.seen[0].body), (None, b"the old body"))

    def test_on_both_and_with_trailers(self):
        word = ("instructions", json.dumps({"addHeaders": {"x-new": "1"}, "setTrailers": {"x-t": "new"}}))
        upstream = self.http2_upstream(headers=[word], trailers=[("x-t", "old")])
        envoy = self.printed_envoy(self.start(CONTROL), upstream)
        answer = http2.request(envoy.port, headers=[word], body=b"abc", trailers=[("x-t", "old")])
        for message in upstream.seen[0], answer:
            self.assertEqual((message.get("x-new"), dict(message.trailers)), ("1", {"x-t": "new"}))

    def test_a_request_without_a_body_gets_one(self):
        upstream = self.upstream()
        envoy = self.printed_envoy(self.start(CONTROL), upstream)
        http1.request(envoy.port, headers=[("instructions", '{"setBody": "here"}')])
        self.assertEqual(upstream.seen[0].body, b"here")

    def test_no_json(self):
        upstream = self.upstream()
        envoy = self.printed_envoy(self.start(CONTROL), upstream)
        for words in "no JSON", "null", "[]", '{"addHeaders": 1}', '{"setBody": {}}':
            with self.subTest(words):
                self.assertEqual(http1.request(envoy.port, headers=[("instructions", words)]).status, 400)
        self.assertEqual(upstream.seen, [])
