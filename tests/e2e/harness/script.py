"""HTTP/1 byte by byte: an upstream and a client that stop wherever a test wants."""
import socket
import threading

from harness.listening import Listening
from harness.places import PATIENCE

RECEIVE = 65536


class ScriptedOrigin(Listening):
    """Sends the same bytes to every request whose head has come, waits for `go`, and closes the connection."""

    def __init__(self, answer=b""):
        self.answer, self.asked, self.go = answer, threading.Event(), threading.Event()
        super().__init__()

    def close(self):
        self.go.set()
        super().close()

    def serve(self, sock):
        head = b""
        with sock:
            while b"\r\n\r\n" not in head:
                data = sock.recv(RECEIVE)
                if not data:
                    return
                head += data
            sock.sendall(self.answer)
            self.asked.set()
            self.go.wait(PATIENCE)


def converse(port, request, until=None):
    """What a client gets that sends these bytes: up to `until`, where it leaves, or up to the end."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        sock.sendall(request)
        while until is None or until not in got:
            data = sock.recv(RECEIVE)
            if not data:
                break
            got += data
    return got
