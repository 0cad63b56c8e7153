"""A program that opens streams, says so, and holds them until it is killed: holder.py ADDRESS CONNECTIONS STREAMS

In each stream there is an answer, and the first half of the next message."""
import pathlib
import signal
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from harness.messages import request_headers, response_headers  # noqa: E402
from harness.raw import RawClient, data, framed  # noqa: E402

ADDRESS, N_CONNECTIONS, N_STREAMS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
HALF = framed(response_headers(("x-long", "y" * 100)))[:60]

clients = [RawClient(ADDRESS) for _ in range(N_CONNECTIONS)]
for client in clients:
    for _ in range(N_STREAMS):
        client.send(data(client.open(request_headers()), HALF))
for client in clients:
    client.read_until(lambda: all(stream.n_answers == 1 for stream in client.streams.values()))
print("holding", flush=True)
signal.pause()
