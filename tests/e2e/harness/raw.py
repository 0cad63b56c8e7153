"""gRPC by hand: a client that sends every byte when the test says so, and reads only when the test asks it to."""
import contextlib
import socket

import hpack
from hyperframe.frame import (DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame,
                              WindowUpdateFrame)

from harness.client import PROCESS, encoded
from harness.places import PATIENCE
from harness.tls import TlsSocket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = [(":method", "POST"), (":scheme", "http"), (":path", PROCESS), (":authority", "test"),
        ("content-type", "application/grpc"), ("te", "trailers")]
CONNECTION_WINDOW = 1 << 30
MAX_FRAME = 16384
RECEIVE = 65536


def connect(address, receive_buffer=None):
    """A socket of the service's."""
    local = address.startswith("unix:")
    sock = socket.socket(socket.AF_UNIX if local else socket.AF_INET)
    sock.settimeout(PATIENCE)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    host, _, port = address.rpartition(":")
    sock.connect(address.removeprefix("unix:") if local else (host, int(port)))
    return sock


def framed(*messages):
    """gRPC's framing."""
    texts = [encoded(message) for message in messages]
    return b"".join(b"\0" + len(text).to_bytes(4, "big") + text for text in texts)


def data(stream, payload, end=False):
    """DATA frames, one at least."""
    starts = range(0, max(1, len(payload)), MAX_FRAME)
    frames = [DataFrame(stream.id, payload[at:at + MAX_FRAME]) for at in starts]
    if end:
        frames[-1].flags.add("END_STREAM")
    return b"".join(frame.serialize() for frame in frames)


def frame(kind, flags, stream, payload):
    """Any frame, a wrong one too."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    """A header as HPACK writes one that is not indexed."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


# Of HEAD, the same in every stream and connection.
HEAD_BLOCK = b"".join(literal(name.encode(), value.encode()) for name, value in HEAD)


class RawStream:
    """What came back in one stream."""

    def __init__(self, number):
        self.id, self.received, self.headers, self.reset = number, b"", {}, None

    @property
    def n_answers(self):
        n, at = 0, 0
        while at + 5 <= len(self.received):
            at += 5 + int.from_bytes(self.received[at + 1:at + 5], "big")
            n += at <= len(self.received)
        return n

    @property
    def status(self):
        """gRPC's; None: none has come."""
        return self.headers.get("grpc-status")


class RawClient:
    """One connection. window: what a stream may send us before we have read it."""

    def __init__(self, address, tls=None, window=65535, receive_buffer=None):
        self.socket = connect(address, receive_buffer)
        self.channel = TlsSocket(self.socket, tls) if tls else self.socket
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.unread, self.streams, self.goaways = b"", {}, []
        settings = SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: window})
        self.send(PREFACE + settings.serialize() + WindowUpdateFrame(0, CONNECTION_WINDOW).serialize())

    def close(self):
        self.socket.close()

    # ---- out ---------------------------------------------------------------------------------------

    def send(self, octets):
        self.channel.sendall(octets)

    def half_close(self):
        """The connection: nothing more comes from us."""
        self.socket.shutdown(socket.SHUT_WR)

    def head(self):
        """A new stream, and the HEADERS frame that opens it."""
        stream = RawStream(2 * len(self.streams) + 1)
        self.streams[stream.id] = stream
        return stream, HeadersFrame(stream.id, self.encoder.encode(HEAD), flags=["END_HEADERS"]).serialize()

    def open(self, *messages, end=False):
        """A stream, with its first messages."""
        stream, head = self.head()
        self.send(head + (data(stream, framed(*messages), end) if messages else b""))
        return stream

    # ---- in ----------------------------------------------------------------------------------------

    def read(self, size=RECEIVE):
        """Reads some of what comes, in its time. False: the connection has ended."""
        try:
            octets = self.channel.recv(size)
        except ConnectionResetError:
            octets = b""
        self.unread += octets
        while frame := self.next_frame():
            self.take(frame)
        return bool(octets)

    def next_frame(self):
        if len(self.unread) < 9:
            return None
        frame, length = Frame.parse_frame_header(memoryview(self.unread[:9]))
        if len(self.unread) < 9 + length:
            return None
        frame.parse_body(memoryview(self.unread[9:9 + length]))
        self.unread = self.unread[9 + length:]
        return frame

    def take(self, frame):
        stream = self.streams.get(frame.stream_id)
        if isinstance(frame, HeadersFrame):
            stream.headers.update(self.decoder.decode(frame.data))
        elif isinstance(frame, DataFrame):
            stream.received += frame.data
            if frame.data:
                self.reply(WindowUpdateFrame(stream.id, len(frame.data)))
        elif isinstance(frame, RstStreamFrame):
            stream.reset = frame.error_code
        elif isinstance(frame, GoAwayFrame):
            self.goaways.append((frame.last_stream_id, frame.error_code))
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.reply(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.reply(SettingsFrame(0, flags=["ACK"]))

    def reply(self, frame):
        """Where the connection, or our side of it, has ended, what came before is still to be read."""
        with contextlib.suppress(OSError):
            self.send(frame.serialize())

    def read_until(self, condition, size=RECEIVE):
        """Reads until it holds. The connection's end is an error of the test's."""
        while not condition():
            if not self.read(size):
                raise AssertionError("the connection has ended")

    def read_to_end(self):
        while self.read():
            pass
