"""Peers that take all places there are: those that are at work keep theirs, and a new client gets one."""
from attack import Attack
from harness.messages import request_headers, response_headers
from peers import Peer, beginning, call, head

PLACES = 64
DONE = beginning() + call(1, request_headers(), response_headers(), end=True)
SILENT = beginning() + head(1)


class Doors(Attack):
    def occupy(self, n, octets):
        peers = [Peer(self, self.service.address, octets) for _ in range(n)]
        self.sent(f"{n} connections", n * len(octets))
        self.neighbour_works()
        self.fresh_client_served()
        self.neighbour_works()
        for peer in peers:
            peer.socket.close()
        self.descriptors_freed()

    def test_idle_connections(self):
        self.besiege(listener=f"max_connections = {PLACES}")
        self.occupy(PLACES - 1, DONE)
        self.relieve()

    def test_connections_of_silent_streams(self):
        self.besiege(listener=f"max_connections = {PLACES}")
        self.occupy(PLACES - 1, SILENT)
        self.relieve()

    def test_no_descriptor_is_left(self):
        self.besiege(prefix=["prlimit", f"--nofile={PLACES}:{PLACES}"])
        self.occupy(2 * PLACES, DONE)
        self.relieve()
