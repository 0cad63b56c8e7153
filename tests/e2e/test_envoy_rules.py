"""What the proxy's mutation_rules and limits allow, with a real Envoy: edits take effect exactly where the
listener's keys say so."""
import subprocess

from harness import http1, http2
from harness.case import Case
from harness.envoy import part, printed, printed_config
from harness.places import EXTPROCD, PATIENCE, PROBE, WHOLE
from harness.service import ini

ALL = "mutation_rules = all_routing, envoy"
ALLOWED = {"allow_all_routing": True, "allow_envoy": True}
BUFFERED = {"request_body_mode": "BUFFERED", "response_body_mode": "BUFFERED"}
HOST = "[plugin:h]\nfile = headers.so\nrequest.set = host: new.test\n"


def doing(*steps, file=PROBE):
    return f"[plugin:p]\nfile = {file}\n" + "".join(f"do = {step}\n" for step in steps)


class Edits(Case):
    """http2 upstreams show pseudo headers as they are."""

    def run_plugin(self, plugins, mode=None, method="POST", headers=(), **options):
        self.up = self.http2_upstream(headers=[("x-envoy-here", "0")], trailers=[("x-t", "0")])
        self.proxy = self.envoy(self.start(plugins, listener=ALL), self.up, mode, mutation_rules=ALLOWED, **options)
        self.answer = http2.request(self.proxy.port, method, "/old", [("x-envoy-here", "0"), *headers], b"abc",
                                    [("x-t", "0")])
        self.assertEqual(self.proxy.stat("rejected_header_mutations"), 0)
        return self.up.seen[0] if self.up.seen else None

    def test_every_routing_header_can_be_set_in_headers(self):
        seen = self.run_plugin(doing("request_headers: set host new.test:81", "request_headers: set :scheme https",
                                     "request_headers: set :method PUT", "request_headers: set :path /new"))
        self.assertEqual({name: seen.all(name) for name in (":authority", ":scheme", ":method", ":path", "host")},
                         {":authority": ["new.test:81"], ":scheme": ["https"], ":method": ["PUT"], ":path": ["/new"],
                          "host": []})

    def test_every_routing_header_can_be_set_after_a_complete_body(self):
        seen = self.run_plugin(doing("request_body: set :authority new.test", "request_body: set :scheme https",
                                     "request_body: set :method PUT", "request_body: body longer than before",
                                     file=WHOLE), BUFFERED)
        self.assertEqual([seen.get(name) for name in (":authority", ":scheme", ":method")],
                         ["new.test", "https", "PUT"])
        self.assertEqual(seen.body, b"longer than before")

    def test_the_proxys_own_headers_can_be_edited_in_every_way(self):
        seen = self.run_plugin(
            "[plugin:h]\nfile = headers.so\nrequest.append = x-envoy-here: 1\nrequest.set = X-Envoy-New: 2\n"
            "request_trailers.set = x-envoy-t: 3\nresponse.remove = x-envoy-here\nresponse.set = x-envoy-new: 4\n"
            "response_trailers.set = x-envoy-t: 5\n",
            {"request_trailer_mode": "SEND", "response_trailer_mode": "SEND"})
        self.assertEqual((seen.all("x-envoy-here"), seen.get("x-envoy-new"), dict(seen.trailers)["x-envoy-t"]),
                         (["0", "1"], "2", "3"))
        self.assertEqual((self.answer.all("x-envoy-here"), self.answer.get("x-envoy-new"),
                          self.answer.trailer("x-envoy-t")), ([], "4", "5"))

    def test_beside_an_immediate_response(self):
        self.run_plugin("[plugin:r]\nfile = respond.so\nstatus = 403\nheader = x-envoy-why: because\nheader = host: h\n")
        self.assertEqual((self.answer.status, self.answer.get("x-envoy-why"), self.answer.get("host")),
                         (403, "because", "h"))

    def test_what_one_plugin_writes_the_next_one_reads(self):
        seen = self.run_plugin(HOST + "[plugin:s]\nfile = headers.so\nrequest.set = x-seen: %REQ(:authority)%\n")
        self.assertEqual((seen.get(":authority"), seen.get("x-seen")), ("new.test", "new.test"))

    def test_by_instructions(self):
        seen = self.run_plugin("[plugin:i]\nfile = instructions.so\n",
                               headers=[("instructions", '{"addHeaders": {"Host": "new.test"}}')])
        self.assertEqual(seen.get(":authority"), "new.test")

    def test_an_http1_upstream_gets_the_new_host(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start(HOST, listener=ALL), upstream, mutation_rules=ALLOWED)
        self.assertEqual(http1.request(envoy.port, headers=[("x-a", "1")]).status, 200)
        self.assertEqual(upstream.seen[0].get("host"), "new.test")

    def test_edits_that_no_setting_allows_fail_the_message(self):
        """Of a real Envoy the first three are dropped, the fourth makes a list of hosts of it, and the others
        break the connection."""
        for step in ("request_headers: remove host", "request_headers: remove :path", "request_headers: remove :scheme",
                     "request_headers: append host x.test", "request_headers: set :method HEAD",
                     "request_headers: set :method CONNECT"):
            with self.subTest(step):
                service = self.start_failing(doing(step))
                envoy = self.envoy(service, self.http2_upstream(), mutation_rules=ALLOWED)
                self.assertEqual(http1.request(envoy.port, path="/a").status, 500)
                self.assertEqual(envoy.access("/a")[1], "extprocd.p.error")

    def start_failing(self, plugins):
        """Without check_end: its log has errors."""
        return self.launch(plugins, listener=ALL).wait_ready()


class Routes(Case):
    """Requests for /new, and those of new.test, have a route of their own: a 299 from Envoy itself."""

    OWN = {"direct_response": {"status": 299}}
    ROUTES = [{"match": {"prefix": "/new"}, **OWN},
              {"match": {"prefix": "/", "headers": [{"name": ":authority", "string_match": {"exact": "new.test"}}]}, **OWN},
              {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "60s"}}]

    def status(self, keys, mode, body=b"abc"):
        self.up = self.upstream()
        service = self.start(f"[plugin:h]\nfile = headers.so\n{keys}[plugin:n]\nfile = noop.so\n", listener=ALL)
        envoy = self.envoy(service, self.up, {"request_body_mode": mode}, {"routes": self.ROUTES}, mutation_rules=ALLOWED)
        return http1.request(envoy.port, "POST" if body else "GET", "/old", body=body).status

    def test_a_rewritten_request_finds_its_new_route_in_every_body_mode(self):
        for mode in "NONE", "STREAMED", "BUFFERED":
            for edit in "request.set = :path: /new/a\n", "request.set = host: new.test\n":
                with self.subTest(f"{mode} {edit}"):
                    self.assertEqual(self.status(f"{edit}clear_route = yes\n", mode), 299)
                    self.assertEqual(self.up.seen, [])

    def test_of_a_request_without_a_body(self):
        self.assertEqual(self.status("request.set = :path: /new\nclear_route = yes\n", "BUFFERED", None), 299)

    def test_without_it_the_old_route_gets_the_new_path(self):
        self.assertEqual(self.status("request.set = :path: /new/a\n", "NONE"), 200)
        self.assertEqual(self.up.seen[0].path, "/new/a")

    def test_after_a_complete_body(self):
        """By the API: a plugin that decides by the body."""
        service = self.start(doing("request_body: set :path /new", "request_body: clear_route", file=WHOLE))
        envoy = self.envoy(service, self.upstream(), BUFFERED, {"routes": self.ROUTES})
        self.assertEqual(http1.request(envoy.port, "POST", "/old", body=b"abc").status, 299)


class Refused(Case):
    def check(self, plugins, listener=""):
        folder = self.new_folder()
        path = folder / "extprocd.ini"
        path.write_text(ini(plugins, listener=listener))
        done = subprocess.run([EXTPROCD, "-t", "-c", path], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stderr.replace(f"{path}:", "")

    def test_a_configured_edit_says_which_keys_would_allow_it(self):
        code, text = self.check(HOST)
        self.assertEqual(code, 1)
        for word in "[plugin:h] request.set: host:", "[listener:main]", "mutation_rules = all_routing", "allow_all_routing":
            self.assertIn(word, text)
        self.assertEqual(self.check(HOST, "mutation_rules = all_routing"), (0, ""))

    def test_listeners_that_differ_are_named(self):
        other = "mutation_rules = all_routing\n[listener:guarded]\naddress = 127.0.0.1:0"
        code, text = self.check(HOST, other)
        self.assertEqual(code, 0)
        self.assertIn("warning: host: the proxy of [listener:guarded] would ignore it", text)

    def test_bad_values(self):
        code, text = self.check("", "mutation_rules = all-routing, envoy\nproxy_max_headers = 0\nproxy_max_header_bytes = 9m")
        self.assertEqual(code, 1)
        self.assertRegex(text, r'mutation_rules: invalid value "all-routing".*did you mean all_routing\?')
        self.assertRegex(text, r"proxy_max_headers: ")
        self.assertRegex(text, r"proxy_max_header_bytes: ")

    def test_an_edit_at_run_time_says_the_same_in_the_log(self):
        service = self.launch(doing("request_headers: set x-envoy-a 1")).wait_ready()
        envoy = self.envoy(service, self.upstream())
        self.assertEqual(http1.request(envoy.port).status, 500)
        service.wait_line(r"plugin=p phase=request_headers.*x-envoy-a.*the proxy of \[listener:main\] would ignore it "
                          r".*mutation_rules = envoy.*allow_envoy: true")


class Limits(Case):
    MANY = [(f"x-{i}", "v") for i in range(150)]
    KEYS = "proxy_max_headers = 400\nproxy_max_header_bytes = 512k"
    HCM = {"max_request_headers_kb": 512, "common_http_protocol_options": {"max_headers_count": 400}}

    def test_many_headers_where_the_proxy_takes_them(self):
        upstream = self.http2_upstream()
        service = self.start("[plugin:h]\nfile = headers.so\nrequest.set = x-a: 1\n", listener=self.KEYS)
        envoy = self.envoy(service, upstream, options=self.HCM)
        self.assertEqual(http1.request(envoy.port, headers=self.MANY).status, 200)
        self.assertEqual(upstream.seen[0].get("x-a"), "1")

    def test_more_than_the_proxy_takes_names_the_keys(self):
        service = self.launch("[plugin:h]\nfile = headers.so\nrequest.set = x-a: 1\n").wait_ready()
        envoy = self.envoy(service, self.http2_upstream(), options=self.HCM)
        self.assertEqual(http1.request(envoy.port, headers=self.MANY).status, 500)
        service.wait_line(r"x-a.*more than the proxy of \[listener:main\] takes \(proxy_max_headers = 100")


class Printed(Case):
    def test_what_the_listener_says_is_enough_as_pasted(self):
        plugins = (HOST + "request.set = :scheme: https\nrequest.set = x-envoy-a: 1\n"
                   "[plugin:m]\nfile = headers.so\nrequest.set = x-last: 1\n")
        service = self.start(plugins, listener=f"{ALL}\n{Limits.KEYS}")
        text = printed_config(service.ini)
        hcm = {}
        for line in part(text, "http_connection_manager").splitlines():
            key, _, value = line.strip().partition(": ")
            if value:
                hcm[key] = int(value)
        options = {"max_request_headers_kb": hcm["max_request_headers_kb"],
                   "common_http_protocol_options": {"max_headers_count": hcm["max_headers_count"]}}
        listener, filters, clusters = printed(service)
        upstream = self.http2_upstream()
        envoy = self.run_envoy(filters, clusters, upstream, listener, **options)
        self.assertEqual(http1.request(envoy.port, headers=Limits.MANY).status, 200)
        seen = upstream.seen[0]
        self.assertEqual([seen.get(name) for name in (":authority", ":scheme", "x-envoy-a", "x-last")],
                         ["new.test", "https", "1", "1"])
        self.assertEqual(envoy.stat("rejected_header_mutations"), 0)

    def test_nothing_of_it_without_the_keys(self):
        text = printed_config(self.start("[plugin:m]\nfile = headers.so\nrequest.set = x-a: 1\n").ini)
        for word in "mutation_rules", "http_connection_manager:", "max_headers_count":
            self.assertNotIn(word, text)
