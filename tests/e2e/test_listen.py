"""Where the service listens, and what keeps it from it."""
import os
import socket
import stat
import time
import unittest

from harness.case import Case
from harness.client import Client, SERVING
from harness.messages import request_headers, response_headers, sets
from harness.places import TRANSPORT
from harness.raw import data, framed
from harness.wait import wait_until

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n"
HOLDER = rf"in use by \S+ \(pid {os.getpid()}\)"


class Listen(Case):
    def refused(self, address):
        """What the service says when it cannot listen there."""
        service = self.launch(TAGS, address=address)
        self.assertEqual(service.wait(), 1)
        line = 1 + service.ini.read_text().splitlines().index(f"address = {address}")
        self.assertRegex(service.log(), rf"extprocd\.ini:{line}: \[listener:main\] address: cannot listen on {address}")
        return service.log()

    def serves(self, address):
        with self.subTest(address):
            client = Client(address)
            self.assertEqual(sets(client.answers(request_headers())[0]), [("x-a", "1")])
            client.close()

    def test_port_in_use_names_the_holder(self):
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.assertRegex(self.refused(f"127.0.0.1:{held.getsockname()[1]}"), HOLDER)

    def test_every_address_that_cannot_be_bound_is_reported(self):
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            ports = [held.getsockname()[1] for held in (one, two)]
            service = self.launch(f"[listener:more]\naddress = 127.0.0.1:{ports[1]}\n[listener:good]\n"
                                  f"address = unix:{self.folder}/socket\n", address=f"127.0.0.1:{ports[0]}")
            self.assertEqual(service.wait(), 1)
        self.assertEqual(len(service.lines(r"\[listener:(main|more)\] address: cannot listen on .*" + HOLDER)), 2)
        self.assertFalse((self.folder / "socket").exists())

    def test_socket_of_a_live_server_names_the_holder(self):
        path = self.folder / "socket"
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(path))
            held.listen()
            self.assertRegex(self.refused(f"unix:{path}"), HOLDER)
            self.assertTrue(path.exists())

    def test_file_that_is_not_a_socket(self):
        path = self.folder / "file"
        path.write_text("precious")
        self.assertIn("not a socket", self.refused(f"unix:{path}"))
        self.assertEqual(path.read_text(), "precious")

    def test_stale_socket(self):
        path = self.folder / "socket"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        service = self.launch(TAGS, address=f"unix:{path}", listener="socket_mode = 0600").wait_ready()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.serves(f"unix:{path}")
        self.assertEqual(service.stop(), 0)
        self.assertFalse(path.exists())

    def test_several_listeners(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as e:
            self.skipTest(f"no IPv6 here: {e}")
        path = self.folder / "socket"
        service = self.start(f"[listener:six]\naddress = [::1]:0\n[listener:local]\naddress = unix:{path}\n" + TAGS)
        six = service.wait_line(r"listener six: listening on (\S+)").group(1)
        for address in service.address, six, f"unix:{path}":
            self.serves(address)

    @unittest.skipIf(TRANSPORT == "grpc", "the gRPC core keeps idle connections to itself")
    def test_idle_connections_make_room(self):
        """Clients that hold descriptors and send nothing do not lock others out, however long they stay."""
        service = self.start(TAGS, prefix=["prlimit", "--nofile=40:40"])
        early = self.raw_client(service)
        stream = early.open(request_headers())
        early.read_until(lambda: stream.n_answers == 1)
        flood = [self.raw_client(service) for _ in range(60)]
        late = self.client(service)
        self.assertEqual(sets(late.answers(request_headers())[0]), [("x-a", "1")])
        service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+: connection closed: the longest idle one when no "
                          r"descriptor was left \(LimitNOFILE = 40\)$")
        flood[0].read_to_end()
        early.send(data(stream, framed(response_headers()), end=True))
        early.read_until(lambda: stream.status == "0")

    @unittest.skipIf(TRANSPORT == "h2", "idle ones make room")
    def test_out_of_descriptors(self):
        """Connections that find none wait, and are served when there are some again."""
        service = self.start(TAGS, prefix=["prlimit", "--nofile=40:40"])
        early = self.client(service)
        early.answers(request_headers())
        flood = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(60)]
        service.wait_line(r"warn .*accept\(\) failed, pausing")
        end = time.monotonic() + 0.5  # some rounds of trying again, while who is in is served
        while time.monotonic() < end:
            self.assertEqual(sets(early.answers(request_headers())[0]), [("x-a", "1")])
        self.assertEqual(len(service.lines(r"accept\(\) failed, pausing")), 1)
        for connection in flood:
            connection.close()
        late = self.client(service)
        wait_until(lambda: late.health() == SERVING, "accepting again")
        service.wait_line("info .*accepting again")
