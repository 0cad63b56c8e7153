"""A program under test: started, watched by its log, ended by its pid."""
import os
import pathlib
import re
import signal
import subprocess

from harness.places import PATIENCE
from harness.wait import wait_until


def descriptors(pid):
    """What the descriptors of a process lead to, by their numbers. It goes on meanwhile, and may close some."""
    found = {}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(link.name)] = os.readlink(link)
        except FileNotFoundError:
            pass
    return found


class Process:
    """Runs a command with its output in a file. It does not outlive the test runner (PDEATHSIG)."""

    def __init__(self, name, command, log, stderr=None):
        self.name, self.log_path = name, log
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)],
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=stderr or subprocess.STDOUT)
        self.pid = self.popen.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def lines(self, pattern):
        """The log's lines that match."""
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def wait_line(self, pattern):
        """Waits for a line of the log, and returns the match. A program that has ended logs nothing further."""
        def look():
            ended = self.popen.poll() is not None
            found = re.search(pattern, self.log(), re.MULTILINE)
            if ended and not found:
                raise AssertionError(f"{self.name} has ended with {self.popen.returncode}:\n{self.log()}")
            return found
        try:
            return wait_until(look, f"'{pattern}' in the log of {self.name}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()[-4000:]}") from None

    def send(self, signo):
        self.popen.send_signal(signo)

    def wait(self, limit=PATIENCE):
        """The exit code."""
        try:
            return self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended within {limit} s:\n{self.log()[-4000:]}") from None

    def stop(self, signo=signal.SIGTERM):
        """Asks it to end, and returns the exit code."""
        if self.popen.poll() is None:
            self.send(signo)
        return self.wait()

    def kill(self):
        """The clean-up's way: nothing is left, whatever state it is in."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
