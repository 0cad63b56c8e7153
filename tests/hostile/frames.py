"""A dialogue as a client's frames, cut anywhere, and the connection that carries many of them."""
import select
import socket

from harness.places import TRANSPORT
from harness.raw import HEAD_BLOCK, RawClient, RawStream, frame
from hyperframe.frame import RstStreamFrame
from dialogues import CUT, HALF_CLOSE, RESET
from peers import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY, RST_STREAM,
                   WINDOW_UPDATE)

CANCEL = b"\0\0\0\x08"
NO_ERROR = 0
UNKNOWN_TYPE = 0xbe


def cut(rnd, octets, n):
    """In n pieces at most, empty ones among them."""
    places = sorted(rnd.randrange(len(octets) + 1) for _ in range(n - 1))
    return [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)])]


def head_frames(rnd, stream, end):
    first, *more = cut(rnd, HEAD_BLOCK, rnd.choice([1, 1, 1, 2, 4]))
    kinds = [(HEADERS, first), *((CONTINUATION, piece) for piece in more)]
    flags = [END_STREAM if end else 0] + [0] * len(more)
    flags[-1] |= END_HEADERS
    return b"".join(frame(kind, flag, stream, piece) for (kind, piece), flag in zip(kinds, flags))


def data_frame(rnd, stream, octets, end):
    flags = END_STREAM if end else 0
    if TRANSPORT != "grpc" and rnd.random() < 0.15:  # which the gRPC core takes for an error
        padding = rnd.randrange(20)
        return frame(DATA, flags | PADDED, stream, bytes([padding]) + octets + bytes(padding))
    return frame(DATA, flags, stream, octets)


def frames_of(rnd, stream, dialogue):
    """All that the client sends in a stream; CONTINUATION never parts from its head."""
    octets, ends = dialogue.octets, dialogue.end in (HALF_CLOSE, CUT)
    if dialogue.end == CUT:  # one byte of the last message is there, and one is missing
        octets = octets[:rnd.randrange(dialogue.starts[-1] + 1, len(octets))]
    if ends and not octets and rnd.random() < 0.5:
        return [head_frames(rnd, stream, True)]
    pieces = cut(rnd, octets, rnd.choice([1, 2, 3, 8])) if octets or ends else []
    frames = [head_frames(rnd, stream, False)]
    frames += [data_frame(rnd, stream, piece, ends and i == len(pieces) - 1) for i, piece in enumerate(pieces)]
    if dialogue.end == RESET:
        del frames[rnd.randrange(1, len(frames) + 1):]
        frames.append(frame(RST_STREAM, 0, stream, CANCEL))
    return frames


def noise(rnd, stream):
    """Frames that change nothing."""
    frames = [frame(PRIORITY, 0, stream, b"\0\0\0\0\x10"), frame(UNKNOWN_TYPE, 0, stream, b"abc"),
              frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01")]
    if TRANSPORT != "grpc":  # the core takes one a second
        frames.append(frame(PING, 0, 0, b"12345678"))
    return rnd.choice(frames)


def mix(rnd, lists):
    """Frames of many streams in one order; a stream begins after those of lower ids."""
    waiting, n_begun, out = [list(frames) for frames in lists], 0, []
    while any(waiting):
        open_lists = [i for i in range(n_begun) if waiting[i]]
        if n_begun < len(waiting) and (not open_lists or rnd.random() < 0.4):
            n_begun += 1
            i = n_begun - 1
        else:
            i = rnd.choice(open_lists)
        out.append(waiting[i].pop(0))
        if rnd.random() < 0.05:
            out.append(noise(rnd, 2 * i + 1))
    return out


class Connection(RawClient):
    """Reads while it writes; knows which streams were reset."""

    def __init__(self, address, window):
        super().__init__(address, window=window)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.resets = {}

    def open_streams(self, n):
        self.streams = {number: RawStream(number) for number in range(1, 2 * n, 2)}
        return list(self.streams.values())

    def take(self, frame_):
        if isinstance(frame_, RstStreamFrame):
            self.resets[frame_.stream_id] = frame_.error_code
        super().take(frame_)

    def read_what_is_there(self):
        """False: the connection has ended."""
        while select.select([self.socket], [], [], 0)[0]:
            if not self.read():
                return False
        return True
