"""Peers that announce, begin, or compress more than they send: memory follows what is there, within a budget."""
import gzip
import time

from attack import MIB, PINNED_WAIT, TIMES, Attack
from harness.messages import modes, request_body, request_headers
from harness.raw import HEAD_BLOCK, framed, literal
from peers import Peer, Sender, beginning, data, frame, head, streams

LOUD = "[plugin:loud]\nfile = upper.so\ndirection = request\n"
LARGEST = 16 * MIB
STREAMED = request_headers(protocol_config=modes("STREAMED"))


class Bytes(Attack):
    def test_bytes_that_are_only_announced(self):
        self.besiege()
        prefix = b"\0" + LARGEST.to_bytes(4, "big")
        octets = beginning() + b"".join(head(stream) + data(stream, prefix) for stream in streams(1000))
        before = self.meter.status("VmSize")
        peers = [Peer(self, self.service.address, octets) for _ in range(8)]
        self.sent(f"{len(peers)} connections, {1000 * len(peers)} prefixes of {LARGEST} bytes", len(peers) * len(octets))
        self.neighbour_works()
        self.bound("address space", self.meter.status("VmSize") - before < 512 * MIB)
        self.note(f"address space {(self.meter.status('VmSize') - before) // MIB} MiB more")
        self.resident_below(128 * MIB)
        for peer in peers:
            peer.socket.close()
        self.descriptors_freed()
        self.memory_back(64 * MIB)
        self.relieve()

    def test_messages_that_are_never_complete(self):
        self.besiege()
        begun = b"\0" + LARGEST.to_bytes(4, "big") + bytes(LARGEST - 100)
        peers = [Sender(self, self.service.address, beginning()) for _ in range(4)]
        for peer in peers:
            peer.send(b"".join(map(head, streams(16))))
            for stream in streams(16):
                peer.put(stream, begun)
        self.pour(peers)
        self.sent(f"{len(peers)} connections, {16 * len(peers)} messages that lack their end", sum(p.n_sent for p in peers))
        self.neighbour_works()
        self.fresh_client_served()
        self.resident_below(400 * MIB)
        for peer in peers:
            peer.socket.close()
        self.descriptors_freed()
        self.memory_back(64 * MIB)
        self.relieve()

    def test_bombs(self):
        """A mebibyte in a kilobyte, in each of 1,024 streams, and no answer is taken."""
        self.besiege(LOUD, listener=TIMES)
        bomb = gzip.compress(request_body(bytes(MIB), end=False).SerializeToString())
        packed = b"\1" + len(bomb).to_bytes(4, "big") + bomb
        block = HEAD_BLOCK + literal(b"grpc-encoding", b"gzip")
        octets = beginning(window=0) + b"".join(
            head(stream, block) + data(stream, framed(STREAMED) + packed) for stream in streams(256))
        peers = [Peer(self, self.service.address, octets) for _ in range(4)]
        self.sent(f"{len(peers)} connections, {256 * len(peers)} bombs of 1 MiB", len(peers) * len(octets))
        self.neighbour_works()
        self.fresh_client_served()
        self.resident_below(400 * MIB)
        for peer in peers:
            peer.socket.close()
        self.descriptors_freed()
        self.memory_back(64 * MIB)
        self.relieve()

    def test_streams_beside_one_that_is_not_read(self):
        """Sixteen streams' answers are not taken; another of the same connection goes on, with what they were sent held."""
        self.besiege(LOUD)
        peer = Sender(self, self.service.address, beginning(window=0))
        chunk = framed(request_body(b"x" * 65536, end=False))
        for stream in streams(16):
            peer.send(head(stream) + data(stream, framed(STREAMED)))
            peer.put(stream, chunk * 64)
        self.pour([peer])
        self.sent("one connection, 16 streams whose answers are not taken", peer.n_sent)
        self.neighbour_works()
        self.resident_below(128 * MIB)
        healthy = 2 * 16 + 1
        peer.send(head(healthy) + frame(8, 0, healthy, (1 << 30).to_bytes(4, "big")))
        peer.put(healthy, framed(STREAMED) + chunk * 64)

        def served():
            peer.pump()
            return peer.n_received.get(healthy, 0) > 64 * 65536
        self.within("a stream beside them is served", served)
        peer.socket.close()
        self.descriptors_freed()
        self.relieve()

    @staticmethod
    def pour(peers):
        """Until nothing can be sent for a while."""
        moved = time.monotonic()
        while time.monotonic() - moved < PINNED_WAIT / 5 and not all(peer.ended for peer in peers):
            if any([peer.pump() for peer in peers]):
                moved = time.monotonic()
            else:
                time.sleep(0.01)
