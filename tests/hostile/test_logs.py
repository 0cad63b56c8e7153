"""Readers of logs that stall, and files that are none: the service goes on, and TERM ends it."""
import os
import signal

from attack import MARGIN, TAGS, Attack
from harness.wait import wait_until

PIPE_BYTES = 65536
LINE = 80  # bytes, at least, of one of the log's


class Logs(Attack):
    def fifo(self, name):
        """One that somebody has opened, and does not read."""
        path = self.folder / name
        os.mkfifo(path)
        holder = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, holder)
        return path

    def stall(self, what):
        """Until the pipe is full, and long after."""
        self.sent(f"{what} is not read")
        n = len(self.watched.latencies())
        self.within("served behind a full pipe",
                    lambda: len(self.watched.latencies()) >= n + 2 * PIPE_BYTES // LINE)
        self.neighbour_works()
        self.relieve()

    def test_standard_error(self):
        pipe = self.fifo("stderr")
        self.besiege(prefix=["sh", "-c", f'exec "$@" 2>"{pipe}"', "sh"], unheard=True, service="log_level = debug")
        self.stall("standard error")

    def test_standard_output_of_the_log_plugin(self):
        pipe = self.fifo("stdout")
        self.besiege(f"{TAGS}[plugin:access]\nfile = log.so\n", prefix=["sh", "-c", f'exec "$@" >"{pipe}"', "sh"],
                     unheard=True)
        self.stall("standard output")

    def ended_by_term(self, service):
        """Whether it has refused to start, or starts, or serves."""
        wait_until(lambda: service.popen.poll() is not None or "extprocd" in open(f"/proc/{service.pid}/cmdline").read(),
                   "it runs")
        service.send(signal.SIGTERM)
        return service.popen.wait(MARGIN) in (0, 1, -signal.SIGTERM)

    def test_a_pipe_as_a_file(self):
        """No process has it open at the other end: opening it would wait for ever."""
        for name, plugins, key in (("log_file", TAGS, "log_file = {}"),
                                   ("to", TAGS + "[plugin:access]\nfile = log.so\nto = {}\n", ""),
                                   ("include", TAGS, "include = {}")):
            with self.subTest(name):
                path = self.folder / f"{name}.ini"
                os.mkfifo(path)
                service = self.launch(plugins.replace("{}", str(path)), service=key.format(path))
                self.assertTrue(self.ended_by_term(service))

    def test_usr1_with_a_pipe_in_the_place_of_the_log(self):
        log = self.folder / "log"
        service, _ = self.start_unheard(TAGS, service=f"log_file = {log}")
        log.unlink()
        os.mkfifo(log)
        service.send(signal.SIGUSR1)
        client = self.client(service)
        self.assertEqual(client.health(), 1)
        self.assertEqual(service.stop(), 0)
