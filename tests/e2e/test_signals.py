"""Signals, wherever the service is at work; and the signals of the children that plugins start."""
import os
import pathlib
import signal
import subprocess

from harness.case import Case
from harness.messages import request_headers, response_headers, sets
from harness.places import BLOCKER, EXTPROCD, SPAWNER
from harness.service import ini
from harness.wait import wait_until

SDK = pathlib.Path(__file__).resolve().parents[2] / "sdk/include"
SPAWNS = f"[plugin:spawner]\nfile = {SPAWNER}\n"
NOOP = "[plugin:noop]\nfile = noop.so\n"


def status_of(pid, field):
    """A line of /proc/PID/status; None: there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next(line.split("\t")[1] for line in text.splitlines() if line.startswith(f"{field}:"))


def is_gone(pid):
    return status_of(pid, "State") in (None, "Z (zombie)")


def children(pid):
    lists = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for text in lists for child in text.read_text().split()]


def spawned(client):
    """(pid of a child that goes on, [exit codes of others])"""
    stream = client.stream()
    (_, value), = sets(stream.exchange(request_headers()))
    stream.finish()
    pid, *codes = map(int, value.split())
    return pid, codes


class Children(Case):
    def test_children_of_plugins_have_usual_signals(self):
        service = self.start(SPAWNS, ["setsid", "nohup"])
        pid, codes = spawned(self.client(service))
        self.assertEqual(codes, [5, 7])
        wait_until(lambda: pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "sleep is executed")
        self.assertEqual(int(status_of(pid, "SigBlk"), 16), 0)
        for signo in signal.SIGPIPE, signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1:
            self.assertFalse(int(status_of(pid, "SigIgn"), 16) >> (signo - 1) & 1, signo)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: is_gone(pid), "TERM ends the child")

    def test_ignored_children_of_the_parent(self):
        """The parent may ignore SIGCHLD: then the service could not wait for children."""
        prefix = ["python3", "-c", "import os, signal, sys\n"
                  "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                  "signal.pthread_sigmask(signal.SIG_SETMASK, range(1, 32))\n"
                  "os.execvp(sys.argv[1], sys.argv[1:])"]
        service = self.start(SPAWNS, prefix)
        pid, codes = spawned(self.client(service))
        self.assertEqual(codes, [5, 7])
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: is_gone(pid), "TERM ends the child")


class ProcessOne(Case):
    """Process 1 of a container."""

    CONTAINER = ["unshare", "-pf", "--mount-proc"]

    def setUp(self):
        super().setUp()
        if subprocess.run([*self.CONTAINER, "true"], capture_output=True).returncode:
            self.skipTest("a pid namespace needs root and a kernel that lets it")

    def start_contained(self, plugins, **config):
        service, client = self.start_unheard(plugins, self.CONTAINER, **config)
        return service, client, children(service.pid)[0]

    def inside(self, one, script):
        subprocess.run(["nsenter", "-t", str(one), "-p", "sh", "-c", script], check=True)

    def test_orphans_are_waited_for(self):
        service, client, one = self.start_contained(NOOP)
        served_by = children(one)
        self.inside(one, "sleep 1000 &")
        wait_until(lambda: len(children(one)) > 1, "there is an orphan")
        orphan, = set(children(one)) - set(served_by)
        os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: children(one) == served_by, "the orphan is waited for")
        self.assertEqual(len(client.answers(request_headers())), 1)
        os.kill(one, signal.SIGTERM)
        self.assertEqual(service.wait(), 0)

    def test_exit_codes_are_left_to_plugins(self):
        service, client, one = self.start_contained(SPAWNS)
        for _ in range(20):
            self.inside(one, "true & true & true &")
            self.assertEqual(spawned(client)[1], [5, 7])
        os.kill(one, signal.SIGTERM)
        self.assertEqual(service.wait(), 0)

    def test_signals_are_passed_on(self):
        log = self.folder / "log"
        service, _, one = self.start_contained(NOOP, service=f"log_file = {log}")
        log.rename(self.folder / "old")
        os.kill(one, signal.SIGUSR1)
        wait_until(log.exists, "a new log")
        os.kill(one, signal.SIGINT)
        self.assertEqual(service.wait(), 0)

    def test_the_service_is_killed(self):
        service, _, one = self.start_contained(NOOP)
        os.kill(children(one)[0], signal.SIGKILL)
        self.assertEqual(service.wait(), 128 + signal.SIGKILL)

    def test_term_ends_a_start_that_blocks(self):
        service = self.launch(f"[plugin:b]\nfile = {BLOCKER}\nwhere = init\n", self.CONTAINER)
        service.wait_line("plugin=b.*in 0")
        os.kill(children(service.pid)[0], signal.SIGTERM)
        self.assertEqual(service.wait(), 128 + signal.SIGTERM)


class BlockedPlugin(Case):
    """A plugin that does not return."""

    def blocked(self, where):
        return self.launch(f"[plugin:b]\nfile = {BLOCKER}\nwhere = {where}\n")

    def test_term_in_init(self):
        for signo in signal.SIGTERM, signal.SIGINT:
            with self.subTest(signo):
                service = self.blocked("init")
                service.wait_line("plugin=b.*in 0")
                self.assertEqual(service.stop(signo), -signo)

    def test_a_second_term_in_a_callback(self):
        service = self.blocked("request_headers").wait_ready()
        stream = self.client(service).stream()
        stream.send(request_headers())
        service.wait_line("plugin=b.*in 1")
        service.send(signal.SIGTERM)

        def ended():
            service.send(signal.SIGTERM)
            return service.popen.poll() is not None
        wait_until(ended, "another TERM ends it")
        self.assertEqual(service.wait(), 0)
        service.wait_line("received SIGTERM again: stopping immediately, while plugin b runs in "
                          r"request_headers \(for \d+ ms\)")

    def test_a_second_term_in_fini(self):
        service = self.blocked("fini").wait_ready()
        service.send(signal.SIGTERM)
        service.wait_line("plugin=b.*in 2")
        self.assertEqual(service.stop(signal.SIGINT), 0)
        service.wait_line("received SIGINT again: stopping immediately, while plugin b runs in fini")


DEFEATER = """
#include <extproc/plugin.h>
#include <signal.h>
#include <unistd.h>
static void on_signal(int signo) {}
static void defeat(void)
{
    sigset_t all;
    sigfillset(&all);
    (void)on_signal;
    %(how)s;
}
static void block(void)
{
    write(2, "it blocks\\n", 10);
    for (;;)
        pause();
}
%(code)s
static enum extproc_action on(struct extproc_txn *x) { return EXTPROC_ACTION_CONTINUE; }
extern const struct extproc_plugin extproc_plugin_v1;
const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI, .name = "defeater", %(members)s .request_headers = on};
"""
HOWS = {"ignored": "signal(SIGTERM, SIG_IGN); signal(SIGINT, SIG_IGN)",
        "default": "signal(SIGTERM, SIG_DFL); signal(SIGINT, SIG_DFL)",
        "handled": "signal(SIGTERM, on_signal); signal(SIGINT, on_signal)",
        "masked": "pthread_sigmask(SIG_SETMASK, &all, NULL)",
        "ignored and masked": "signal(SIGTERM, SIG_IGN); pthread_sigmask(SIG_SETMASK, &all, NULL)"}
PLACES = {"init": ("static int init(struct extproc_instance *instance) { %s return 0; }", ".init = init,"),
          "constructor": ("__attribute__((constructor)) static void begin(void) { %s }", "")}
LATER = {"fini": ("static void fini(struct extproc_instance *instance) { %s }", ".fini = fini,"),
         "response": ("static enum extproc_action late(struct extproc_txn *x) { %s return EXTPROC_ACTION_CONTINUE; }",
                      ".response_headers = late,")}


class Defeated(Case):
    """A plugin that does with signals what it likes, and one that does not return: itself, or the next."""

    def build(self, name, how, place, calls):
        code, members = {**PLACES, **LATER}[place]
        source = self.folder / f"{name}.c"
        source.write_text(DEFEATER % {"how": HOWS[how], "code": code % calls, "members": members})
        subprocess.run(["cc", "-shared", "-fPIC", "-w", f"-I{SDK}", "-o", self.folder / f"{name}.so", source], check=True)
        return f"[plugin:{name}]\nfile = {self.folder}/{name}.so\n"

    def check(self, plugins):
        """A signal that comes in the moment when it is ignored is lost, without other effects."""
        service = self.launch(plugins)
        service.wait_line("it blocks")

        def ended():
            service.send(signal.SIGTERM)
            return service.popen.poll() is not None
        wait_until(ended, "TERM ends it")
        self.assertEqual(service.wait(), -signal.SIGTERM)

    def test_term_ends_a_start(self):
        for how in HOWS:
            for place in PLACES:
                with self.subTest(how, place=place, blocks="itself"):
                    self.check(self.build("one", how, place, "defeat(); block();"))
                with self.subTest(how, place=place, blocks="the next"):
                    self.check(self.build("one", how, place, "defeat();") +
                               self.build("two", how, "init", "block();"))

    def test_term_ends_a_test(self):
        for how in HOWS:
            for place in PLACES:
                with self.subTest(how, place=place):
                    ini_file = self.folder / "test.ini"
                    ini_file.write_text(ini(self.build("one", how, place, "defeat(); block();")))
                    with subprocess.Popen([EXTPROCD, "-t", "-c", ini_file], stderr=subprocess.PIPE) as popen:
                        popen.stderr.readline()
                        child, = children(popen.pid)
                        popen.send_signal(signal.SIGTERM)
                        self.assertEqual(popen.wait(), -signal.SIGTERM)
                        wait_until(lambda: is_gone(child), "the child goes with it")

    def test_term_ends_what_serves(self):
        for how in HOWS:
            with self.subTest(how):
                service = self.launch(self.build("one", how, "response", "defeat();")).wait_ready()
                stream = self.client(service).stream()
                stream.send(request_headers(), response_headers())
                stream.finish()

                def ended():
                    service.send(signal.SIGTERM)
                    return service.popen.poll() is not None
                wait_until(ended, "TERM ends it")
                self.assertIn(service.wait(), (0, -signal.SIGTERM) if how == "default" else (0,))

    def test_term_ends_an_end(self):
        for how in HOWS:
            with self.subTest(how):
                service = self.launch(self.build("one", how, "fini", "defeat(); block();")).wait_ready()
                service.send(signal.SIGTERM)
                service.wait_line("it blocks")

                def ended():
                    service.send(signal.SIGTERM)
                    return service.popen.poll() is not None
                wait_until(ended, "another TERM ends it")
