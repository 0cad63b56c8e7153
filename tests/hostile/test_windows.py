"""Peers that ask and take no answers: what waits for them is bounded, and goes when they take nothing for write_timeout."""
from attack import MIB, TIMES, Attack
from harness.messages import modes, request_body, request_headers
from peers import Peer, beginning, call, streams

N_PEERS, N_STREAMS = 8, 128
LINES = "\n  ".join(["a line of an answer that nobody takes " * 4] * 4000)  # 600 KiB
LARGE = f"[plugin:large]\nfile = body.so\nrequest.append = {LINES}\n"
ASK = request_headers(protocol_config=modes("BUFFERED")), request_body(b"x")
BOUND = 400 * MIB


class Windows(Attack):
    def ask(self, hello, **options):
        """Little is sent, and 600 MiB are asked for."""
        octets = hello + b"".join(call(stream, *ASK) for stream in streams(N_STREAMS))
        peers = [Peer(self, self.service.address, octets, **options) for _ in range(N_PEERS)]
        self.sent(f"{N_PEERS} connections, {N_PEERS * N_STREAMS} streams", N_PEERS * len(octets))
        self.neighbour_works()
        self.fresh_client_served()
        return peers

    def check(self):
        self.descriptors_freed()
        self.memory_back(64 * MIB)
        self.resident_below(BOUND)
        self.relieve("write_timeout_exceeded")

    def test_streams_of_no_window(self):
        self.besiege(LARGE, listener=TIMES)
        self.ask(beginning(window=0))
        self.check()

    def test_a_connection_of_no_window(self):
        self.besiege(LARGE, listener=TIMES)
        self.ask(beginning(window=(1 << 31) - 1, wide=False))
        self.check()

    def test_sockets_that_are_not_read(self):
        self.besiege(LARGE, listener=TIMES)
        self.ask(beginning(window=(1 << 31) - 1), receive_buffer=4096)
        self.check()

    def test_memory_comes_back_while_they_live(self):
        """They read all of it in one go, late, and stay."""
        self.besiege(LARGE)
        peers = self.ask(beginning(window=(1 << 31) - 1))
        live = []

        def back():
            live[:] = [peer for peer in peers if not peer.is_closed()]
            return self.meter.resident - self.meter.before <= 64 * MIB
        self.within("64 MiB or less are left", back)
        self.bound("they are still connected", len(live) == len(peers))
        self.note(f"{len(live)} connections live")
        for peer in peers:
            peer.socket.close()
        self.relieve()
