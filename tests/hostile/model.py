"""What a ProcessingRequest is owed: a model of ext_proc's rules, which knows nothing of extprocd's code.

After Envoy's external_processor.proto and what Envoy does: a stream is two directions, each headers,
body*, trailers, of which a processing mode may skip any. Outside observability each message of a phase is
owed one answer of that phase, in order; an immediate response ends what is owed in both directions, and
CONTINUE_AND_REPLACE in its own. What comes out of order ends the stream."""
import dataclasses

OK, INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL = 0, 3, 12, 13
REPLACE = 1  # CommonResponse.CONTINUE_AND_REPLACE

HEADERS, BODY, TRAILERS = "headers", "body", "trailers"
NONE, STREAMED, BUFFERED, PARTIAL, DUPLEX, GRPC = range(6)  # ProcessingMode.BodySendMode
N_MODES = 6
UNKNOWN = None


@dataclasses.dataclass
class Event:
    """What a message says, as the model sees it. phase: None, or "request_headers", ..."""
    phase: str = None
    end: bool = False
    observing: bool = False
    modes: tuple = None  # protocol_config
    malformed: bool = False  # no protobuf

    @property
    def direction(self):
        return self.phase.split("_")[0]

    @property
    def part(self):
        return self.phase.split("_")[1]


class Direction:
    def __init__(self):
        self.headers = self.body = self.whole = self.ended = self.unowed = False
        self.mode = UNKNOWN

    def take(self, event):
        """None: valid. Or the status that ends the stream."""
        if self.unowed:
            return None
        if event.part == BODY and self.mode is UNKNOWN:
            self.mode = BUFFERED if event.end else STREAMED
        if self.ended or (event.part == BODY and self.whole):
            return INVALID_ARGUMENT
        if event.part == HEADERS and (self.headers or self.body):
            return INVALID_ARGUMENT
        if event.part == BODY and self.mode in (NONE, GRPC):
            return INVALID_ARGUMENT if self.mode == NONE else UNIMPLEMENTED
        self.headers |= event.part == HEADERS
        self.body |= event.part == BODY
        self.whole |= event.part == BODY and self.mode == BUFFERED
        self.ended |= event.end or event.part == TRAILERS
        return None


class Model:
    """One stream. status: what ends it, once something has."""

    def __init__(self):
        self.directions = {"request": Direction(), "response": Direction()}
        self.begun, self.status = False, None

    def settle(self, event):
        """Body modes are sent with the first message of a phase, or before it."""
        if self.begun:
            return None
        self.begun = event.phase is not None
        for direction, mode in zip(self.directions.values(), event.modes or (UNKNOWN, UNKNOWN)):
            if event.modes:
                direction.mode = mode
        said = [direction.mode for direction in self.directions.values()]
        return UNIMPLEMENTED if PARTIAL in said or DUPLEX in said else None

    def take(self, event):
        """True: an answer is owed."""
        if self.status is not None:
            return False
        if event.malformed or any(mode >= N_MODES for mode in event.modes or ()):
            self.status = INVALID_ARGUMENT
            return False
        self.status = self.settle(event)
        if self.status is not None or event.phase is None:
            return False
        direction = self.directions[event.direction]
        owed = not direction.unowed
        self.status = direction.take(event)
        return self.status is None and owed and not event.observing

    def answered(self, event, answer):
        """None, or what is wrong with the answer to an event that was owed one."""
        which = answer.WhichOneof("response")
        if which == "immediate_response":
            for direction in self.directions.values():
                direction.unowed = True
            return None
        if which != event.phase:
            return f"{which} answers {event.phase}"
        if event.part != TRAILERS and getattr(answer, which).response.status == REPLACE:
            self.directions[event.direction].unowed = True
        return None

    def half_closed(self, status):
        """By the client; status: what that leads to, if nothing has ended the stream before."""
        if self.status is None:
            self.status = status
