"""Clients that are at work all the time."""
import threading

import grpc

from harness.messages import request_headers, response_headers
from harness.places import PATIENCE

STREAMS = 8  # of one connection, at a time
BEGUN = 200


class Load:
    """Complete streams, one after another, until one does not end with OK: `ends` has the result of each."""

    def __init__(self, clients):
        self.ends, self.begun = [], threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(client,)) for client in clients
                        for _ in range(STREAMS)]
        for thread in self.threads:
            thread.start()
        assert self.begun.wait(2 * PATIENCE), self.ends

    def work(self, client):
        while not self.ends or self.ends[-1][1] == grpc.StatusCode.OK:
            stream = client.stream()
            stream.send(request_headers(), response_headers())
            self.ends.append(stream.finish())
            if len(self.ends) > BEGUN:
                self.begun.set()

    def join(self):
        for thread in self.threads:
            thread.join(2 * PATIENCE)

    def count(self, n_answers, code):
        return len([1 for answers, got, _ in self.ends if (len(answers), got) == (n_answers, code)])

    def others(self, *expected):
        """Those that ended otherwise than with (number of answers, code)."""
        return [(len(answers), code, details) for answers, code, details in self.ends
                if (len(answers), code) not in expected]
