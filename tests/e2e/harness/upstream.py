"""An HTTP/1 upstream that records what it saw and answers as the test says."""
import http.server
import threading


class Seen:
    """One request as it arrived."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name):
        """The one value, or None; several are an error of the test's."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


class Upstream:
    """Answers every request with `status`, `headers`, `body`; chunked: without a content-length.

    before: called with each request before it is answered; between: after the response's headers."""

    http2 = False

    def __init__(self, status=200, headers=(), body=b"from the upstream", chunked=False, before=None,
                 between=None):
        self.status, self.headers, self.body, self.chunked = status, headers, body, chunked
        self.before, self.between = before, between
        self.seen = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.upstream = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """A proxy that leaves in the middle is part of many tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_one(self):
        upstream = self.server.upstream
        headers = [(key.lower(), value) for key, value in self.headers.items()]
        seen = Seen(self.command, self.path, headers, self.read_body())
        upstream.seen.append(seen)
        if upstream.before:
            upstream.before(seen)
        self.send_response(upstream.status)
        for key, value in upstream.headers:
            self.send_header(key, value)
        if upstream.chunked:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(upstream.body)))
        self.end_headers()
        if upstream.between:
            self.wfile.flush()
            upstream.between()
        if self.command != "HEAD":
            self.write_body(upstream)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_one

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return b"".join(pieces)

    def write_body(self, upstream):
        if not upstream.chunked:
            self.wfile.write(upstream.body)
            return
        for at in range(0, len(upstream.body), 16000):
            piece = upstream.body[at:at + 16000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args):
        pass
