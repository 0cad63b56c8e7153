"""grpc.health.v1, by which proxies ask whether a server wants work."""
import signal

import grpc

from harness.case import Case
from harness.client import NOT_SERVING, SERVICE_UNKNOWN, SERVING
from harness.messages import request_headers

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


class Health(Case):
    def test_check(self):
        client = self.client(self.start())
        self.assertEqual(client.health(), SERVING)
        self.assertEqual(client.health(SERVICE), SERVING)
        self.assertEqual(client.health("no.such.Service"), grpc.StatusCode.NOT_FOUND)

    def test_watch(self):
        client = self.client(self.start())
        self.assertEqual(next(client.watch()), SERVING)
        self.assertEqual(next(client.watch(SERVICE)), SERVING)
        self.assertEqual(next(client.watch("no.such.Service")), SERVICE_UNKNOWN)

    def test_watch_hears_of_the_drain(self):
        service = self.launch().wait_ready()
        client = self.client(service)
        watch, stream = client.watch(SERVICE), client.stream()
        self.assertEqual(next(watch), SERVING)
        stream.exchange(request_headers())
        service.send(signal.SIGTERM)
        self.assertEqual(next(watch), NOT_SERVING)
        self.assertEqual(stream.finish()[1], grpc.StatusCode.OK)
        self.assertEqual(service.wait(), 0)
