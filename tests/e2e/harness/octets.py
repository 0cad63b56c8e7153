"""HTTP/1 as octets: for messages that no library would send, and for what comes after them."""
import contextlib
import socket

from harness.listening import Listening
from harness.places import PATIENCE

RECEIVE = 65536


def exchange(port, sent):
    """All that comes back until the connection's end."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        sock.sendall(sent)
        return b"".join(iter(lambda: sock.recv(RECEIVE), b""))


def converse(port, *steps):
    """Sends, and reads until what is expected has come, step by step: (sent, expected). All that came."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        for sent, expected in steps:
            sock.sendall(sent)
            while expected not in came:
                octets = sock.recv(RECEIVE)
                if not octets:
                    raise AssertionError(f"the connection was closed before {expected}: {came}")
                came += octets
    return came


class RawUpstream(Listening):
    """Answers every head of a request with `answer`. tunnel: after that it sends back what it gets, in capitals.
    greets: it says `answer` to every connection without waiting for a head."""

    def __init__(self, answer, tunnel=False, greets=False):
        self.answer, self.tunnel, self.greets, self.heads = answer, tunnel, greets, []
        super().__init__()

    def serve(self, sock):
        with sock, contextlib.suppress(OSError):
            if self.greets:
                sock.sendall(self.answer)
            else:
                self.serve_heads(sock)
            while octets := sock.recv(RECEIVE):
                sock.sendall(octets.upper())

    def serve_heads(self, sock):
        came = b""
        while octets := sock.recv(RECEIVE):
            came += octets
            while b"\r\n\r\n" in came:
                head, came = came.split(b"\r\n\r\n", 1)
                self.heads.append(head.decode())
                sock.sendall(self.answer)
                if self.tunnel:
                    sock.sendall(came.upper())
                    return
