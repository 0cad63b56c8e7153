"""--print-envoy-config, pasted: a real Envoy takes it, and it is enough for the plugins to work."""
import collections
import contextlib
import http.client
import json
import subprocess
import threading

import yaml

from harness import http1, http2
from harness.case import Case
from harness.envoy import part, printed, printed_config
from harness.places import ENVOY, PATIENCE, PROBE, WHOLE

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-a: 2\n"
UPPER = "[plugin:loud]\nfile = upper.so\ndirection = both\n"
CONTROL = "[plugin:control]\nfile = instructions.so\n"
TRAILERS = "[plugin:tr]\nfile = headers.so\nrequest_trailers.set = x-t: 1\nresponse_trailers.set = x-t: 2\n"

# Fields of Gloo's API (extproc.options.gloo.solo.io, gloo.solo.io Upstream) and the types of their values, as its
# CRDs of August 2026 have them.
GLOO = {
    "extProc": {
        "grpcService": {"extProcServerRef": {"name": str, "namespace": str}, "retryPolicy": {"numRetries": int}},
        "filterStage": {"stage": str, "predicate": str},
        "failureModeAllow": bool, "allowModeOverride": bool, "messageTimeout": str,
        "processingMode": {f"{lane}{part}Mode": str for lane in ("request", "response")
                           for part in ("Header", "Body", "Trailer")},
        "metadataContextNamespaces": [str], "requestAttributes": [str], "responseAttributes": [str],
        "mutationRules": {"allowAllRouting": bool, "allowEnvoy": bool},
    },
    "upstream": {
        "useHttp2": bool, "connectionConfig": {"connectTimeout": str},
        "circuitBreakers": {"maxConnections": int, "maxPendingRequests": int, "maxRequests": int, "maxRetries": int},
        "healthChecks": [{"timeout": str, "interval": str, "noTrafficInterval": str, "unhealthyThreshold": int,
                          "healthyThreshold": int, "grpcHealthCheck": {"serviceName": str}}],
        "outlierDetection": {
            "splitExternalLocalOriginErrors": bool, "consecutiveLocalOriginFailure": int,
            "enforcingConsecutiveLocalOriginFailure": int, "enforcingLocalOriginSuccessRate": int,
            "enforcingConsecutive5xx": int, "enforcingConsecutiveGatewayFailure": int, "enforcingSuccessRate": int,
            "interval": str, "baseEjectionTime": str, "maxEjectionPercent": int},
        "sslConfig": {"secretRef": {"name": str, "namespace": str}, "sni": str, "verifySubjectAltName": [str]},
    },
    "listener": {"perConnectionBufferLimitBytes": int},
    "httpConnectionManagerSettings": {"maxRequestHeadersKb": int, "maxHeadersCount": int},
    "connectionConfig": {"commonHttpProtocolOptions": {"maxHeadersCount": int}},
}


def metadata_filter(namespace, value):
    """http_filters: one that sets the key k of a namespace."""
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
              "metadata": [{"metadata_namespace": namespace, "value": {"k": value}}]}
    return "- " + json.dumps({"name": "envoy.filters.http.set_metadata", "typed_config": config})


class Printed(Case):
    def test_envoy_finds_nothing_wrong_with_it(self):
        for plugins in "", TAGS, UPPER, CONTROL, TRAILERS, TAGS + UPPER + CONTROL + TRAILERS:
            with self.subTest(plugins):
                envoy = self.printed_envoy(self.start(plugins), self.upstream())
                done = subprocess.run([ENVOY, "--mode", "validate", "-c", envoy.config], capture_output=True,
                                      text=True, timeout=PATIENCE)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(http1.request(envoy.port).status, 200)
                self.assertNotIn("deprecated", envoy.log())

    def test_headers(self):
        upstream = self.upstream()
        answer = http1.request(self.printed_envoy(self.start(TAGS), upstream).port)
        self.assertEqual((upstream.seen[0].get("x-a"), answer.get("x-a")), ("1", "2"))

    def test_bodies(self):
        upstream = self.upstream(body=b"there")
        answer = http1.request(self.printed_envoy(self.start(UPPER), upstream).port, "POST", body=b"here")
        self.assertEqual((upstream.seen[0].body, answer.body), (b"HERE", b"THERE"))

    def test_trailers_at_a_unix_socket(self):
        upstream = self.http2_upstream(trailers=[("x-t", "0")])
        envoy = self.printed_envoy(self.start(TRAILERS, address=f"unix:{self.folder}/socket"), upstream)
        answer = http2.request(envoy.port, body=b"abc", trailers=[("x-t", "0")])
        self.assertEqual((dict(upstream.seen[0].trailers), answer.trailer("x-t")), ({"x-t": "1"}, "2"))

    def test_attributes(self):
        """Of the request; of the response; and of the request where no message of it is sent."""
        service = self.start("[plugin:a]\nfile = headers.so\nrequest.set = x-from: %ATTR(source.address)%\n"
                             "response.set = x-code: %ATTR(response.code)%\n")
        upstream = self.upstream(status=203)
        answer = http1.request(self.printed_envoy(service, upstream).port)
        self.assertRegex(upstream.seen[0].get("x-from"), r"^127\.0\.0\.1:\d+$")
        self.assertEqual(answer.get("x-code"), "203")

        service = self.start("[plugin:a]\nfile = headers.so\nresponse.set = x-path: %ATTR(request.path)%\n")
        envoy = self.printed_envoy(service, self.upstream())
        self.assertEqual(http1.request(envoy.port, path="/a?b").get("x-path"), "/a?b")
        self.assertEqual(envoy.stat("ext_proc.stream_msgs_sent"), 1)

    def test_metadata(self):
        """One namespace that plugins read, and one that they write."""
        service = self.start(f"[plugin:p]\nfile = {PROBE}\ndo = request_headers: metadata my.ns/k written\n"
                             "do = request_headers: set x-read %METADATA(their.ns:k)%\n")
        upstream = self.upstream()
        listener, filters, clusters = printed(service)
        envoy = self.run_envoy(metadata_filter("their.ns", "read") + "\n" + filters, clusters, upstream, listener,
                               log="%DYNAMIC_METADATA(my.ns:k)%")
        http1.request(envoy.port, path="/m")
        self.assertEqual(upstream.seen[0].get("x-read"), "read")
        self.assertEqual(envoy.access("/m")[2], "written")

    def test_complete_bodies_up_to_the_largest_message(self):
        """What the printed buffer limit holds passes, both ways; Envoy answers a larger request itself."""
        service = self.start(f"[plugin:whole]\nfile = {WHOLE}\ndo = request_body: set x-a 1\ndo = response_body: set x-b 2\n")
        limit = int(part(printed_config(service.ini), "listener").rsplit(" ", 1)[1])
        body = b"x" * limit
        envoy = self.printed_envoy(service, self.upstream(body=body))
        answer = http1.request(envoy.port, "POST", body=body)
        self.assertEqual((answer.status, answer.get("x-b"), len(answer.body), answer.cut), (200, "2", limit, False))
        self.assertEqual(http1.request(envoy.port, "POST", body=body + b"x" * 65536).status, 413)

    def test_more_streams_than_the_defaults_of_envoy_allow(self):
        """The upstream answers when all requests are there."""
        n = 1500
        together = threading.Barrier(n)
        upstream = self.upstream(before=lambda seen: together.wait(PATIENCE))
        envoy = self.printed_envoy(self.start(TAGS), upstream)
        statuses = collections.Counter()
        with contextlib.ExitStack() as stack:
            clients = [http.client.HTTPConnection("127.0.0.1", envoy.port, timeout=2 * PATIENCE) for _ in range(n)]
            for client in clients:
                stack.callback(client.close)
                client.request("GET", "/")
            for client in clients:
                statuses[client.getresponse().status] += 1
        self.assertEqual(statuses, {200: n})

    def test_an_instance_that_is_down_costs_no_request(self):
        """Two instances in the cluster, one of them not started yet: its connections are refused."""
        service, other = self.start(TAGS), self.start(TAGS)
        self.assertEqual(other.stop(), 0)
        listener, filters, clusters = printed(service)
        first = f'- endpoint:\n          address:\n            socket_address: {{ address: "127.0.0.1", port_value: '
        self.assertIn(first, clusters)
        clusters = clusters.replace(f"      {first}", f"      {first}{other.port} }}\n      {first}")
        envoy = self.run_envoy(filters, clusters, self.upstream(), listener)
        self.assertEqual([http1.request(envoy.port).status for _ in range(20)], [200] * 20)

    def test_only_what_is_needed_is_asked_for(self):
        """Of a request with a body and trailers: response headers alone make one message."""
        service = self.start("[plugin:t]\nfile = headers.so\nresponse.set = x-a: 2\n")
        envoy = self.printed_envoy(service, self.http2_upstream(trailers=[("x-t", "0")]))
        answer = http2.request(envoy.port, body=b"abc", trailers=[("x-t", "0")])
        self.assertEqual(answer.get("x-a"), "2")
        self.assertEqual(envoy.stat("ext_proc.stream_msgs_sent"), 1)


class Gloo(Case):
    def check_known(self, value, known, where):
        if isinstance(known, dict):
            self.assertIsInstance(value, dict, where)
            for key in value:
                self.assertIn(key, known, where)
                self.check_known(value[key], known[key], f"{where}.{key}")
        elif isinstance(known, list):
            for item in value:
                self.check_known(item, known[0], where)
        else:
            self.assertIsInstance(value, known, where)

    def test_every_field_is_one_of_the_api(self):
        attributes = "[plugin:a]\nfile = headers.so\nrequest.set = x-a: %ATTR(source.address)%%METADATA(n:k)%\n"
        rules = "mutation_rules = all_routing, envoy\nproxy_max_headers = 200\nproxy_max_header_bytes = 90k"
        cases = *((plugins, "") for plugins in ("", TAGS, CONTROL, attributes + TRAILERS + UPPER)), (TAGS, rules)
        for plugins, listener in cases:
            with self.subTest(plugins):
                text = printed_config(self.start(plugins, listener=listener).ini, "gloo")
                for document in yaml.safe_load_all(text):
                    self.check_known(document, GLOO, "")
