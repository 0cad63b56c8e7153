"""An HTTP/1 client that reports everything it got."""
import http.client

from harness.places import PATIENCE


class Answer:
    """A response as it arrived. `cut`: it ended before its end."""

    def __init__(self, status, headers, body, trailers=(), cut=False):
        self.status, self.headers, self.body = status, list(headers), body
        self.trailers, self.cut = list(trailers), cut

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name):
        """The one value, or None; several are an error of the test's."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None

    def trailer(self, name):
        return dict(self.trailers).get(name)


def request(port, method="GET", path="/", headers=(), body=None, chunked=False, on_headers=None):
    """One request on a connection of its own. on_headers: called when the response's headers are here."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        send(connection, method, path, headers, body, chunked)
        return receive(connection, on_headers)
    finally:
        connection.close()


def send(connection, method, path, headers, body, chunked):
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    if chunked:
        connection.putheader("transfer-encoding", "chunked")
    elif body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders()
    if body is not None:
        send_body(connection, body, chunked)


def receive(connection, on_headers):
    response = connection.getresponse()
    if on_headers:
        on_headers()
    try:
        data, cut = response.read(), False
    except http.client.IncompleteRead as e:
        data, cut = e.partial, True
    return Answer(response.status, [(k.lower(), v) for k, v in response.getheaders()], data, cut=cut)


def send_body(connection, body, chunked):
    if not chunked:
        connection.send(body)
        return
    for at in range(0, len(body), 50000):
        piece = body[at:at + 50000]
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.send(b"0\r\n\r\n")
