"""Chains and plugins that are chosen by conditions: with a client of gRPC, whose streams have metadata, with a real
Envoy, and with what --print-envoy-config says."""
import grpc

from harness import http1
from harness.case import Case
from harness.envoy import cluster_of, part, printed_config
from harness.messages import request_headers, response_headers, sets


def tag(name, *keys):
    """A plugin that shows on both messages that it was called."""
    return (f"[plugin:{name}]\nfile = headers.so\nrequest.append = x-saw: {name}\nresponse.append = x-saw: {name}\n"
            + "".join(f"{key}\n" for key in keys))


CHAINS = ("[chain:api]\nmatch.path = /api/*\nmatch.path = ~ ^/v[0-9]+/\nplugins = api, admins, errors\n"
          "[chain:static]\nmatch.path = /static/*\nmatch.method = GET\nplugins = static\n"
          + tag("api") + tag("admins", "when.header.X-Role = admin", "unless.query.dry = yes")
          + tag("errors", "when.status = 5*", "when.response_header.x-retry = !*") + tag("static"))


class Choosing(Case):
    def saw(self, stream, *pairs, **more):
        return [value for name, value in sets(stream.exchange(request_headers(*pairs, **more))) if name == "x-saw"]

    def test_by_the_streams_own_metadata_and_the_listener(self):
        client = self.client(self.start("[chain:blue]\nmatch.grpc.X-Tenant = blue\nmatch.listener = main\nplugins = b\n"
                                        "[chain:rest]\nplugins = r\n" + tag("b") + tag("r")))
        for metadata, wanted in (((("x-tenant", "blue"),), "b"), ((("x-tenant", "green"),), "r"), ((), "r")):
            stream = client.stream(metadata)
            self.assertEqual(self.saw(stream), [wanted])
            stream.exchange(response_headers())
            self.assertEqual(stream.finish()[:2], ([], grpc.StatusCode.OK))

    def test_a_transaction_that_no_chain_takes_costs_one_answer(self):
        client = self.client(self.start("[chain:a]\nmatch.attribute.source.address = 10.*\nplugins = a\n" + tag("a")))
        for attributes, wanted in (({"source.address": "10.0.0.7:1"}, ["a"]), ({"source.address": "192.0.2.1:1"}, []),
                                   (None, [])):
            stream = client.stream()
            self.assertEqual(self.saw(stream, attributes=attributes), wanted)
            self.assertEqual(stream.finish()[:2], ([], grpc.StatusCode.OK))

    def test_two_chains_by_path_with_envoy(self):
        upstream = self.upstream(headers=[("x-up", "1")])
        envoy = self.envoy(self.start(CHAINS), upstream, {"request_header_mode": "SEND", "response_header_mode": "SEND"})
        for method, path, headers, wanted, back in (
                ("GET", "/api/a", [], ["api"], ["api"]),
                ("POST", "/v1/a", [("x-role", "admin")], ["api", "admins"], ["admins", "api"]),
                ("GET", "/api/a?dry=yes", [("x-role", "admin")], ["api"], ["api"]),
                ("GET", "/static/a", [], ["static"], ["static"]),
                ("POST", "/static/a", [], [], []),
                ("GET", "/other", [("x-role", "admin")], [], [])):
            with self.subTest(path, method=method):
                answer = http1.request(envoy.port, method, path, headers)
                self.assertEqual((answer.status, answer.all("x-saw")), (200, back))
                # What is known of the response decides about the response only.
                self.assertEqual(upstream.seen[-1].all("x-saw"), wanted + (["errors"] if "api" in wanted else []))

    def test_conditions_on_the_response_with_envoy(self):
        service = self.start(CHAINS)
        for status, headers, wanted in ((503, [], ["errors", "api"]), (503, [("x-retry", "1")], ["api"]),
                                        (404, [], ["api"])):
            with self.subTest(status, headers=headers):
                envoy = self.envoy(service, self.upstream(status=status, headers=headers))
                answer = http1.request(envoy.port, path="/api/a")
                self.assertEqual((answer.status, answer.all("x-saw")), (status, wanted))

    def test_what_is_printed_for_the_proxy_has_what_conditions_look_at(self):
        service = self.start(
            "[chain:a]\nmatch.grpc.x-tenant = VALUE\nmatch.metadata.com.example/x = !*\nplugins = a\n"
            "[chain:b]\nplugins = a\n"
            "[plugin:a]\nfile = headers.so\nresponse.set = x-saw: a\nwhen.path = /a\nwhen.attribute.request.protocol = "
            "HTTP/*\n")
        text = printed_config(service.ini)
        for wanted in ("request_header_mode: SEND", "response_header_mode: SEND", "request_body_mode: NONE",
                       'untyped: ["com.example"]', '- key: "x-tenant"', 'request_attributes: ["request.protocol"]'):
            self.assertIn(wanted, text)
        filters = part(text, "http_filters").replace("message_timeout: 1s", "message_timeout: 30s")
        envoy = self.run_envoy(filters, cluster_of(service.address), self.upstream())
        self.assertEqual(http1.request(envoy.port, path="/a").all("x-saw"), ["a"])
        self.assertEqual(http1.request(envoy.port, path="/b").all("x-saw"), [])
