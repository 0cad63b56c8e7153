"""Peers by the byte: they follow HTTP/2 only as far as an attack needs it."""
import socket

from harness.client import encoded
from harness.raw import HEAD_BLOCK, PREFACE, connect, frame, framed

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
ENHANCE_YOUR_CALM = 11
WIDE = (1 << 30).to_bytes(4, "big")
RECEIVE = 65536
MAX_FRAME = 16384


def settings(window=65535):
    return frame(SETTINGS, 0, 0, b"\0\4" + window.to_bytes(4, "big"))


def beginning(window=65535, wide=True):
    """The preface, and how much a stream may send us; wide: all of them together, anything."""
    return PREFACE + settings(window) + (frame(WINDOW_UPDATE, 0, 0, WIDE) if wide else b"")


def head(stream, block=HEAD_BLOCK, end=False):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)


def data(stream, payload, end=False):
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def call(stream, *messages, end=False):
    """A stream with its messages, in one frame."""
    return head(stream) + data(stream, framed(*map(encoded, messages)), end)


def streams(n):
    """The ids of a client's first n streams."""
    return range(1, 2 * n, 2)


class Peer:
    """A connection. What comes back is thrown away, but for the last of it."""

    KEPT = 4096

    def __init__(self, test, address, octets=b"", receive_buffer=None):
        self.socket = connect(address, receive_buffer)
        test.addCleanup(self.socket.close)
        self.socket.setblocking(False)
        self.last, self.ended, self.n_sent, self.n_heard, self.rest = b"", False, 0, 0, b""
        self.send(octets)

    def send(self, octets):
        """As much as the socket takes, and the rest with what comes next. False: not all."""
        self.rest += octets
        try:
            while self.rest:
                n = self.socket.send(self.rest)
                self.n_sent += n
                self.rest = self.rest[n:]
        except BlockingIOError:
            return False
        except OSError:
            self.ended = True
        return True

    def is_closed(self):
        """By the service: reads what there is."""
        try:
            while octets := self.socket.recv(RECEIVE):
                self.n_heard += len(octets)
                self.heard(octets)
            self.ended = True
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        return self.ended

    def heard(self, octets):
        self.last = (self.last + octets)[-self.KEPT:]

    def goaway(self, code):
        """Has it been said, last of all?"""
        self.is_closed()
        return code.to_bytes(4, "big") in self.last[-64:] and b"\x07\0\0\0\0\0" in self.last[-64:]

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)


class Sender(Peer):
    """A peer that sends bodies as fast as the service's windows let it."""

    def __init__(self, test, address, octets=b"", **options):
        self.unread, self.window, self.initial, self.windows, self.bodies, self.n_received = b"", 65535, 65535, {}, {}, {}
        super().__init__(test, address, octets, **options)

    def put(self, stream, octets):
        """All that is to be sent in a stream that has been opened."""
        self.bodies[stream] = memoryview(octets)

    def heard(self, octets):
        self.unread += octets
        while len(self.unread) >= 9:
            length = int.from_bytes(self.unread[:3], "big")
            if len(self.unread) < 9 + length:
                break
            kind, flags, stream = self.unread[3], self.unread[4], int.from_bytes(self.unread[5:9], "big")
            self.take(kind, flags, stream, self.unread[9:9 + length])
            self.unread = self.unread[9 + length:]

    def take(self, kind, flags, stream, payload):
        if kind == WINDOW_UPDATE:
            n = int.from_bytes(payload, "big")
            if stream:
                self.windows[stream] = self.windows.get(stream, 0) + n
            else:
                self.window += n
        elif kind == DATA:
            self.n_received[stream] = self.n_received.get(stream, 0) + len(payload)
        elif kind == SETTINGS and not flags & 1:
            pairs = {payload[i:i + 2]: int.from_bytes(payload[i + 2:i + 6], "big") for i in range(0, len(payload), 6)}
            self.initial = pairs.get(b"\0\4", self.initial)
            self.send(frame(SETTINGS, 1, 0, b""))

    def pump(self):
        """Hears what there is, and sends what may be sent. True: some was."""
        self.is_closed()
        progress = False
        for stream, octets in self.bodies.items():
            room = self.initial + self.windows.get(stream, 0)
            n = min(len(octets), room, self.window, MAX_FRAME)
            if n <= 0 or self.rest or self.ended:
                continue
            self.windows[stream] = self.windows.get(stream, 0) - n
            self.window -= n
            self.send(data(stream, bytes(octets[:n])))
            self.bodies[stream] = octets[n:]
            progress = True
        return progress or bool(self.rest and self.send(b""))
