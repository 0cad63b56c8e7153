"""HTTP/2 by h2, for what HTTP/1 cannot show: trailers. Bodies fit into one flow control window."""
import socket

import h2.config
import h2.connection
import h2.events

from harness.http1 import Answer
from harness.listening import Listening
from harness.places import PATIENCE
from harness.upstream import Seen

RECEIVE = 65536


def text(pairs):
    return [(name.decode(), value.decode()) for name, value in pairs]


class Message:
    """A request or a response while it comes in."""

    def __init__(self):
        self.headers, self.body, self.trailers = [], b"", []
        self.ended = self.reset = False

    def take(self, event):
        if isinstance(event, (h2.events.RequestReceived, h2.events.ResponseReceived)):
            self.headers = text(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.body += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers = text(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended = True
        elif isinstance(event, h2.events.StreamReset):
            self.ended = self.reset = True


def send(connection, stream, headers, body, trailers, empty_end=False):
    """A complete message: the last part of it that is there ends the stream, or an empty DATA frame."""
    connection.send_headers(stream, headers, end_stream=not body and not trailers and not empty_end)
    if empty_end:
        if body:
            connection.send_data(stream, body)
        connection.send_data(stream, b"", end_stream=True)
    elif body:
        connection.send_data(stream, body, end_stream=not trailers)
    if trailers:
        connection.send_headers(stream, trailers, end_stream=True)


def connect(sock, client_side):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client_side))
    connection.initiate_connection()
    sock.sendall(connection.data_to_send())
    return connection


def request(port, method="POST", path="/", headers=(), body=b"", trailers=()):
    """One request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        connection, message = connect(sock, True), Message()
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "test")]
        send(connection, 1, [*pseudo, *headers], body, trailers)
        while not message.ended:
            sock.sendall(connection.data_to_send())
            data = sock.recv(RECEIVE)
            if not data:
                raise AssertionError("the connection was closed before the response's end")
            for event in connection.receive_data(data):
                message.take(event)
    plain = [(k, v) for k, v in message.headers if not k.startswith(":")]
    status = int(dict(message.headers).get(":status", "0"))
    return Answer(status, plain, message.body, message.trailers, message.reset)


def tunnel(port, headers, sent, until):
    """CONNECT with these headers: what comes through it, with :status in front, once `sent` has gone in and
    `until` has come out."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        connection, message, asked = connect(sock, True), Message(), False
        connection.send_headers(1, [(":method", "CONNECT"), (":authority", "a.test:80"), *headers])
        while until not in message.body and not message.ended:
            sock.sendall(connection.data_to_send())
            for event in connection.receive_data(sock.recv(RECEIVE)):
                message.take(event)
            if message.headers and not asked:
                connection.send_data(1, sent)
                asked = True
    return dict(message.headers)[":status"].encode() + b" " + message.body


class Http2Upstream(Listening):
    """Answers every request with `status`, `headers`, `body`, `trailers`, and remembers what it saw.

    empty_end: an empty DATA frame ends the response. cut: called when headers and body have been sent without an
    end; then the stream is reset."""

    http2 = True

    def __init__(self, status=200, headers=(), body=b"from the upstream", trailers=(), empty_end=False, cut=None):
        self.status, self.headers, self.body, self.trailers = status, list(headers), body, list(trailers)
        self.empty_end, self.cut = empty_end, cut
        self.seen = []
        super().__init__()

    def serve(self, sock):
        connection, messages = connect(sock, False), {}
        with sock:
            while data := sock.recv(RECEIVE):
                for event in connection.receive_data(data):
                    stream = getattr(event, "stream_id", 0)
                    message = messages.setdefault(stream, Message())
                    message.take(event)
                    if isinstance(event, h2.events.StreamEnded):
                        self.answer(sock, connection, stream, message)
                sock.sendall(connection.data_to_send())

    def answer(self, sock, connection, stream, message):
        head = dict(message.headers)
        seen = Seen(head[":method"], head[":path"], message.headers, message.body)
        seen.trailers = message.trailers
        self.seen.append(seen)
        headers, body = [(":status", str(self.status)), *self.headers], self.body
        if head[":method"] == "HEAD":
            body = b""
        if self.cut:
            connection.send_headers(stream, headers)
            connection.send_data(stream, body)
            sock.sendall(connection.data_to_send())
            self.cut()
            connection.reset_stream(stream)
        else:
            send(connection, stream, headers, body, self.trailers, self.empty_end)
