"""A long body costs only as much memory as a short one."""
import pathlib
import re
import threading
import time
import unittest

import grpc

from harness.case import Case
from harness.messages import common, modes, request_body, request_headers
from harness.places import SANITIZED
from harness.wait import wait_until

MIB = 1024 * 1024
LIMIT = 300  # seconds; it takes ten on a machine that has nothing else to do
CHUNK = b"some text \n" * 23831  # 256 KiB


@unittest.skipIf(SANITIZED, "sanitizers keep memory of their own")
class Memory(Case):
    def peak(self, service):
        """Bytes of the resident set's high-water mark."""
        status = pathlib.Path(f"/proc/{service.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024

    def pass_through(self, client, size):
        """Sends a STREAMED request body, a few chunks ahead of the answers, and looks at every answer."""
        n = size // len(CHUNK)
        stream, ahead, wanted = client.stream(limit=LIMIT), threading.Semaphore(4), CHUNK.upper()
        stream.exchange(request_headers(protocol_config=modes("STREAMED")))
        message, last = (request_body(CHUNK, end).SerializeToString() for end in (False, True))

        def feed():
            for i in range(n):
                ahead.acquire()
                stream.send(last if i == n - 1 else message)
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        for _ in range(n):
            self.assertTrue(common(stream.receive()).body_mutation.body == wanted)
            ahead.release()
        feeder.join()
        stream.finish()

    def test_a_gibibyte_through_upper(self):
        service = self.start("[plugin:loud]\nfile = upper.so\ndirection = request\n")
        client = self.client(service)
        self.pass_through(client, 4 * MIB)
        before = self.peak(service)
        self.pass_through(client, 1024 * MIB)
        self.assertLess(self.peak(service) - before, 4 * MIB)

    def test_a_client_that_takes_no_answers(self):
        """It is not read from before it has taken them: what it sends does not pile up here."""
        n = 256  # 64 MiB
        service = self.start("[plugin:loud]\nfile = upper.so\ndirection = request\n")
        stream = self.client(service).stream(limit=LIMIT)
        stream.exchange(request_headers(protocol_config=modes("STREAMED")))
        before = self.peak(service)
        stream.send(*[request_body(CHUNK, end=False).SerializeToString()] * n)
        wait_until(Standstill(stream.out.qsize), "the client can send no more")
        self.assertGreater(stream.out.qsize(), n // 2)
        self.assertLess(self.peak(service) - before, 16 * MIB)
        for _ in range(n):
            stream.receive()
        self.assertEqual(stream.finish()[1], grpc.StatusCode.OK)


class Standstill:
    """True when a figure has stayed as it is for a second."""

    def __init__(self, look):
        self.look, self.last, self.since = look, None, 0.0

    def __call__(self):
        now = self.look()
        if now != self.last:
            self.last, self.since = now, time.monotonic()
        return time.monotonic() - self.since > 1
