"""Plugins whose section says `blocking = yes`, with a real Envoy: what blocks is their own transaction."""
import concurrent.futures
import signal
import threading

from harness import http1
from harness.case import Case
from harness.client import SERVING
from harness.places import BLOCKER, PROBE

MODE = {"request_body_mode": "STREAMED"}
N_CLIENTS = 40


def blocks(ms, keys="timeout = 20s"):
    """It says when it begins, blocks, and sets a field when it has returned."""
    return (f"[plugin:slow]\nfile = {PROBE}\nblocking = yes\n{keys}\ndo = request_headers: log begun\n"
            f"do = request_headers: block {ms}\ndo = request_headers: set x-done 1\n")


def never_returns(keys=""):
    return f"[plugin:stuck]\nfile = {BLOCKER}\nblocking = yes\nwhere = request_headers\n{keys}\n"


class Blocking(Case):
    def through(self, service):
        self.seen = self.upstream(body=b"served")
        return self.envoy(service, self.seen, MODE)

    def get(self, envoy, path="/", **request):
        answer = http1.request(envoy.port, path=path, **request)
        return answer.status, answer.body

    def test_many_at_a_time(self):
        service = self.start(blocks(50), service="pool_threads = 8\n")
        envoy = self.through(service)
        with concurrent.futures.ThreadPoolExecutor(N_CLIENTS) as clients:
            answers = list(clients.map(lambda n: self.get(envoy, f"/{n}", method="POST", body=b"x" * 1000),
                                       range(N_CLIENTS)))
        self.assertEqual(answers, [(200, b"served")] * N_CLIENTS)
        self.assertEqual([request.get("x-done") for request in self.seen.seen], ["1"] * N_CLIENTS)

    def test_neighbours_are_served_meanwhile(self):
        """It never returns, and its section allows it any time: all others are served."""
        service = self.launch(never_returns("timeout = 0s\nwhen.path = /stuck")).wait_ready()
        envoy = self.through(service)
        stuck = threading.Thread(target=lambda: self.get(envoy, "/stuck"))
        self.addCleanup(stuck.join)
        self.addCleanup(service.kill)
        stuck.start()
        service.wait_line(r"plugin=stuck.* in 1$")
        self.assertEqual([self.get(envoy, "/quick") for _ in range(20)], [(200, b"served")] * 20)
        self.assertEqual(self.client(service).health(), SERVING)
        self.assertTrue(stuck.is_alive())

    def test_too_late_is_a_failure(self):
        """It never returns, so nothing can wait for that."""
        for keys, expected in ("", 500), ("on_error_status = 503", 503), ("on_error = continue", 200):
            with self.subTest(keys):
                service = self.launch(never_returns(f"timeout = 100ms\n{keys}")).wait_ready()
                envoy = self.through(service)
                self.assertEqual(self.get(envoy, "/x")[0], expected)
                transaction = envoy.access_id("/x") or r"\S+"
                service.wait_line(rf" error .*transaction={transaction} .*plugin=stuck phase=request_headers: "
                                  r"has not returned within 100 ms \(timeout\)")
                self.assertEqual(self.client(service).health(), SERVING)

    def test_one_that_is_too_late_changes_nothing(self):
        service = self.launch(blocks(1000, "timeout = 100ms\non_error = continue")).wait_ready()
        self.assertEqual(self.get(self.through(service), "/x"), (200, b"served"))
        self.assertEqual(self.seen.seen[0].get("x-done"), None)
        self.assertEqual(service.stop(), 0)
        self.assertTrue(service.lines('plugin="slow",phase="request_headers",reason="timeout"}=1'))

    def test_a_stop_waits_for_it(self):
        service = self.start(blocks(1000))
        envoy, got = self.through(service), []
        client = threading.Thread(target=lambda: got.append(self.get(envoy)))
        client.start()
        service.wait_line("plugin=slow.* begun")
        service.send(signal.SIGTERM)
        client.join()
        self.assertEqual(got, [(200, b"served")])
        self.assertEqual(service.wait(), 0)

    def test_a_stop_does_not_wait_for_one_that_never_returns(self):
        service = self.launch(never_returns("timeout = 100ms")).wait_ready()
        self.assertEqual(self.get(self.through(service))[0], 500)
        service.send(signal.SIGTERM)
        service.wait_line("plugin=stuck.*has not returned within .*the service stops without fini")
        self.assertEqual(service.wait(), 0)
