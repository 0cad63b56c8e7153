"""The Envoy that is measured: it answers every request itself, and its answer shows what has become
of the request's header x-ext."""

import textwrap

from harness import http1
from harness.envoy import Envoy, cluster_of, ext_proc
from harness.places import ENVOY
from harness.process import Process

CONFIG = """\
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }} }}
static_resources:
  listeners:
  - name: main
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ prefix: "/" }}
                direct_response: {{ status: 200, body: {{ inline_string: "{{}}" }} }}
                response_headers_to_add:
                - header: {{ key: x-seen, value: "%REQ(x-ext)%" }}
                - header: {{ key: cache-control, value: "private, max-age=30" }}
                - header: {{ key: etag, value: 'W/"72a-1876f0c1d5b"' }}
          http_filters:
{filters}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
{clusters}
"""

BOTH_HEADERS = {"request_header_mode": "SEND", "response_header_mode": "SEND"}


def config_text(address):
    """address: of the server of ext_proc, or None."""
    filters, clusters = (ext_proc(BOTH_HEADERS), cluster_of(address)) if address else ("", "")
    return CONFIG.format(filters=textwrap.indent(filters, " " * 10),
                         clusters=textwrap.indent(clusters, " " * 2))


class Proxy(Envoy):
    """The end-to-end tests' Envoy, but for what it is started with: no upstream, no access log, and
    nothing left in /dev/shm when it is killed. prefix: what its command starts with.
    """

    def __init__(self, folder, address, prefix):
        self.config, self.admin_path = folder / "envoy.yaml", folder / "admin"
        self.config.write_text(config_text(address), encoding="ascii")
        command = [*prefix, ENVOY, "-c", self.config, "--disable-hot-restart", "--concurrency", "1",
                   "--log-level", "warn", "--admin-address-path", self.admin_path]
        Process.__init__(self, "envoy", command, folder / "envoy.log")

    def check(self, served):
        """Sends one request. The server, if there is one, answers both phases and sets the header."""
        answer = http1.request(self.port)
        n_answers = self.stat("ext_proc.stream_msgs_received") if served else 0
        got = answer.status, answer.get("x-seen"), n_answers
        wanted = (200, "1", 2) if served else (200, None, 0)
        assert got == wanted, f"status, x-ext, messages: {got}, not {wanted}:\n{self.log()}"
