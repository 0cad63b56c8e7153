"""Plugins whose mode is shadow, with a real Envoy: the traffic is what it is without them, byte for byte."""
import json
import re

from harness import http1
from harness.case import Case
from harness.wait import wait_until

SHADOW = """
[plugin:edits]
file = headers.so
mode = shadow
request.set = x-new: secret
request.remove = x-old
response.set = x-new: secret
request_trailers.set = x-t: 1
[plugin:deny]
file = respond.so
mode = shadow
status = 403
when.path = /b
[plugin:text]
file = body.so
mode = shadow
request.replace = other
response.append = more
"""
NOOP = "[plugin:n]\nfile = noop.so\n"
MODES = [{}, {"request_body_mode": "STREAMED", "response_body_mode": "STREAMED"},
         {"request_body_mode": "BUFFERED", "response_body_mode": "BUFFERED"}]
REQUESTS = [("GET", "/a", None, False), ("POST", "/b", b"x" * 100_000, False), ("POST", "/c?q=1", b"abc", True)]
VOLATILE = ("x-request-id", "date", "x-envoy-upstream-service-time", "host", "x-envoy-expected-rq-timeout-ms")


def steady(headers):
    return [(name, value) for name, value in headers if name not in VOLATILE]


class Shadow(Case):
    def traffic(self, plugins, mode):
        """What the upstream and the client got, but for what differs from run to run."""
        upstream = self.upstream(headers=[("x-up", "1"), ("x-old", "2")], body=b"from the upstream" * 1000)
        service = self.start(plugins)
        envoy = self.envoy(service, upstream, mode)
        seen = []
        for method, path, body, chunked in REQUESTS:
            answer = http1.request(envoy.port, method, path, [("x-old", "1"), ("host", "test")], body, chunked)
            seen.append((answer.status, steady(answer.headers), answer.body))
        return service, seen, [(s.method, s.path, steady(s.headers), s.body) for s in upstream.seen]

    def test_the_traffic_is_the_same_byte_for_byte(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                _, *without = self.traffic(NOOP, mode)
                service, *beside = self.traffic(SHADOW, mode)
                self.assertEqual(beside, without)
                self.assertEqual(len(without[1]), len(REQUESTS))
                self.check_lines(service)

    def lines(self, service):
        """[(plugin, line)] of what each would have done."""
        return [(m.group(1), json.loads(m.group(2)))
                for m in re.finditer(r"plugin=(\w+): shadow (\{.*\})", service.log())]

    def check_lines(self, service):
        """A stream, and with it a line, may end after its answer."""
        wait_until(lambda: [plugin for plugin, _ in self.lines(service)].count("edits") == len(REQUESTS), "the lines")
        lines = self.lines(service)
        done = {(plugin, what["would"], what.get("header"), what.get("status")) for plugin, line in lines
                for what in line["would"]}
        self.assertIn(("edits", "set", "x-new", None), done)
        self.assertIn(("edits", "remove", "x-old", None), done)
        self.assertIn(("deny", "respond", None, 403), done)
        self.assertEqual([plugin for plugin, _ in lines].count("deny"), 1)
        self.assertNotIn("secret", service.log())
