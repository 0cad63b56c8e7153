"""A client that exchanges, one stream after the other, until it is killed: neighbour.py ADDRESS FILE

FILE gets a line for each: the microseconds that it took. An answer that is wrong or missing ends it."""
import pathlib
import socket
import sys
import time

sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent / "e2e")

from harness.messages import request_headers, response_headers  # noqa: E402
from harness.raw import RawClient, data, framed  # noqa: E402

PAUSE = 0.002
REQUEST, RESPONSE = request_headers(), framed(response_headers())

client = RawClient(sys.argv[1])
if not sys.argv[1].startswith("unix:"):
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
with open(sys.argv[2], "w", buffering=1) as times:
    print("begun", flush=True)
    while True:
        began = time.monotonic()
        stream = client.open(REQUEST)
        client.read_until(lambda: stream.n_answers == 1)
        client.send(data(stream, RESPONSE, end=True))
        client.read_until(lambda: stream.status is not None)
        assert (stream.n_answers, stream.status) == (2, "0"), (stream.n_answers, stream.headers)
        print(int((time.monotonic() - began) * 1e6), file=times)
        time.sleep(PAUSE)
