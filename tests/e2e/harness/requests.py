"""HTTP clients that are at work all the time, through Envoy, and count what they get."""
import collections
import socket
import threading

from harness.places import PATIENCE

CONNECTIONS = 8
# Envoy answers these itself, when its filters have had them: no upstream is a part of what is measured.
REQUEST, GOOD = b"GET /load HTTP/1.1\r\nhost: test\r\nx-route: other\r\n\r\n", 299


class Requests:
    """Requests, one after the other on every connection, until stop(): `counts` has how many got which status."""

    def __init__(self, port):
        self.port, self.counts, self.lock, self.stopped = port, collections.Counter(), threading.Lock(), False
        self.threads = [threading.Thread(target=self.work) for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def work(self):
        counts = collections.Counter()
        while not self.stopped:
            try:
                with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
                    while not self.stopped:
                        counts[exchange(sock)] += 1
                        self.add(counts)
            except OSError as e:
                counts[type(e).__name__] += 1
        self.add(counts)

    def add(self, counts):
        """Adds what a thread has counted."""
        with self.lock:
            self.counts += counts
        counts.clear()

    def total(self):
        with self.lock:
            return sum(self.counts.values())

    def stop(self):
        """Those that did not get what is right: {status: how many}."""
        self.stopped = True
        for thread in self.threads:
            thread.join(2 * PATIENCE)
        return {status: n for status, n in self.counts.items() if status != GOOD}


def exchange(sock):
    """The status of one request."""
    sock.sendall(REQUEST)
    octets = b""
    while b"\r\n\r\n" not in octets:
        more = sock.recv(65536)
        if not more:
            raise ConnectionResetError("in an answer")
        octets += more
    head, _, body = octets.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                   if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += sock.recv(65536)
    return int(head.split(b" ", 2)[1])
