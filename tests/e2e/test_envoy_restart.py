"""extprocd dies and comes back while an Envoy uses it that lets traffic pass meanwhile, and one that does not."""
import signal

from harness import http1
from harness.case import Case
from harness.wait import wait_until

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"


class Restart(Case):
    def test_killed_and_restarted_under_failure_mode_allow(self):
        upstream = self.upstream()
        first = self.launch(TAGS).wait_ready()
        envoy = self.envoy(first, upstream, failure_mode_allow=True)
        self.assertEqual(http1.request(envoy.port).get("x-b"), "2")
        self.assertEqual(first.stop(signal.SIGKILL), -signal.SIGKILL)
        for _ in range(5):
            answer = http1.request(envoy.port)
            self.assertEqual((answer.status, answer.get("x-b"), upstream.seen[-1].get("x-a")), (200, None, None))
        self.start(TAGS, address=first.address)
        wait_until(lambda: http1.request(envoy.port).get("x-b") == "2", "traffic is processed again")
        self.assertEqual(upstream.seen[-1].get("x-a"), "1")

    def test_away_without_failure_mode_allow(self):
        upstream = self.upstream()
        service = self.start(TAGS)
        envoy = self.envoy(service, upstream)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(http1.request(envoy.port).status, 500)
        self.assertEqual(upstream.seen, [])

    def test_term_while_requests_are_under_way(self):
        """The upstream has the request, the response comes after TERM, and is processed still."""
        service = self.launch(TAGS).wait_ready()

        def before(seen):
            service.send(signal.SIGTERM)
            service.wait_line("open streams may finish")
        envoy = self.envoy(service, self.upstream(before=before))
        self.assertEqual(http1.request(envoy.port).get("x-b"), "2")
        self.assertEqual(service.wait(), 0)
