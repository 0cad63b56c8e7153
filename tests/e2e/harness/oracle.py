"""An oracle for the plugin gate: answers each line on a socket of its own, when a test says so."""
import contextlib
import socket
import threading
import time


class Oracle:
    """Its questions say what happens: "slow" is answered after `delay` seconds, "never" never, "no" with no; any other
    one with yes, at once."""

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
