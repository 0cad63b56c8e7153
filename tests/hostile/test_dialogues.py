"""Random dialogues, valid and nearly so, many streams on a connection: every answer that is owed comes, and no other.

SEED=... repeats the dialogues of a run that printed it; HOSTILE_SECONDS is how long new ones are tried."""
import collections
import os
import random
import time

from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from attack import Meter, size
from dialogues import CUT, HALF_CLOSE, RESET, STAY, Dialogue, dialogue, encode, legal_part, STREAMED
from frames import NO_ERROR, Connection, frames_of, mix
from harness.case import Case
from harness.places import PATIENCE, PROBE, TRANSPORT
from harness.raw import frame, framed
from harness.wait import wait_until
from model import INTERNAL, OK, Model
from peers import DATA, END_STREAM

SECONDS = float(os.environ.get("HOSTILE_SECONDS", "20"))
SEED = os.environ.get("SEED")
MOST_STREAMS = 10
# A random client may do all of this as often as it likes: these limits have attacks of their own.
LISTENER = "max_resets = 1000000 in 1s\nmax_idle_frames = 1000000 in 1s\n"
QUIET = "[plugin:tags]\nfile = headers.so\nrequest.set = x-seen: yes\nresponse.set = x-seen: yes\n"
LOUD = ("[plugin:control]\nfile = instructions.so\n[plugin:loud]\nfile = upper.so\ndirection = both\n"
        "[plugin:more]\nfile = body.so\nresponse.append = <!-- end -->\n"
        f"[plugin:probe]\nfile = {PROBE}\ndo = request_headers: metadata a/b c\ndo = response_body: metadata a/b d\n"
        "do = request_trailers: set x-trailer yes\n")
# What a half-close leads to; the gRPC core does not distinguish one in a message from one after it.
ENDS = {HALF_CLOSE: OK, CUT: OK if TRANSPORT == "grpc" else INTERNAL}


class Broken(AssertionError):
    """An oracle's verdict."""


def answers_of(stream):
    """The answers that are there, and how many bytes of one that is not complete."""
    answers, at, octets = [], 0, stream.received
    while at + 5 <= len(octets):
        end = at + 5 + int.from_bytes(octets[at + 1:at + 5], "big")
        if end > len(octets):
            break
        answers.append(pb.ProcessingResponse.FromString(octets[at + 5:end]))
        at = end
    return answers, len(octets) - at


def failed(stream):
    """A plugin may, where it wants to respond and the response has begun."""
    return "failed in" in stream.headers.get("grpc-message", "")


def judge(said, stream, quiet):
    """True: all has come that must. An error where something has come that must not."""
    model, (rest, n_left) = Model(), answers_of(stream)
    status = None if stream.status is None else int(stream.status)
    heard = said.events[:-1] if said.end == CUT else said.events
    for event in heard:
        if not model.take(event):
            continue
        if not rest:
            if status == INTERNAL and not quiet and failed(stream):
                return True
            if status is not None:
                raise Broken(f"ended with {status}, and owes {event.phase}")
            return False
        answer = rest.pop(0)
        if quiet and answer.HasField("immediate_response"):
            raise Broken(f"an immediate response to {event.phase}: {answer}")
        wrong = model.answered(event, answer)
        if wrong:
            raise Broken(wrong)
    if said.end in ENDS:
        model.half_closed(ENDS[said.end])
    if rest or (n_left and status is not None):
        raise Broken(f"{len(rest)} answers and {n_left} bytes that are not owed: {rest}")
    if status is not None and status != model.status:
        raise Broken(f"ended with {status} instead of {model.status}: {stream.headers}")
    return status is not None or model.status is None


def prefix_judged(said, stream, quiet):
    """Of a stream that was reset: what came before is right as far as it goes."""
    events = said.events
    model, (rest, _) = Model(), answers_of(stream)
    for event in events:
        if model.take(event) and rest:
            wrong = model.answered(event, rest.pop(0))
            if wrong:
                raise Broken(wrong)
    if rest:
        raise Broken(f"answers that are not owed: {rest}")


def witness(rnd):
    """A valid stream, with a known answer to each of its messages."""
    events = legal_part(rnd, "request", STREAMED)
    while not events or events[0].part != "headers":
        events = legal_part(rnd, "request", STREAMED)
    events[0].modes = (STREAMED, STREAMED)
    octets, starts = b"", []
    for event in events:
        starts.append(len(octets))
        octets += framed(encode(rnd, event))
    return Dialogue(events, octets, starts, HALF_CLOSE)


class Round:
    """One connection's streams."""

    def __init__(self, seed, service, quiet):
        self.rnd = random.Random(seed)
        self.seed, self.quiet, self.service = seed, quiet, service
        n = self.rnd.randrange(1, MOST_STREAMS + 1)
        self.said = [dialogue(self.rnd) for _ in range(n)]
        self.said.insert(self.rnd.randrange(n + 1), witness(self.rnd))
        self.client = Connection(service.address, self.rnd.choice([65535, 65535, 1 << 20, 300, 5]))
        self.streams = self.client.open_streams(len(self.said))

    def run(self):
        rnd = self.rnd
        frames = mix(rnd, [frames_of(rnd, s.id, d) for s, d in zip(self.streams, self.said)])
        while frames:
            n = rnd.choice([1, 2, 10, 100])
            self.send(b"".join(frames[:n]))
            del frames[:n]
            if not self.client.read_what_is_there():
                raise Broken(f"the connection is closed {self.client.goaways}")
        if rnd.random() < 0.1:  # leaves in the middle of it all
            return
        self.settle()
        for stream, said in zip(self.streams, self.said):
            if said.end == STAY:
                said.end = HALF_CLOSE
                self.client.send(frame(DATA, END_STREAM, stream.id, b""))
        self.settle()

    def send(self, octets):
        """In one piece or two."""
        at = self.rnd.choice([0, self.rnd.randrange(len(octets))])
        self.client.send(octets[:at])
        self.client.send(octets[at:])

    def settle(self):
        end = time.monotonic() + PATIENCE
        waiting = [pair for pair in zip(self.streams, self.said) if pair[1].end != RESET]
        while waiting := [pair for pair in waiting if not self.judged(*pair)]:
            if time.monotonic() > end:
                raise Broken(f"no end within {PATIENCE} s: {self.text(*waiting[0])}")
            if not self.client.read():
                raise Broken(f"the connection is closed {self.client.goaways}, and this was open: {self.text(*waiting[0])}")
        for stream, said in zip(self.streams, self.said):
            if said.end == RESET:
                self.checked(prefix_judged, stream, said)

    def judged(self, stream, said):
        reset = self.client.resets.get(stream.id, NO_ERROR)
        if reset != NO_ERROR:
            raise Broken(f"reset with {reset}: {self.text(stream, said)}")
        return self.checked(judge, stream, said)

    def checked(self, how, stream, said):
        try:
            return how(said, stream, self.quiet)
        except Broken as e:
            raise Broken(f"{e}\n{self.text(stream, said)}") from None

    def text(self, stream, said):
        answers, _ = answers_of(stream)
        lines = [f"stream {stream.id}, the client {said.end}; status {stream.status} {stream.headers}"]
        lines += [f"  > {event}" for event in said.events]
        lines += [f"  < {answer.WhichOneof('response')}" for answer in answers]
        return "\n".join(lines)


class Dialogues(Case):
    def fuzz(self, plugins, quiet):
        to = self.folder / "transactions"
        service = self.launch(f"{plugins}[plugin:log]\nfile = log.so\nto = {to}\n", listener=LISTENER).wait_ready()
        meter = Meter(service.pid)
        first = SEED or f"{random.SystemRandom().randrange(1 << 32)}"
        print(f"\n  SEED={first}", flush=True)
        end, counts, n = time.monotonic() + SECONDS / 2, collections.Counter(), 0
        while time.monotonic() < end and not (":" in first and n):
            seed = first if ":" in first else f"{first}:{n}"
            n += 1
            self.play(seed, service, quiet, counts)
        wait_until(lambda: meter.descriptors() <= meter.descriptors_before, "descriptors are free")
        print(f"  {n} connections, {counts['streams']} streams, {counts['messages']} messages, {counts['answers']} answers; "
              f"ended with {', '.join(f'{k} {v}' for k, v in sorted(counts.items()) if k[0].isdigit())}\n"
              f"  resident {size(meter.before)} before, {size(meter.peak)} at most, {size(meter.resident)} after")
        self.assertEqual(service.stop(), 0)
        self.assertEqual(service.lines(r"^\S+ error .*" if quiet else r"^\S+ error (?!.*\bplugin=)"), [])
        lines = to.read_text().splitlines()
        self.assertGreaterEqual(len(lines), counts["answered"], "a line for each stream")
        self.assertLessEqual(len(lines), counts["streams"], "no line but for a stream")

    def play(self, seed, service, quiet, counts):
        game = Round(seed, service, quiet)
        try:
            game.run()
        except (Broken, OSError) as e:
            self.fail(f"SEED={seed}: {e}\n{service.log()[-2000:]}")
        finally:
            game.client.close()
        counts["streams"] += len(game.said)
        counts["messages"] += sum(len(said.events) for said in game.said)
        for stream in game.streams:
            counts["answers"] += stream.n_answers
            counts["answered"] += stream.n_answers > 0
            counts[stream.status or "none"] += 1

    def test_plugins_that_never_respond(self):
        self.fuzz(QUIET, quiet=True)

    def test_plugins_that_respond_and_replace(self):
        self.fuzz(LOUD, quiet=False)
