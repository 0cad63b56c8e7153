"""Peers that make much ado: frames that carry nothing, streams that are begun to be reset, heads without end."""
import itertools

from attack import MIB, TIMES, Attack
from harness.messages import request_headers
from harness.places import TRANSPORT
from harness.raw import HEAD_BLOCK, framed, literal
from peers import (CONTINUATION, DATA, ENHANCE_YOUR_CALM, END_STREAM, HEADERS, PADDED, PING, PRIORITY, RST_STREAM, SETTINGS,
                   WINDOW_UPDATE, Peer, beginning, data, frame, head, streams)

N = 20000
UNKNOWN_TYPE = 0xbe
OPEN = beginning() + head(1)
ASKED = framed(request_headers())

IDLE = {
    "PING": frame(PING, 0, 0, b"12345678"),
    "acknowledged PING": frame(PING, 1, 0, b"12345678"),
    "SETTINGS": frame(SETTINGS, 0, 0, b""),
    "PRIORITY": frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"),
    "empty DATA": frame(DATA, 0, 1, b""),
    "padded empty DATA": frame(DATA, PADDED, 1, b"\0"),
    "WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01"),
    "a stream's WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x01"),
    "unknown frames": frame(UNKNOWN_TYPE, 0, 1, b""),
    "unknown frames of no stream": frame(UNKNOWN_TYPE, 0, 0, b"abc"),
}


class Floods(Attack):
    def flood(self, kinds, calm=False):
        """Each of them a connection of its own; the service ends it. calm: with ENHANCE_YOUR_CALM."""
        peers = {kind: Peer(self, self.service.address, octets) for kind, octets in kinds.items()}
        self.sent(f"{len(peers)} connections", sum(map(len, kinds.values())))
        self.neighbour_works()

        def ended(peer):
            peer.send(b"")
            return peer.is_closed()
        self.all_within({kind: lambda peer=peer: ended(peer) for kind, peer in peers.items()})
        if calm and TRANSPORT != "grpc":
            for kind, peer in peers.items():
                self.bound(f"{kind}: ENHANCE_YOUR_CALM", not peer.ended or peer.goaway(ENHANCE_YOUR_CALM))
        for peer in peers.values():
            peer.socket.close()
        self.descriptors_freed()
        self.resident_below(64 * MIB)

    def test_frames_that_carry_nothing(self):
        self.besiege()
        self.flood({kind: OPEN + octets * N for kind, octets in IDLE.items()}, calm=True)
        self.relieve("max_idle_frames_exceeded")

    def test_streams_that_are_reset(self):
        cancel = (8).to_bytes(4, "big")
        zero = (0).to_bytes(4, "big")
        self.besiege()
        self.flood({
            "by the client": beginning() + b"".join(
                head(stream) + frame(RST_STREAM, 0, stream, cancel) for stream in streams(N)),
            "by the client, in a message": beginning() + b"".join(
                head(stream) + data(stream, ASKED[:9]) + frame(RST_STREAM, 0, stream, cancel) for stream in streams(N)),
            "by the service, for a malformed head": beginning() + b"".join(
                head(stream, HEAD_BLOCK + literal(b"X-Upper", b"")) for stream in streams(N)),
            "by the service, for a window": beginning() + b"".join(
                head(stream) + frame(WINDOW_UPDATE, 0, stream, zero) for stream in streams(N)),
            "by the service, for a second end": beginning() + b"".join(
                head(stream, end=True) + frame(DATA, END_STREAM, stream, b"x") for stream in streams(N)),
        })
        self.relieve("max_resets_exceeded")

    def test_heads_without_end(self):
        unended = frame(HEADERS, 0, 1, HEAD_BLOCK)
        long = literal(b"x", b"y" * 100)
        # A header of 4 KB goes into the table once, and is named 60,000 times.
        bomb = b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000
        self.besiege()
        self.flood({
            "empty CONTINUATION": beginning() + unended + frame(CONTINUATION, 0, 1, b"") * N,
            "CONTINUATION": beginning() + unended + frame(CONTINUATION, 0, 1, long) * N,
            "a table's bomb": beginning() + b"".join(
                frame(HEADERS, 4, stream, HEAD_BLOCK + bomb + b"\xbe" * 12000) for stream in streams(5)),
        })
        self.relieve()

    def test_refused_calls(self):
        """They do not count as activity: idle_timeout goes on."""
        self.besiege(listener=TIMES)
        block = HEAD_BLOCK.replace(b"Process", b"Nothing")
        peer = Peer(self, self.service.address, beginning())
        numbers = itertools.count(1, 2)

        def ended():
            peer.send(head(next(numbers), block, end=True))
            return peer.is_closed()
        self.within("the connection ends", ended)
        self.sent(f"{next(numbers) // 2} calls of an unknown method", peer.n_sent)
        peer.socket.close()
        self.descriptors_freed()
        self.relieve("idle_timeout_exceeded")
