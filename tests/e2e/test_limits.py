"""What a client may cost, and how a connection ends that has cost that much; messages are in test_bad_input."""
import contextlib
import unittest

import grpc

from harness import http1
from harness.case import Case
from harness.client import SERVING
from harness.command import Command
from harness.messages import request_headers, response_headers, sets
from harness.places import TRANSPORT
from harness.raw import PREFACE, connect, data, frame, framed
from harness.service import ini
from harness.tls import Authority
from harness.wait import wait_until

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"
SHORT = "300ms"
REFUSED_STREAM = 7
NO_NEW_STREAMS_YET = 2**31 - 1  # the first GOAWAY's last stream
OWN = {"max_connections": "5", "handshake_timeout": "2s", "first_message_timeout": "4s", "write_timeout": "3s", "max_queued": "32m",
       "stream_window": "64k", "max_continuations": "2", "max_resets": "7 in 3s", "max_idle_frames": "9 in 1m"}

# Of a stream that crosses the end of its connection: the gRPC core may refuse it, and the client try again.
ENDS = [(2, grpc.StatusCode.OK), *([(0, grpc.StatusCode.UNAVAILABLE)] if TRANSPORT == "grpc" else [])]

needs_own_limits = unittest.skipIf(TRANSPORT == "grpc", "transport = grpc has no such limit")


def is_closed(sock):
    """It says nothing more, however it does that."""
    try:
        while sock.recv(1000):
            """What it says before its end."""
    except ConnectionError:
        """That is an end as well."""
    return True


def exchange(client):
    """A stream of two messages: its answers, its end."""
    stream = client.stream()
    stream.send(request_headers(), response_headers())
    return stream.finish()


class Limits(Case):
    def check_counted(self, service, count):
        """Ends it: that is what its log has to say then."""
        self.assertEqual(service.stop(), 0)
        service.wait_line(rf" info  counters: (.* )?{count}\b")


class IdleTimeout(Limits):
    def test_a_connection_without_a_stream_ends(self):
        service = self.start(TAGS, listener=f"idle_timeout = {SHORT}")
        busy = self.raw_client(service)
        stream = busy.open(request_headers())
        busy.read_until(lambda: stream.n_answers == 1)
        for _ in range(2):  # both begin later than the busy one, which outlives them
            idle = self.raw_client(service)
            idle.read_to_end()
            self.assertTrue(idle.goaways)
        busy.send(data(stream, framed(response_headers()), end=True))
        busy.read_until(lambda: stream.status == "0")
        self.assertEqual(stream.n_answers, 2)

    def test_clients_come_again(self):
        service = self.start(TAGS, listener=f"idle_timeout = {SHORT}")
        client = self.client(service)

        def served():
            answers, code, _ = exchange(client)
            self.assertIn((len(answers), code), ENDS)
            return len(answers) == 2
        for _ in range(3):
            wait_until(served, "a stream on a new connection")
            wait_until(lambda: service.n_connections() == 0, "the connection ends")

    @needs_own_limits
    def test_it_is_counted(self):
        service = self.start(TAGS, listener=f"idle_timeout = {SHORT}")
        self.raw_client(service).read_to_end()
        self.check_counted(service, "idle_timeout_exceeded=1")


class MaxConnectionAge(Limits):
    def test_an_open_stream_finishes(self):
        """Two GOAWAYs: one that takes no stream back yet, and when the client has heard it, the last."""
        service = self.start(TAGS, listener=f"max_connection_age = {SHORT}")
        client = self.raw_client(service)
        stream = client.open(request_headers())
        client.read_until(lambda: len(client.goaways) == 2)
        self.assertEqual(client.goaways, [(NO_NEW_STREAMS_YET, 0), (stream.id, 0)])
        client.send(data(stream, framed(response_headers()), end=True))
        client.read_to_end()
        self.assertEqual((stream.n_answers, stream.status), (2, "0"))

    def test_new_streams_go_to_a_new_connection(self):
        service = self.start(TAGS, listener=f"max_connection_age = {SHORT}")
        client = self.client(service)
        stream = client.stream()
        stream.exchange(request_headers())

        def both():
            answers, code, _ = exchange(client)
            self.assertIn((len(answers), code), ENDS)
            return service.n_connections() == 2
        wait_until(both, "a second connection beside the first")
        self.assertEqual(sets(stream.exchange(response_headers())), [("x-b", "2")])
        self.assertEqual(stream.finish()[0], [])

    @unittest.skipIf(TRANSPORT == "grpc", "the gRPC core may refuse a stream that is on its way when it goes")
    def test_a_proxy_loses_no_request(self):
        service = self.start(TAGS, listener="max_connection_age = 100ms")
        envoy = self.envoy(service, self.upstream())

        def request():
            answer = http1.request(envoy.port)
            self.assertEqual((answer.status, answer.get("x-b")), (200, "2"))
            return envoy.stat("cluster.extprocd.upstream_cx_total") >= 4
        wait_until(request, "several connections, one after the other")

    def test_grace(self):
        """A stream that is still open after it is ended, and with it the connection."""
        service = self.start(TAGS, listener=f"max_connection_age = {SHORT}\nmax_connection_age_grace = {SHORT}")
        client = self.raw_client(service)
        stream = client.open(request_headers())
        client.read_to_end()
        self.assertEqual(stream.n_answers, 1)
        if TRANSPORT == "h2":
            self.assertEqual(stream.status, "14")
            service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+ transaction=\S+: stream ended: "
                              r"max_connection_age_grace \(300ms\) exceeded$")

    @needs_own_limits
    def test_it_is_counted(self):
        service = self.start(TAGS, listener=f"max_connection_age = {SHORT}")
        self.raw_client(service).read_to_end()
        self.check_counted(service, "max_connection_age_exceeded=1")


@needs_own_limits
class MaxConnections(Limits):
    def test_one_more_is_refused(self):
        service = self.start(TAGS, listener="max_connections = 1")
        self.neighbour(service)
        with contextlib.closing(connect(service.address)) as more:
            self.assertTrue(is_closed(more))
        service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+: connection refused: "
                          r"max_connections \(1\) reached, 1 open$")

    def test_it_is_counted(self):
        service = self.start(TAGS, listener="max_connections = 1")
        client = self.client(service)
        client.answers(request_headers())
        with contextlib.closing(connect(service.address)) as more:
            self.assertTrue(is_closed(more))
        client.answers(request_headers())
        self.check_counted(service, "max_connections_exceeded=1")

    def test_an_idle_one_makes_room(self):
        """A client that opens connections and sends nothing does not lock others out."""
        service = self.start(TAGS, listener="max_connections = 2")
        idle = [self.raw_client(service) for _ in range(4)]
        self.assertEqual(len(self.client(service).answers(request_headers())), 1)
        idle[0].read_to_end()
        service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+: connection closed: the longest idle of 2 "
                          r"when max_connections \(2\) was reached$")

    def test_when_one_has_gone_there_is_room(self):
        service = self.start(TAGS, listener="max_connections = 1")
        first = self.client(service)
        first.answers(request_headers())
        first.close()
        second = self.client(service)
        wait_until(lambda: second.health() == SERVING, "the second is let in")

    def test_each_listener_has_its_own(self):
        more = f"[listener:more]\naddress = unix:{self.folder}/socket\nmax_connections = 1\n"
        service = self.start(more + TAGS, listener="max_connections = 1")
        self.neighbour(service)
        with contextlib.closing(connect(f"unix:{self.folder}/socket")) as other:
            other.sendall(PREFACE)
            self.assertTrue(other.recv(9))


@needs_own_limits
class HandshakeTimeout(Limits):
    def check(self, service, *beginnings):
        sockets = [self.enterContext(contextlib.closing(connect(service.address))) for _ in beginnings]
        for sock, beginning in zip(sockets, beginnings):
            sock.sendall(beginning)
        for sock in sockets:
            self.assertTrue(is_closed(sock))
        service.wait_line(r" info  listener=main peer=127.0.0.1:\d+: connection closed: no HTTP/2 preface "
                          r"within handshake_timeout \(300ms\)$")

    def test_in_cleartext(self):
        service = self.start(TAGS, listener=f"handshake_timeout = {SHORT}")
        self.neighbour(service)
        self.check(service, b"", PREFACE[:5], PREFACE)

    def test_in_tls(self):
        own = Authority(self.new_folder()).issue("DNS:localhost")
        service = self.start(TAGS, listener=f"handshake_timeout = {SHORT}\ntls_cert = {own.cert}\ntls_key = {own.key}")
        self.check(service, b"", b"\x16\x03\x01\x02\x00\x01")
        self.check_counted(service, "handshake_timeout_exceeded=2")


@needs_own_limits
class FirstMessageTimeout(Limits):
    def test_silent_streams_do_not_lock_others_out(self):
        """As many as there may be: what comes then is refused, until they have been silent for too long."""
        service = self.start(TAGS, listener=f"first_message_timeout = {SHORT}\nmax_streams = 100")
        client = self.raw_client(service)
        silent = [client.open() for _ in range(100)]
        client.read_until(lambda: all(stream.status for stream in silent))
        self.assertEqual({stream.status for stream in silent}, {"4"})
        late = client.open(request_headers(), end=True)
        client.read_until(lambda: late.status)
        self.assertEqual((late.n_answers, late.status), (1, "0"))
        service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+ transaction=\S+: stream ended: no message within "
                          r"first_message_timeout \(300ms\)$")
        self.check_counted(service, "first_message_timeout_exceeded=100")

    def test_half_a_header_block(self):
        service = self.start(TAGS, listener=f"first_message_timeout = {SHORT}")
        self.neighbour(service)
        client = self.raw_client(service)
        stream = client.open(request_headers(), end=True)
        client.read_until(lambda: stream.status)
        _, head = client.head()
        client.send(head[:4] + b"\0" + head[5:])  # without END_HEADERS
        client.read_to_end()
        service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+: connection closed: .* not completed within "
                          r"first_message_timeout \(300ms\)$")

    def test_a_transaction_that_takes_longer(self):
        service = self.start(TAGS, listener=f"first_message_timeout = {SHORT}")
        slow, client = self.raw_client(service), self.raw_client(service)
        stream = slow.open(request_headers())
        for _ in range(2):
            silent = client.open()
            client.read_until(lambda: silent.status)
        slow.send(data(stream, framed(response_headers()), end=True))
        slow.read_until(lambda: stream.status)
        self.assertEqual((stream.n_answers, stream.status), (2, "0"))


class MaxStreams(Limits):
    """Three are open on a connection that knows the limit, and it opens one more."""

    def exceed(self):
        service = self.start(TAGS, listener="max_streams = 3")
        client = self.raw_client(service)
        streams = [client.open(request_headers()) for _ in range(3)]
        client.read_until(lambda: all(stream.n_answers == 1 for stream in streams))
        return service, client, streams, client.open(request_headers())

    @needs_own_limits
    def test_it_is_refused_and_the_others_live(self):
        service, client, streams, refused = self.exceed()
        client.read_until(lambda: refused.reset is not None)
        self.assertEqual((refused.reset, refused.n_answers), (REFUSED_STREAM, 0))
        for stream in streams:
            client.send(data(stream, framed(response_headers()), end=True))
        client.read_until(lambda: all(stream.status for stream in streams))
        self.assertEqual([(stream.n_answers, stream.status) for stream in streams], [(2, "0")] * 3)
        again = client.open(request_headers(), end=True)
        client.read_until(lambda: again.status)
        self.assertEqual((again.n_answers, again.status), (1, "0"))
        self.check_counted(service, "max_streams_exceeded=1")

    @unittest.skipUnless(TRANSPORT == "grpc", "transport = h2 refuses the one stream")
    def test_the_gRPC_core_ends_the_connection(self):
        _, client, _, _ = self.exceed()
        client.read_to_end()


@needs_own_limits
class Lines(Limits):
    """Each line about a limit names its key, its value, the amount, the peer and, of a stream, the transaction. Those of
    max_connections, of times, of queued answers and of held messages are beside their tests."""

    def check(self, listener, attack, words, where=" transaction=\\S+", plugins=TAGS):
        service = self.start(plugins, listener=listener)
        attack(self.raw_client(service))
        service.wait_line(rf" (warn |error) .*peer=127.0.0.1:\d+{where}: {words}$")

    @staticmethod
    def ping(client):
        client.send(frame(6, 0, 0, b"12345678") * 50)
        client.read_to_end()

    @staticmethod
    def reset(client):
        for _ in range(9):
            stream, head = client.head()
            client.send(head + frame(3, 0, stream.id, b"\0\0\0\x08"))
        client.read_to_end()

    @staticmethod
    def continue_head(client):
        stream, head = client.head()
        client.send(head[:4] + b"\0" + head[5:] + frame(9, 0, stream.id, b"") * 20)
        client.read_to_end()

    @staticmethod
    def open_two(client):
        """Before it has read the settings."""
        client.open(request_headers())
        refused = client.open(request_headers())
        client.read_until(lambda: refused.reset is not None)

    @staticmethod
    def send_long(client):
        stream = client.open(request_headers(("x-long", "y" * 5000)))
        client.read_until(lambda: stream.status)

    @staticmethod
    def stop_inside(client):
        stream = client.open(request_headers())
        client.send(data(stream, framed(response_headers())[:-1]))
        client.read_until(lambda: stream.status)

    def test_of_frames_and_streams(self):
        for listener, attack, words in (
                ("max_idle_frames = 9 in 1m", self.ping, r"connection closed: 10 frames without content \(.*\) exceed "
                                                         r"max_idle_frames \(9 in 60s\)"),
                ("max_resets = 7 in 30s", self.reset, r"connection closed: 8 streams reset before they were answered "
                                                      r"exceed max_resets \(7 in 30s\)"),
                ("max_continuations = 2", self.continue_head, r"connection closed: 3 CONTINUATION frames of a header "
                                                              r"block exceed max_continuations \(2\)")):
            with self.subTest(words):
                self.check(listener, attack, words, where="")

    def test_of_a_stream_that_has_no_transaction_yet(self):
        self.check("max_streams = 1", self.open_two, r"stream refused: max_streams \(1\) reached, 1 open on the connection",
                   where=r" stream=3")

    def test_of_messages(self):
        self.check("max_message = 4k", self.send_long,
                   r"stream reset: message of \d+ bytes exceeds max_message \(4096\)")
        self.check(f"first_message_timeout = {SHORT}", self.stop_inside,
                   r"stream ended: silent inside a message for first_message_timeout \(300ms\)")


class Test(Command):
    """extprocd -t"""

    def test_limits_that_a_transport_does_not_have(self):
        path = self.write(ini(TAGS, listener="\n".join(f"{key} = {value}" for key, value in OWN.items())))
        lines = path.read_text().splitlines()
        said = [f"{path}:{1 + lines.index(f'{key} = {value}')}: [listener:main] {key}: warning: has no effect: "
                "transport = grpc has no such limit" for key, value in OWN.items()]
        code, out, err = self.run_with("-t", "-c", path)
        self.assertEqual((code, out), (0, f"{path}: ok\n"))
        self.assertEqual(sorted(err.splitlines()), sorted(said) if TRANSPORT == "grpc" else [])

    def test_limits_that_both_have(self):
        path = self.write(ini(TAGS, listener="idle_timeout = 1m\nmax_connection_age = 1h\nmax_streams = 5"))
        self.assertEqual(self.run_with("-t", "-c", path), (0, f"{path}: ok\n", ""))
