"""The test case that all modules use: what it starts, it ends, and extprocd has to end well."""
import contextlib
import pathlib
import tempfile
import unittest

import grpc

from harness.client import SERVING, Client
from harness.envoy import LARGE, Envoy, cluster_of, ext_proc, printed
from harness.http2 import Http2Upstream
from harness.messages import request_headers, response_headers
from harness.places import PATIENCE
from harness.octets import RawUpstream
from harness.raw import RawClient
from harness.service import Extprocd, ini
from harness.upstream import Upstream
from harness.wait import wait_until


class Case(unittest.TestCase):
    """Starts services, proxies, upstreams and clients that end with the test."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="extprocd-e2e-")))
        self.n_folders = 0

    def new_folder(self):
        self.n_folders += 1
        folder = self.folder / str(self.n_folders)
        folder.mkdir()
        return folder

    def launch(self, plugins="", prefix=(), **config):
        """extprocd, not waited for, and ended in whatever way the test wants."""
        service = Extprocd(self.new_folder(), ini(plugins, **config), prefix)
        self.addCleanup(service.kill)
        return service

    def start(self, plugins="", prefix=(), **config):
        """extprocd, ready; at the test's end it has to stop with 0 and without an error in its log."""
        service = self.launch(plugins, prefix, **config).wait_ready()
        self.addCleanup(self.check_end, service)
        return service

    def start_unheard(self, plugins="", prefix=(), **config):
        """extprocd whose log cannot be read, at a unix socket; ready when it says that it serves."""
        service = self.launch(plugins, prefix, address=f"unix:{self.folder}/socket", **config)
        service.address = f"unix:{self.folder}/socket"
        client = self.client(service)
        wait_until(lambda: client.health() == SERVING, "the service")
        return service, client

    def check_end(self, service):
        self.assertEqual(service.stop(), 0, service.log()[-4000:])
        self.assertEqual(service.lines(r"^\S+ error "), [])

    def client(self, service, credentials=None):
        return self.enterContext(contextlib.closing(Client(service.address, credentials)))

    def raw_client(self, service, *arguments, **options):
        return self.enterContext(contextlib.closing(RawClient(service.address, *arguments, **options)))

    def neighbour(self, service, credentials=None):
        """A stream on a connection of its own, which notices nothing until the test's end."""
        stream = self.client(service, credentials).stream(limit=2 * PATIENCE)
        stream.exchange(request_headers())
        self.addCleanup(self.check_neighbour, stream)
        return stream

    def check_neighbour(self, stream):
        stream.exchange(response_headers())
        self.assertEqual(stream.finish()[:2], ([], grpc.StatusCode.OK))

    def upstream(self, **options):
        return self.enterContext(contextlib.closing(Upstream(**options)))

    def raw_upstream(self, *arguments, **options):
        return self.enterContext(contextlib.closing(RawUpstream(*arguments, **options)))

    def http2_upstream(self, **options):
        return self.enterContext(contextlib.closing(Http2Upstream(**options)))

    def envoy(self, service, upstream, mode=None, options=None, **fields):
        """Envoy with both, and with this processing_mode and further fields of the filter; options: as for
        Envoy."""
        return self.run_envoy(ext_proc(mode or {}, **fields), cluster_of(service.address), upstream,
                              **(options or {}))

    def printed_envoy(self, service, upstream):
        """Envoy with what `extprocd --print-envoy-config` says."""
        listener, filters, clusters = printed(service)
        return self.run_envoy(filters, clusters, upstream, listener)

    def run_envoy(self, filters, clusters, upstream, listener=LARGE, log="", **options):
        """log: one more field of its access log."""
        envoy = Envoy(self.new_folder(), listener, filters, clusters, upstream, log, **options)
        self.addCleanup(envoy.kill)
        return envoy.wait_ready()
