"""Peers that begin something and stop: what they hold is given back in the configured times."""
import contextlib
import ssl
import unittest

from attack import TAGS, TIMES, Attack
from harness import http1
from harness.envoy import cluster_of, ext_proc
from harness.messages import request_headers, response_headers
from harness.places import TRANSPORT
from harness.raw import HEAD_BLOCK, PREFACE, framed
from harness.tls import Authority, TlsSocket, context
from harness.wait import wait_until
from peers import CONTINUATION, HEADERS, PING, Peer, beginning, data, frame, head, settings

N_CONNECTIONS = 4096  # max_connections, as it is without a word in the ini file

FIRST = framed(request_headers())
SECOND = framed(response_headers(("x-long", "y" * 100)))
UNENDED = frame(HEADERS, 0, 1, HEAD_BLOCK[:40])

# Where a peer may stop.
PLACES = {
    "nothing": b"",
    "half a preface": PREFACE[:5],
    "the preface": PREFACE,
    "half SETTINGS": PREFACE + settings()[:11],
    "SETTINGS": beginning(),
    "half a frame's head": beginning() + head(1)[:5],
    "half HEADERS": beginning() + head(1)[:40],
    "no END_HEADERS": beginning() + UNENDED,
    "half CONTINUATION": beginning() + UNENDED + frame(CONTINUATION, 4, 1, HEAD_BLOCK[40:])[:30],
    "no END_HEADERS again": beginning() + UNENDED + frame(CONTINUATION, 0, 1, HEAD_BLOCK[40:60]),
    "HEADERS": beginning() + head(1),
    "a DATA head": beginning() + head(1) + data(1, FIRST)[:9],
    "half DATA": beginning() + head(1) + data(1, FIRST)[:30],
    "half a prefix": beginning() + head(1) + data(1, FIRST[:3]),
    "a prefix": beginning() + head(1) + data(1, FIRST[:5]),
    "half a message": beginning() + head(1) + data(1, FIRST[:30]),
    "half trailers": beginning() + head(1) + data(1, FIRST) + frame(HEADERS, 1, 1, b"")[:9],
    "half PING after a stream": beginning() + head(1) + data(1, FIRST, end=True) + frame(PING, 0, 0, b"12345678")[:12],
    "a head and half another": beginning() + head(1) + data(1, FIRST, end=True) + frame(HEADERS, 0, 3, HEAD_BLOCK[:40]),
}
# Here an open stream is between two messages, or in the second: it may stay, for it is at work.
LONG = {
    "a message": beginning() + head(1) + data(1, FIRST),
    "half a second message": beginning() + head(1) + data(1, FIRST + SECOND[:60]),
}


class Silence(Attack):
    def peers(self, places):
        return {place: Peer(self, self.service.address, octets) for place, octets in places.items()}

    def test_every_prefix_of_a_dialogue(self):
        self.besiege(listener=TIMES)
        peers = self.peers(PLACES)
        self.sent(f"{len(PLACES)} connections that stop", sum(map(len, PLACES.values())))
        self.all_within({place: peer.is_closed for place, peer in peers.items()})
        self.descriptors_freed()
        self.relieve()

    def test_streams_that_grow_old(self):
        """A stream between two messages may live for ever, but where its connection may not."""
        self.besiege(listener="max_connection_age = 2s\nmax_connection_age_grace = 1s\n")
        peers = self.peers(LONG)
        self.sent(f"{len(LONG)} connections that stop", sum(map(len, LONG.values())))
        self.all_within({place: peer.is_closed for place, peer in peers.items()})
        self.relieve(beside=False)

    @unittest.skipIf(TRANSPORT == "grpc", "it has no TLS")
    def test_every_part_of_a_handshake(self):
        authority = Authority(self.new_folder())
        own = authority.issue("DNS:localhost")
        tls = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = context(authority).wrap_bio(*tls, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            hello.do_handshake()
        hello = tls[1].read()
        more = f"[listener:tls]\naddress = unix:{self.folder}/tls\n{TIMES}tls_cert = {own.cert}\ntls_key = {own.key}\n"
        self.besiege(more + TAGS, listener=TIMES)
        address = f"unix:{self.folder}/tls"
        places = {"nothing": b"", "half a record's head": hello[:3], "half ClientHello": hello[:100],
                  "ClientHello": hello}
        peers = {place: Peer(self, address, octets) for place, octets in places.items()}
        for place, octets in (("a handshake", b""), ("half a preface in TLS", PREFACE[:5]),
                              ("HEADERS in TLS", beginning() + head(1))):
            peers[place] = Peer(self, address)
            peers[place].socket.setblocking(True)
            channel = TlsSocket(peers[place].socket, context(authority))
            peers[place].socket.setblocking(False)
            peers[place].send(channel.seal(octets) if octets else b"")
        self.sent(f"{len(peers)} connections that stop", sum(peer.n_sent for peer in peers.values()))
        self.all_within({place: peer.is_closed for place, peer in peers.items()})
        for peer in peers.values():
            peer.socket.close()
        self.descriptors_freed()
        self.relieve()

    def test_term_with_every_prefix(self):
        """Times that are far away: the drain ends them, not a timeout."""
        self.besiege()
        places = PLACES | LONG
        peers = self.peers(places)
        self.sent(f"{len(places)} connections that stop", sum(map(len, places.values())))
        wait_until(lambda: self.meter.descriptors() >= self.meter.descriptors_before + len(peers), "all are in")
        self.neighbour_works()
        self.relieve()

    def test_heads(self):
        """As many as there may be connections, each with a stream that says nothing."""
        service = self.besiege(listener=TIMES)
        cluster = cluster_of(service.address, health_checks=[
            {"timeout": "5s", "interval": "0.2s", "no_traffic_interval": "0.2s", "unhealthy_threshold": 2,
             "healthy_threshold": 1, "grpc_health_check": {}}])
        envoy = self.run_envoy(ext_proc({}), cluster, self.upstream())
        octets = beginning() + head(1)
        peers = [Peer(self, service.address, octets) for _ in range(N_CONNECTIONS)]
        self.sent(f"{len(peers)} connections with a head each", len(peers) * len(octets))
        self.neighbour_works()
        self.fresh_client_served()
        self.within("a request through Envoy", lambda: http1.request(envoy.port).status == 200)
        n_checks = envoy.stat("cluster.extprocd.health_check.attempt")
        self.within("Envoy's health checks go on", lambda: envoy.stat("cluster.extprocd.health_check.success") and
                    envoy.stat("cluster.extprocd.health_check.attempt") >= n_checks + 3)
        self.bound("Envoy finds it healthy", envoy.stat("cluster.extprocd.membership_healthy") == 1)
        envoy.kill()
        self.descriptors_freed()
        for peer in peers:
            peer.socket.close()
        self.relieve()
