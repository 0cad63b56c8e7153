"""--print-envoy-config, pasted: a real Envoy takes it, and it is enough for the plugins to work."""
import subprocess

from harness import http1, http2
from harness.case import Case
from harness.places import ENVOY, PATIENCE

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-a: 2\n"
UPPER = "[plugin:loud]\nfile = upper.so\ndirection = both\n"
CONTROL = "[plugin:control]\nfile = instructions.so\n"
TRAILERS = "[plugin:tr]\nfile = headers.so\nrequest_trailers.set = x-t: 1\nresponse_trailers.set = x-t: 2\n"


class Printed(Case):
    def test_envoy_finds_nothing_wrong_with_it(self):
        for plugins in "", TAGS, UPPER, CONTROL, TRAILERS, TAGS + UPPER + CONTROL + TRAILERS:
            with self.subTest(plugins):
                envoy = self.printed_envoy(self.start(plugins), self.upstream())
                done = subprocess.run([ENVOY, "--mode", "validate", "-c", envoy.config], capture_output=True,
                                      text=True, timeout=PATIENCE)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(http1.request(envoy.port).status, 200)
                self.assertNotIn("deprecated", envoy.log())

    def test_headers(self):
        upstream = self.upstream()
        answer = http1.request(self.printed_envoy(self.start(TAGS), upstream).port)
        self.assertEqual((upstream.seen[0].get("x-a"), answer.get("x-a")), ("1", "2"))

    def test_bodies(self):
        upstream = self.upstream(body=b"there")
        answer = http1.request(self.printed_envoy(self.start(UPPER), upstream).port, "POST", body=b"here")
        self.assertEqual((upstream.seen[0].body, answer.body), (b"HERE", b"THERE"))

    def test_trailers_at_a_unix_socket(self):
        upstream = self.http2_upstream(trailers=[("x-t", "0")])
        envoy = self.printed_envoy(self.start(TRAILERS, address=f"unix:{self.folder}/socket"), upstream)
        answer = http2.request(envoy.port, body=b"abc", trailers=[("x-t", "0")])
        self.assertEqual((dict(upstream.seen[0].trailers), answer.trailer("x-t")), ({"x-t": "1"}, "2"))

    def test_only_what_is_needed_is_asked_for(self):
        """Of a request with a body and trailers: response headers alone make one message."""
        service = self.start("[plugin:t]\nfile = headers.so\nresponse.set = x-a: 2\n")
        envoy = self.printed_envoy(service, self.http2_upstream(trailers=[("x-t", "0")]))
        answer = http2.request(envoy.port, body=b"abc", trailers=[("x-t", "0")])
        self.assertEqual(answer.get("x-a"), "2")
        self.assertEqual(envoy.stat("ext_proc.stream_msgs_sent"), 1)
