"""How the service leaves its clients: lame_duck, the closed listeners, drain."""
import errno
import os
import signal
import socket
import time

import grpc

from harness.case import Case
from harness.command import Command
from harness.client import NOT_SERVING, SERVING
from harness.messages import request_headers, response_headers
from harness.raw import connect, data, framed
from harness.process import descriptors
from harness.service import ini
from harness.wait import wait_until

NOOP = "[plugin:noop]\nfile = noop.so\n"
LAME, DRAINING = "health checks get NOT_SERVING", "open streams may finish"


def error_of_connect(address):
    """errno; None: there is one who listens."""
    try:
        connect(address).close()
    except OSError as e:
        return e.errno
    return None


class LameDuck(Case):
    def launch_lame(self, signo=signal.SIGTERM, **config):
        """A service that has got its first TERM, and a client from before."""
        service = self.launch(NOOP, service="lame_duck = 1h", **config).wait_ready()
        client = self.client(service)
        self.assertEqual(client.health(), SERVING)
        watch = client.watch()
        self.assertEqual(next(watch), SERVING)
        service.send(signo)
        self.assertEqual(next(watch), NOT_SERVING)
        return service, client, watch

    def test_everything_is_served_and_health_says_not_serving(self):
        for address in "127.0.0.1:0", "[::1]:0", f"unix:{self.folder}/socket":
            for signo in signal.SIGTERM, signal.SIGINT:
                with self.subTest(address=address, signo=signo):
                    service, client, watch = self.launch_lame(signo, address=address)
                    for each in client, self.client(service):
                        self.assertEqual(each.health(), NOT_SERVING)
                        self.assertEqual(next(each.watch()), NOT_SERVING)
                        self.assertEqual(len(each.answers(request_headers(), response_headers())), 2)
                    # The first watcher was not ended: it is when the service stops, which a second signal sees to.
                    service.send(signo)
                    with self.assertRaises(grpc.RpcError):
                        next(watch)
                    self.assertEqual(service.wait(), 0)
                    service.wait_line("stopping immediately")

    def test_then_new_connections_are_refused_and_streams_finish(self):
        for address in "127.0.0.1:0", f"unix:{self.folder}/socket":
            with self.subTest(address):
                service = self.launch(NOOP, service="lame_duck = 200ms", address=address).wait_ready()
                stream = self.client(service).stream()
                stream.exchange(request_headers())
                service.send(signal.SIGTERM)
                service.wait_line(DRAINING)
                wait_until(lambda: error_of_connect(service.address) in (errno.ECONNREFUSED, errno.ENOENT),
                           "new connections are refused")
                self.assertFalse(os.path.exists(f"{self.folder}/socket"))
                stream.exchange(response_headers())
                self.assertEqual(stream.finish()[1], grpc.StatusCode.OK)
                self.assertEqual(service.wait(), 0)

    def test_with_nothing_open_it_lasts_as_well(self):
        service = self.launch(NOOP, service="lame_duck = 1s").wait_ready()
        begin = time.monotonic()
        service.send(signal.SIGTERM)
        service.wait_line(LAME)
        self.assertEqual(self.client(service).health(), NOT_SERVING)
        self.assertEqual(service.wait(), 0)
        self.assertGreaterEqual(time.monotonic() - begin, 1)

    def test_none(self):
        service = self.launch(NOOP, service="lame_duck = 0s").wait_ready()
        stream = self.client(service).stream()
        stream.exchange(request_headers())
        service.send(signal.SIGTERM)
        wait_until(lambda: error_of_connect(service.address) == errno.ECONNREFUSED, "new connections are refused")
        self.assertEqual(stream.finish()[1], grpc.StatusCode.OK)
        self.assertEqual(service.wait(), 0)


class Listeners(Case):
    def test_another_server_keeps_its_socket_file(self):
        """A new instance has put its own in the place of ours, as `mv` does."""
        path = self.folder / "socket"
        first = self.launch(NOOP, address=f"unix:{path}", service="lame_duck = 1h").wait_ready()
        old = self.client(first)
        stream = old.stream()
        stream.exchange(request_headers())
        second = self.start(NOOP, address=f"unix:{path}.new")
        os.rename(f"{path}.new", path)
        self.assertEqual(stream.finish()[1], grpc.StatusCode.OK)
        first.send(signal.SIGTERM)
        first.wait_line(LAME)
        first.send(signal.SIGTERM)
        self.assertEqual(first.wait(), 0)
        second.address = f"unix:{path}"
        self.assertEqual(self.client(second).health(), SERVING)
        path.rename(f"{path}.new")

    def test_a_copy_of_the_socket_goes_on(self):
        """Another process that holds the socket: it was closed by us, and not shut down for everyone."""
        service = self.launch(NOOP, service="lame_duck = 0s").wait_ready()
        pidfd = os.pidfd_open(service.pid)
        numbers = [number for number, target in descriptors(service.pid).items() if target.startswith("socket:")]
        copies = [socket.socket(fileno=pidfd_getfd(pidfd, number)) for number in numbers]
        listener, = [copy for copy in copies if copy.family == socket.AF_INET]
        listener.settimeout(30)
        self.assertEqual(service.stop(), 0)
        with connect(service.address):
            listener.accept()[0].close()
        for copy in copies:
            copy.close()
        os.close(pidfd)

    def test_the_backlog_is_served(self):
        """Clients that connected while the service was at work elsewhere."""
        service = self.launch(NOOP, service="lame_duck = 0s").wait_ready()
        service.send(signal.SIGSTOP)
        clients = [self.raw_client(service) for _ in range(50)]
        for client in clients:
            client.send(data(client.open(request_headers()), framed(response_headers()), end=True))
        service.send(signal.SIGTERM)
        service.send(signal.SIGCONT)
        for client in clients:
            client.read_until(lambda c=client: c.streams[1].status is not None)
            self.assertEqual((client.streams[1].n_answers, client.streams[1].status), (2, "0"))
        self.assertEqual(service.wait(), 0)


def pidfd_getfd(pidfd, number):
    import ctypes
    fd = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, number, 0)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return fd


class Proxy(Command):
    def test_health_checks_fail_within_the_lame_duck(self):
        """As --print-envoy-config has them: two failures, and the first may come an interval late."""
        for lame_duck, interval in ("2s", "0.500s"), ("400ms", "0.100s"), ("1m", "1.000s"), ("0s", "0.500s"):
            with self.subTest(lame_duck):
                path = self.write(ini(NOOP, service=f"lame_duck = {lame_duck}"))
                _, out, _ = self.run_with("--print-envoy-config", "-c", path)
                self.assertIn(f" interval: {interval}\n", out)


class ServiceManager(Case):
    def notified(self, config):
        """What systemd is notified of at the end."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.folder / "notify"))
            manager.settimeout(30)
            service = self.launch(NOOP, ["env", f"NOTIFY_SOCKET={self.folder}/notify"], service=config)
            self.assertIn("READY=1", manager.recv(4096).decode())
            service.send(signal.SIGTERM)
            message = manager.recv(4096).decode()
            service.send(signal.SIGTERM)
            self.assertEqual(service.wait(), 0)
        (self.folder / "notify").unlink()
        return dict(line.split("=", 1) for line in message.splitlines())

    def test_the_time_that_the_end_may_take(self):
        message = self.notified("lame_duck = 10m\ndrain = 2h")
        self.assertEqual(message["STOPPING"], "1")
        self.assertGreater(int(message["EXTEND_TIMEOUT_USEC"]), (10 + 120) * 60 * 1000000)
        message = self.notified("lame_duck = 2500000000h\ndrain = 2500000000h")
        self.assertLess(int(message["EXTEND_TIMEOUT_USEC"]), 2 ** 64)
        self.assertGreater(int(message["EXTEND_TIMEOUT_USEC"]), 2 ** 62)
