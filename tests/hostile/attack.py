"""An attack: what a peer does, the bounds that must hold meanwhile and afterwards, and its figures.

A bound that does not hold on a transport stands in pins.py; then it must not hold, so that the day it
does, the pin and the line in README go."""
import contextlib
import pathlib
import re
import signal
import sys
import time

from harness.case import Case
from harness.client import Client
from harness.messages import request_headers, response_headers
from harness.places import PATIENCE, SANITIZED, TRANSPORT
from harness.process import Process, descriptors
from harness.wait import wait_until
from pins import PINNED, UNJUDGED

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1024 * 1024
TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"
# The times of a listener under attack, so that what they end has ended in seconds.
TIMES = "handshake_timeout = 1s\nfirst_message_timeout = 1s\nwrite_timeout = 1s\nidle_timeout = 2s\n"
PINNED_WAIT = 5  # seconds after which what is pinned has not happened
LIMIT = PATIENCE / 2  # seconds after which what must happen has not
N_EXCHANGES = 20  # that a neighbour completes while the attack is at its height
WORST_MS = 20000 if SANITIZED else 10000  # of a neighbour's exchange, on a busy machine
DRAIN = 1  # seconds
MARGIN = 20  # seconds that a drain may take longer than it should, on a busy machine


class Meter:
    """What the service holds, as the kernel sees it."""

    def __init__(self, pid):
        self.proc = pathlib.Path(f"/proc/{pid}")
        self.before, self.descriptors_before = self.status("VmRSS"), self.descriptors()
        (self.proc / "clear_refs").write_text("5")  # VmHWM begins anew

    def status(self, field):
        """Bytes."""
        return int(re.search(rf"{field}:\s+(\d+) kB", (self.proc / "status").read_text()).group(1)) * 1024

    def descriptors(self):
        """Those of sockets."""
        return sum(target.startswith("socket:") for target in descriptors(self.proc.name).values())

    @property
    def resident(self):
        return self.status("VmRSS")

    @property
    def peak(self):
        return self.status("VmHWM")


class Neighbour(Process):
    """A client of its own process and connection, which exchanges all the time and wants every answer."""

    def __init__(self, address, folder):
        self.times = folder / "times"
        super().__init__("neighbour", [sys.executable, HERE / "neighbour.py", address, self.times], folder / "log")
        self.wait_line("^begun$")
        wait_until(self.latencies, "the first exchange")

    def latencies(self):
        """Milliseconds, one for each exchange."""
        return [int(line) / 1000 for line in self.times.read_text().splitlines()]


class Attack(Case):
    """besiege() begins; sent(), the bounds; relieve() ends the service, and demands what was found."""

    def besiege(self, plugins=TAGS, prefix=(), unheard=False, service="", **config):
        """The service with an active neighbour, measured before the attack. unheard: its log cannot be read."""
        self.broken, self.notes, self.what = [], [], ""
        config["service"] = f"lame_duck = 0s\ndrain = {DRAIN}s\n{service}"
        if unheard:
            self.service, client = self.start_unheard(plugins, prefix, **config)
            client.close()
        else:
            self.service = self.launch(plugins, prefix, **config).wait_ready()
        self.watched = Neighbour(self.service.address, self.new_folder())
        self.addCleanup(self.watched.kill)
        self.meter = Meter(self.service.pid)
        self.began, self.n_before = time.monotonic(), len(self.watched.latencies())
        return self.service

    # ---- figures ---------------------------------------------------------------------------------------

    def sent(self, text, octets=None):
        self.what = text if octets is None else f"{text}, {size(octets)}"

    def note(self, text):
        self.notes.append(text)

    # ---- bounds ----------------------------------------------------------------------------------------

    @property
    def name(self):
        return f"{type(self).__name__}.{self._testMethodName.removeprefix('test_')}"

    def stands_in(self, table, bound):
        return bound in table.get(TRANSPORT, {}).get(self.name, ())

    def pinned(self, bound):
        return self.stands_in(PINNED, bound)

    def bound(self, bound, holds):
        """holds: does it? What is pinned must not."""
        if self.stands_in(UNJUDGED, bound):
            self.note(f"{'holds' if holds else 'does not hold'}, not judged: {bound}")
            return
        pinned = self.pinned(bound)
        if pinned and holds:
            self.broken.append(f"{bound}: holds, so take it out of pins.py, and its line out of README")
        elif not pinned and not holds:
            self.broken.append(bound)
        self.note(f"{'pinned' if pinned else 'held' if holds else 'BROKEN'}: {bound}")

    def all_within(self, bounds):
        """Bounds, each with its condition, that must hold in the end; returns the seconds they took, or None."""
        began, open_bounds = time.monotonic(), dict(bounds)
        while open_bounds:
            limits = [PINNED_WAIT if self.pinned(bound) else LIMIT for bound in open_bounds]
            if time.monotonic() - began > max(limits):
                break
            open_bounds = {bound: holds for bound, holds in open_bounds.items() if not self.true_now(holds)}
            time.sleep(0.02)
        took = time.monotonic() - began
        for bound in bounds:
            self.bound(bound, bound not in open_bounds)
        return None if open_bounds else took

    @staticmethod
    def true_now(condition):
        """Not if what it asks has gone."""
        try:
            return condition()
        except (OSError, AssertionError):
            return False

    def within(self, bound, condition):
        return self.all_within({bound: condition})

    def neighbour_works(self):
        """It completes exchanges while the attack is on."""
        n = len(self.watched.latencies())
        self.within("the neighbour is served", lambda: len(self.watched.latencies()) >= n + N_EXCHANGES)

    def fresh_client_served(self):
        """A connection that comes only now."""
        def served():
            with contextlib.closing(Client(self.service.address)) as client:
                stream = client.stream(limit=PINNED_WAIT)
                stream.send(request_headers(), response_headers())
                answers, _, _ = stream.finish()
            return len(answers) == 2
        self.within("a new client is served", served)

    def descriptors_freed(self):
        """All but the neighbour's, which was there before."""
        took = self.within("descriptors are free", lambda: self.meter.descriptors() <= self.meter.descriptors_before)
        if took is not None:
            self.note(f"free after {took:.1f} s")

    def resident_below(self, limit):
        """Never more than so many bytes beyond what was there before. Sanitizers keep memory of their own."""
        if not SANITIZED:
            self.bound(f"at most {size(limit)} more", self.meter.peak - self.meter.before <= limit)

    def memory_back(self, limit):
        if not SANITIZED:
            self.within(f"but {size(limit)} given back", lambda: self.meter.resident - self.meter.before <= limit)

    # ---- the end ---------------------------------------------------------------------------------------

    def relieve(self, *counters, beside=True):
        """TERM ends it in its time; the counters have counted. beside: the neighbour has noticed nothing."""
        peak, after = self.meter.peak, self.meter.resident
        times = sorted(self.watched.latencies()[self.n_before:])
        if beside:
            self.bound("the neighbour notices nothing", self.watched.popen.poll() is None)
        self.bound("no exchange takes seconds", not times or times[-1] < WORST_MS)
        if beside and self.watched.popen.poll() is not None:
            self.note(self.watched.log().splitlines()[-1])
        self.service.send(signal.SIGTERM)
        began = time.monotonic()
        self.within("TERM ends it", lambda: self.service.popen.poll() is not None
                    and time.monotonic() - began < DRAIN + MARGIN)
        code = self.service.popen.poll()
        self.note(f"TERM {time.monotonic() - began:.1f} s")
        if code is not None:
            self.bound("it ends with 0", code == 0)
            self.bound("no error in its log", not self.service.lines(r"^\S+ error "))
            self.count(counters)
        self.report(peak, after, times)
        self.service.kill()
        self.assertEqual(self.broken, [], self.service.log()[-3000:])

    def count(self, counters):
        said = "\n".join(self.service.lines(r" info  count(ed|ers): "))
        counted = {name: int(n) for name, n in re.findall(r"(\w+)[ =](\d+)", said)}
        for name in counters if TRANSPORT != "grpc" else ():  # whose limits are not ours to count
            self.bound(f"counted: {name}", counted.get(name, 0) > 0)
        self.note(", ".join(f"{name} {n}" for name, n in counted.items()))

    def report(self, peak, after, times):
        p = [times[len(times) * n // 100] for n in (50, 99)] if times else [0, 0]
        print(f"\n  sent     {self.what}; over after {time.monotonic() - self.began:.1f} s\n"
              f"  resident {size(self.meter.before)} before, {size(peak)} at most, {size(after)} after\n"
              f"  beside   {len(times)} exchanges, p50 {p[0]:.1f} ms, p99 {p[1]:.1f} ms, "
              f"at most {times[-1] if times else 0:.1f} ms")
        for text in filter(None, self.notes):
            print(f"  {text}")


def size(octets):
    for unit, name in (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"):
        if octets >= unit:
            return f"{octets / unit:.3g} {name}"
    return f"{octets} bytes"
