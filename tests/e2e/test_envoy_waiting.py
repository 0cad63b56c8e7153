"""A plugin that waits for an oracle, with a real Envoy: answers that come late, too late and never, clients that leave
meanwhile, and a service that stops."""
import contextlib
import os
import signal
import socket
import threading
import time
import unittest

from harness import http1
from harness.case import Case
from harness.oracle import Introspection, Oracle
from harness.places import INTROSPECT
from harness.wait import wait_until

LONG_ENOUGH = "timeout = 20s\n"


class EnvoyWaiting(Case):
    def oracle(self, delay=0.0):
        return self.enterContext(contextlib.closing(Oracle(delay)))

    def gate(self, oracle, keys=LONG_ENOUGH, before="", **config):
        return self.launch(f"{before}[plugin:gate]\nfile = gate.so\noracle = {oracle.address}\n"
                           f"question = %PATH%\n{keys}", **config).wait_ready()

    def through(self, service):
        return self.envoy(service, self.upstream(body=b"served"), {"request_body_mode": "STREAMED"}).port

    def get(self, port, path, **request):
        answer = http1.request(port, path=path, **request)
        return answer.status, answer.body

    def test_yes_and_no(self):
        oracle = self.oracle()
        service = self.start("[plugin:gate]\nfile = gate.so\nquestion = %REQ(x-ask)%\n"
                             f"oracle = {oracle.address}\n{LONG_ENOUGH}")
        port = self.through(service)
        self.assertEqual(self.get(port, "/", headers=[("x-ask", "may I")]), (200, b"served"))
        self.assertEqual(self.get(port, "/", headers=[("x-ask", "no")])[0], 403)

    def test_a_late_answer_holds_up_its_own_request_only(self):
        service = self.gate(self.oracle(delay=2))
        port = self.through(service)
        began, late = time.monotonic(), []
        slow = threading.Thread(target=lambda: late.append((self.get(port, "/slow", method="POST", body=b"x" * 100000),
                                                            time.monotonic() - began)))
        slow.start()
        for _ in range(20):
            self.assertEqual(self.get(port, "/quick"), (200, b"served"))
        self.assertEqual(late, [])
        slow.join()
        self.assertEqual(late[0][0], (200, b"served"))
        self.assertGreater(late[0][1], 2)

    def test_too_late_is_a_failure_that_the_operator_decides_about(self):
        oracle = self.oracle()
        for keys, expected in ("timeout = 100ms\n", 500), ("timeout = 100ms\non_error_status = 503\n", 503), \
                ("timeout = 100ms\non_error = continue\n", 200):
            with self.subTest(keys):
                service = self.gate(oracle, keys)
                self.assertEqual(self.get(self.through(service), "/never")[0], expected)
                service.wait_line("plugin=gate phase=request_headers: request_headers failed: the oracle has not "
                                  "answered in time")

    def test_a_client_that_leaves_is_not_waited_for(self):
        oracle = self.oracle(delay=1)
        service = self.gate(oracle, before="[plugin:access]\nfile = log.so\nto = stdout\n")
        port = self.through(service)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nhost: a.test\r\n\r\n")
            wait_until(lambda: "/slow" in oracle.asked, "the question")
        wait_until(lambda: '"end":"disconnected"' in service.log(), "the end of the transaction")
        self.assertEqual(self.get(port, "/quick"), (200, b"served"))

    def test_a_stop_waits_for_the_answer(self):
        oracle = self.oracle(delay=1)
        service = self.gate(oracle)
        port = self.through(service)
        got = []
        client = threading.Thread(target=lambda: got.append(self.get(port, "/slow")))
        client.start()
        wait_until(lambda: "/slow" in oracle.asked, "the question")
        service.send(signal.SIGTERM)
        client.join()
        self.assertEqual(got, [(200, b"served")])
        self.assertEqual(service.wait(), 0)

    def test_a_stop_ends_although_an_oracle_is_silent(self):
        oracle = self.oracle()
        service = self.gate(oracle, service="drain = 1s\n")
        with socket.create_connection(("127.0.0.1", self.through(service))) as client:
            client.sendall(b"GET /never HTTP/1.1\r\nhost: a.test\r\n\r\n")
            wait_until(lambda: "/never" in oracle.asked, "the question")
            service.send(signal.SIGTERM)
            self.assertEqual(service.wait(), 0)
        self.assertIn('streams_closed{reason="drained"}=1', service.log())

    @unittest.skipUnless(os.path.exists(INTROSPECT), "libcurl is not installed")
    def test_a_library_that_blocks_asks_a_real_server(self):
        server = self.enterContext(contextlib.closing(Introspection("good", delay=1)))
        service = self.start(f"[plugin:introspect]\nfile = {INTROSPECT}\nendpoint = {server.url}\n{LONG_ENOUGH}")
        port = self.through(service)

        def status(token):
            return self.get(port, "/", headers=[("authorization", f"Bearer {token}")])[0]

        slow = []
        thread = threading.Thread(target=lambda: slow.append(status("slow")))
        thread.start()
        self.assertEqual([status("good"), status("bad"), self.get(port, "/")[0]], [200, 401, 401])
        self.assertEqual(slow, [])
        thread.join()
        self.assertEqual(slow, [200])

    @unittest.skipUnless(os.path.exists(INTROSPECT), "libcurl is not installed")
    def test_a_server_that_is_not_there_is_a_failure(self):
        server = Introspection("good")
        server.close()
        service = self.launch(f"[plugin:introspect]\nfile = {INTROSPECT}\nendpoint = {server.url}\n{LONG_ENOUGH}").wait_ready()
        self.assertEqual(self.get(self.through(service), "/", headers=[("authorization", "Bearer good")])[0], 500)
        service.wait_line("plugin=introspect phase=request_headers: .*connect")
