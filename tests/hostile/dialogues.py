"""Random streams: what they say, how it is cut into frames, how they end."""
import dataclasses
import json

from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from harness.messages import header_map, message
from harness.raw import framed
from model import BUFFERED, DUPLEX, N_MODES, NONE, STREAMED, UNKNOWN, Event

PHASES = [f"{direction}_{part}" for direction in ("request", "response") for part in ("headers", "body", "trailers")]
MOST_BYTES = 5000  # of a stream, so that a connection's fit into HTTP/2's first window
METHODS = ["GET", "POST", "POST", "HEAD", "CONNECT"]
STATUSES = ["200", "200", "200", "404", "500", "101", "204", "304"]
TEXTS = [b"", b"x", b"some text\n", b"\0\xff\r\n", b"y" * 300, b"z" * 1500]

HALF_CLOSE, RESET, STAY, CUT = "half-closes", "resets", "stays", "half-closes in a message"


@dataclasses.dataclass
class Dialogue:
    events: list
    octets: bytes  # of all messages, framed
    starts: list  # of messages, in octets
    end: str


def instruction(rnd):
    """Of the plugin `instructions`: right, wrong, and none at all."""
    return rnd.choice([json.dumps({"addHeaders": {"x-a": "1"}}), json.dumps({"setBody": "new"}),
                       json.dumps({"removeHeaders": ["x-b"], "setTrailers": {"x-t": "2"}}), "{}", "{", "null", ""])


def headers(rnd, direction):
    if rnd.random() < 0.03:
        return []
    pairs = [(":status", rnd.choice(STATUSES))] if direction == "response" else [
        (":method", rnd.choice(METHODS)), (":path", "/a?b"), (":scheme", "http"), (":authority", "test")]
    for _ in range(rnd.randrange(4)):
        pairs.append((rnd.choice(["x-a", "x-b", "content-length", "content-type", "cookie"]), str(rnd.randrange(100))))
    if rnd.random() < 0.05:
        pairs.append(("upgrade", "websocket"))
    if rnd.random() < 0.2:
        pairs.append(("instructions", instruction(rnd)))
    return pairs


def value(rnd, event):
    if event.part == "headers":
        return pb.HttpHeaders(headers=header_map(headers(rnd, event.direction)), end_of_stream=event.end)
    if event.part == "body":
        return pb.HttpBody(body=rnd.choice(TEXTS), end_of_stream=event.end)
    return pb.HttpTrailers(trailers=header_map([("x-t", "1")] * rnd.randrange(3)))


def encode(rnd, event):
    more = {}
    if event.observing:
        more["observability_mode"] = True
    if rnd.random() < 0.2:
        more["attributes"] = {"source.address": "10.0.0.1", "list": [1, {"deep": None}], "n": rnd.random()}
    if rnd.random() < 0.2:
        more["metadata"] = {"ns": {"key": "value", "more": {"a": [True]}}}
    request = message(event.phase, value(rnd, event), **more) if event.phase else pb.ProcessingRequest()
    if event.modes:
        request.protocol_config.SetInParent()
        request.protocol_config.request_body_mode, request.protocol_config.response_body_mode = event.modes
    octets = request.SerializeToString()
    if event.malformed:  # a length that goes beyond the end
        octets += b"\x12\x7f"
    elif rnd.random() < 0.1:  # unknown fields
        octets += rnd.choice([b"\xa2\x06\x03abc", b"\x62\x00", b"\x88\x08\x01", b"\x6a\x00"])
    return octets


def first_modes(rnd):
    draw = rnd.random()
    if draw < 0.3:
        return None
    if draw < 0.9:
        return rnd.choice([NONE, STREAMED, BUFFERED]), rnd.choice([NONE, STREAMED, BUFFERED])
    return rnd.randrange(N_MODES + 1), rnd.randrange(N_MODES + 1)


def legal_part(rnd, direction, mode):
    """The messages of one direction as a proxy sends them."""
    body_mode = rnd.choice([NONE, STREAMED, BUFFERED]) if mode is UNKNOWN else mode
    trailers, headers_sent = rnd.random() < 0.3, rnd.random() < 0.9
    n_body = {NONE: 0, STREAMED: rnd.randrange(5), BUFFERED: rnd.randrange(2)}.get(body_mode, rnd.randrange(3))
    events = [Event(f"{direction}_headers")] if headers_sent else []
    events += [Event(f"{direction}_body") for _ in range(n_body)]
    if trailers:
        events.append(Event(f"{direction}_trailers"))
    elif events and rnd.random() < 0.8:
        events[-1].end = True
    return events


def interleave(rnd, a, b):
    a, b, merged = list(a), list(b), []
    while a or b:
        merged.append((a if not b or (a and rnd.random() < 0.6) else b).pop(0))
    return merged


def spoil(rnd, events):
    """Makes it wrong, or odd, in one place: twice, missing, elsewhere, of another kind."""
    at = rnd.randrange(len(events))
    kind = rnd.randrange(7)
    if kind == 0:
        events.insert(at, dataclasses.replace(events[at]))
    elif kind == 1:
        del events[at]
    elif kind == 2:
        other = rnd.randrange(len(events))
        events[at], events[other] = events[other], events[at]
    elif kind == 3:
        events.insert(at, Event(rnd.choice(PHASES), rnd.random() < 0.3))
    elif kind == 4:
        events.insert(at, Event(None))
    elif kind == 5:
        events[at].end = events[at].phase is not None and events[at].part != "trailers" and not events[at].end
    else:
        events[at].malformed = True


def events_of(rnd):
    modes = first_modes(rnd)
    said = modes or (UNKNOWN, UNKNOWN)
    events = interleave(rnd, legal_part(rnd, "request", said[0]), legal_part(rnd, "response", said[1]))
    if rnd.random() < 0.1:
        for event in events:
            event.observing = True
    for _ in range(rnd.choice([0, 0, 0, 1, 1, 2])):
        if events:
            spoil(rnd, events)
    if events and modes:
        events[0].modes = modes
    if events and rnd.random() < 0.05:  # sent too late
        events[-1].modes = rnd.choice([STREAMED, DUPLEX]), NONE
    return events


def dialogue(rnd):
    events, octets, starts, kept = events_of(rnd), b"", [], []
    for event in events:
        more = framed(encode(rnd, event))
        if len(octets) + len(more) > MOST_BYTES:
            break
        kept.append(event)
        starts.append(len(octets))
        octets += more
    end = rnd.choices([HALF_CLOSE, RESET, STAY, CUT if kept else STAY], [6, 2, 2, 1])[0]
    return Dialogue(kept, octets, starts, end)
