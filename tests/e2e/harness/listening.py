"""A server of a test's own: a port of its choice, and a thread for each connection."""
import socket
import threading


class Listening:
    """serve(sock) is its heir's, and runs in a thread that nothing waits for."""

    http2 = False

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()
