"""A real Envoy between a client and an upstream, with ext_proc in its filter chain."""
import json
import subprocess
import textwrap

from harness import http1
from harness.places import ENVOY, EXTPROCD
from harness.process import Process
from harness.wait import wait_until

# Larger than any body of the tests: a BUFFERED one has to fit.
BUFFER = 16 * 1024 * 1024

# What holds on every machine, however busy; it is not the timeout that is tested.
MESSAGE_TIMEOUT = "20s"

HTTP2 = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "explicit_http_config": {"http2_protocol_options": {}}}}

CONFIG = """\
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }} }}
static_resources:
  listeners:
  - name: main
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}
{listener}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
{hcm}
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {access_log}
              log_format:
                text_format_source: {{ inline_string: "%REQ(:path)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%{log}\\n" }}
          route_config: {{ virtual_hosts: [{{ name: all, domains: ["*"], routes: {routes} }}] }}
          http_filters:
{filters}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - {upstream}
{clusters}
"""


LARGE = f"  per_connection_buffer_limit_bytes: {BUFFER}"  # of a listener
LIMITS = ("max_connections", "max_pending_requests", "max_requests")


def endpoint(cluster, *addresses):
    return {"cluster_name": cluster,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}} for address in addresses]}]}


def tcp(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def ext_proc(mode, **fields):
    """http_filters of one ext_proc filter: a processing_mode, and further fields of the filter."""
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
              "grpc_service": {"envoy_grpc": {"cluster_name": "extprocd"}},
              "message_timeout": MESSAGE_TIMEOUT, "processing_mode": mode, **fields}
    return "- " + json.dumps({"name": "envoy.filters.http.ext_proc", "typed_config": config})


def upstream_tls(authority, own):
    """A transport_socket: servers must be the CA's "localhost"; own: what we show them."""
    names = [{"san_type": "DNS", "matcher": {"exact": "localhost"}}]
    config = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
              "sni": "localhost", "common_tls_context": {
                  "tls_certificates": [{"certificate_chain": {"filename": str(own.cert)},
                                        "private_key": {"filename": str(own.key)}}],
                  "validation_context": {"trusted_ca": {"filename": str(authority.cert)},
                                         "match_typed_subject_alt_names": names}}}
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": config}}


def cluster_of(address, **fields):
    """clusters of one, which is extprocd, with further fields of it."""
    return cluster_of_all([address], **fields)


def cluster_of_all(addresses, **fields):
    """The same with several instances of extprocd."""
    places = [{"pipe": {"path": address[5:]}} if address.startswith("unix:") else tcp(int(address.rsplit(":", 1)[1]))
              for address in addresses]
    return "- " + json.dumps({"name": "extprocd", "type": "STATIC", "connect_timeout": "5s",
                              "typed_extension_protocol_options": HTTP2,
                              "load_assignment": endpoint("extprocd", *places), **fields})


def printed_config(ini, form="envoy"):
    """What the service says an operator should paste."""
    return subprocess.run([EXTPROCD, f"--print-envoy-config={form}", "-c", ini], check=True, text=True,
                          capture_output=True).stdout


def part(text, key):
    """The lines of one top level key of that output."""
    if f"\n{key}: {{}}\n" in text:
        return ""
    lines = text.split(f"\n{key}:\n", 1)[1].splitlines()
    end = next((i for i, line in enumerate(lines) if line and line[0] not in " -"), len(lines))
    return "\n".join(lines[:end])


def printed(service):
    """listener, http_filters and clusters as printed; but for the port, which the system chose at the start,
    and the timeout, which a busy machine would not keep."""
    text = printed_config(service.ini)
    assert "message_timeout: 1s" in text, text
    text = text.replace("message_timeout: 1s", f"message_timeout: {MESSAGE_TIMEOUT}")
    if not service.address.startswith("unix:"):
        assert "port_value: 0 " in text, text
        text = text.replace("port_value: 0 ", f"port_value: {service.port} ")
    return [part(text, key) for key in ("listener", "http_filters", "clusters")]


ROUTES = [{"match": {"headers": [{"name": "x-route", "string_match": {"exact": "other"}}], "prefix": "/"},
           "direct_response": {"status": 299}},
          {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "60s"}}]
CONNECT_ROUTES = [{"match": {"connect_matcher": {}}, "route": {
    "cluster": "upstream", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}}]


def config_text(listener, filters, clusters, upstream, access_log, log, routes=None, **hcm):
    cluster = {"name": "upstream", "type": "STATIC", "connect_timeout": "5s",
               "circuit_breakers": {"thresholds": [{name: 10000 for name in LIMITS}]},
               "per_connection_buffer_limit_bytes": BUFFER,
               "load_assignment": endpoint("upstream", tcp(upstream.port))}
    if upstream.http2:
        cluster["typed_extension_protocol_options"] = HTTP2
    more = "\n".join(f"{key}: {json.dumps(value)}" for key, value in hcm.items())
    return CONFIG.format(listener=textwrap.indent(listener, " " * 2), access_log=access_log, log=f" {log}" if log else "",
                         routes=json.dumps(routes or ROUTES), hcm=textwrap.indent(more, " " * 10),
                         upstream=json.dumps(cluster), filters=textwrap.indent(filters, " " * 10),
                         clusters=textwrap.indent(clusters, " " * 2))


class Envoy(Process):
    """Requests with `x-route: other` have a route of their own, a 299 from Envoy itself: a route that is
    only found again after clear_route_cache. options: other routes, and further fields of the connection
    manager."""

    def __init__(self, folder, listener, filters, clusters, upstream, log, **options):
        self.access_log, self.admin_path = folder / "access.log", folder / "admin"
        config = folder / "envoy.yaml"
        config.write_text(config_text(listener, filters, clusters, upstream, self.access_log, log, **options))
        super().__init__("envoy", [ENVOY, "-c", config, "--disable-hot-restart", "--concurrency", "1",
                                   "--log-level", "warn", "--file-flush-interval-msec", "10",
                                   "--admin-address-path", self.admin_path], folder / "envoy.log")
        self.config, self.port = config, None

    def wait_ready(self):

        def look():
            if self.popen.poll() is not None:
                raise AssertionError(f"envoy has ended:\n{self.log()}")
            return self.admin_path.exists() and self.admin_path.read_text().strip()
        admin = int(wait_until(look, "envoy's admin address").rsplit(":", 1)[1])
        wait_until(lambda: http1.request(admin, path="/ready").body == b"LIVE\n", "envoy is live")
        listeners = json.loads(http1.request(admin, path="/listeners?format=json").body)
        self.port = listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
        self.admin = admin
        return self

    def stat(self, name):
        """A counter that there must be; of several with the same end their sum."""
        text = http1.request(self.admin, path=f"/stats?filter={name}$").body.decode()
        assert text, f"envoy counts no {name}"
        return sum(int(line.rsplit(": ", 1)[1]) for line in text.splitlines())

    def access(self, path):
        """The access log's entry of a path, when it is there: [status, details without the transaction's id, ...]."""
        status, details, *rest = self.access_line(path)
        return [status, details.partition("{")[0], *rest]

    def access_id(self, path):
        """The transaction's id, which follows the details of a failed plugin in braces; otherwise ""."""
        return self.access_line(path)[1].partition("{")[2].rstrip("}")

    def access_line(self, path):
        def look():
            lines = self.access_log.read_text().splitlines() if self.access_log.exists() else []
            return [line.split(" ")[1:] for line in lines if line.split(" ")[0] == path]
        return wait_until(look, f"{path} in envoy's access log")[0]
