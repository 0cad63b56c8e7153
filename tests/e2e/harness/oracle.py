"""Those that plugins ask: an oracle that answers each line on a socket of its own, and a server for OAuth's token
introspection."""
import contextlib
import http.server
import socket
import threading
import time


class Oracle:
    """Its questions say what happens: "slow" is answered after `delay` seconds, "never" never, "no" with no; any other
    one with yes, immediately."""

    def __init__(self, delay=0.0):
        self.delay = delay
        self.asked = []
        self.over = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection, contextlib.suppress(OSError):
            question = connection.makefile("r").readline().strip()
            self.asked.append(question)
            if "slow" in question:
                time.sleep(self.delay)
            if "never" in question:
                self.over.wait(60)
                return
            connection.sendall(b"no\n" if "no" in question.split() else b"yes\n")

    def close(self):
        self.over.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)


class Introspection:
    """Knows one token that is active; asked for "slow", it takes `delay` seconds."""

    def __init__(self, token, delay=0.0):
        parent = self
        self.token, self.delay = token, delay

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked = self.rfile.read(int(self.headers["content-length"])).decode()
                if "slow" in asked:
                    time.sleep(parent.delay)
                active = asked in (f"token={parent.token}", "token=slow")
                body = f'{{"active": {str(active).lower()}}}'.encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/introspect"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
