"""Phases that the proxy's mode leaves out: no plugin that needs one is passed by in silence."""
import json

from harness import http1, http2
from harness.case import Case
from harness.client import Client
from harness.envoy import cluster_of, ext_proc, printed_config
from harness.messages import request_headers
from harness.places import NEED

UNSEEN = r" warn  .*plugin=need phase=request_body: a response without its request: "
FAULT = "- " + json.dumps({"name": "envoy.filters.http.fault", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
    "abort": {"http_status": 503, "percentage": {"numerator": 100}}}}) + "\n"
NOT_CALLED = "not called: the proxy does not send this phase"


def need(direction="request", name="need"):
    return f"[plugin:{name}]\nfile = {NEED}\ndirection = {direction}\n"


class Needs(Case):
    """A plugin that has to see a complete body."""

    def launched(self, plugins, **config):
        """Plugins fail here, and that is an error in the log."""
        return self.launch(plugins, **config).wait_ready()

    def check_failed(self, service, answer, setting, name="need"):
        self.assertEqual(answer.status, 500)
        service.wait_line(rf"^\S+ error .*plugin={name} phase=\w+: .*{setting} is NONE")

    def test_a_request_whose_body_is_not_sent_does_not_reach_the_upstream(self):
        service, upstream = self.launched(need()), self.upstream()
        envoy = self.envoy(service, upstream, {"request_body_mode": "NONE"})
        answer = http1.request(envoy.port, "POST", path="/a", body=b"evil")
        self.check_failed(service, answer, "request_body_mode")
        self.assertEqual(upstream.seen, [])
        self.assertEqual(envoy.access("/a")[1], "extprocd.need.error")

    def test_a_request_without_a_body_passes(self):
        service, upstream = self.start(need()), self.upstream()
        envoy = self.envoy(service, upstream, {"request_body_mode": "NONE"})
        self.assertEqual(http1.request(envoy.port).status, 200)

    def test_the_mode_that_is_needed(self):
        for direction in "request", "response":
            service = self.start(need(direction))
            for body, status in (b"good", 200), (b"evil", 403):
                with self.subTest(direction, body=body):
                    upstream = self.upstream(body=body if direction == "response" else b"good")
                    envoy = self.envoy(service, upstream, {f"{direction}_body_mode": "BUFFERED"})
                    answer = http1.request(envoy.port, "POST", body=body if direction == "request" else b"good")
                    self.assertEqual(answer.status, status)

    def test_a_response_whose_body_is_not_sent(self):
        service, upstream = self.launched(need("response")), self.upstream(body=b"evil")
        for mode in {}, {"response_header_mode": "SKIP"}, {"request_header_mode": "SKIP"}, \
                {"request_header_mode": "SKIP", "request_body_mode": "STREAMED", "response_header_mode": "SKIP"}:
            with self.subTest(mode):
                answer = http1.request(self.envoy(service, upstream, mode).port, "POST", body=b"abc")
                self.check_failed(service, answer, "response_body_mode")
                self.assertNotIn(b"evil", answer.body)

    def test_a_request_of_which_nothing_is_sent(self):
        service = self.launched(need())
        envoy = self.envoy(service, self.upstream(), {"request_header_mode": "SKIP"})
        self.check_failed(service, http1.request(envoy.port, "POST", body=b"evil"), "request_body_mode")

    def test_a_route_that_skips_requests_beside_one_that_sends_them(self):
        service, upstream = self.launched(need()), self.upstream()
        sends = self.envoy(service, upstream, {"request_body_mode": "BUFFERED"})
        skips = self.envoy(service, upstream, {"request_header_mode": "SKIP"})
        self.assertEqual(http1.request(sends.port, "POST", body=b"good").status, 200)
        self.check_failed(service, http1.request(skips.port, "POST", path="/a", body=b"evil"), "request_body_mode")
        self.assertEqual(skips.access("/a")[1], "extprocd.need.error")

    def test_the_same_where_envoys_headers_are_suppressed(self):
        """Then only an attribute can distinguish it from a reply of the proxy itself."""
        service, upstream = self.launched(need()), self.upstream()
        bare = {"routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"},
                            "response_headers_to_remove": ["x-envoy-upstream-service-time"]}]}
        sends = self.envoy(service, upstream, {"request_body_mode": "BUFFERED"})
        self.assertEqual(http1.request(sends.port, "POST", body=b"good").status, 200)
        skips = self.envoy(service, upstream, {"request_header_mode": "SKIP"}, bare)
        self.assertEqual(http1.request(skips.port, "POST", body=b"evil").status, 200)
        service.wait_line(UNSEEN)
        tells = self.envoy(service, upstream, {"request_header_mode": "SKIP"}, bare,
                           response_attributes=["response.code_details"])
        self.check_failed(service, http1.request(tells.port, "POST", body=b"evil"), "request_body_mode")

    def test_a_reply_of_the_proxy_itself_passes(self):
        """Made before the request came to us."""
        service, upstream = self.start(need()), self.upstream()
        sends = self.envoy(service, upstream, {"request_body_mode": "BUFFERED"})
        self.assertEqual(http1.request(sends.port, "POST", body=b"good").status, 200)
        for fields in {}, {"response_attributes": ["response.code_details"]}:
            with self.subTest(fields):
                envoy = self.run_envoy(FAULT + ext_proc({}, **fields), cluster_of(service.address), upstream)
                self.assertEqual(http1.request(envoy.port, "POST", body=b"good").status, 503)
                # Envoy 1.36 does not send us its own reply; 1.39 does, and has waited for our answer.
                if envoy.stat("http.main.ext_proc.streams_started"):
                    service.wait_line(UNSEEN)

    def test_the_listener_says_what_the_proxy_does_not(self):
        service = self.launched(need(), listener="request_body_mode = NONE")
        answer = self.client(service).stream().exchange(request_headers())
        self.assertEqual(answer.immediate_response.details.split("{")[0], "extprocd.need.error")

    def test_two_plugins_of_one_file(self):
        plugins = need("request", "one") + need("request", "two") + need("response", "three")
        service = self.launched(plugins)
        envoy = self.envoy(service, self.upstream(), {"response_body_mode": "BUFFERED"})
        self.check_failed(service, http1.request(envoy.port, "POST", body=b"a"), "request_body_mode", "one")

    def test_two_listeners_in_different_modes(self):
        service = self.launched(need(), listener="request_body_mode = NONE\n"
                                f"[listener:second]\naddress = unix:{self.folder}/second\nrequest_body_mode = BUFFERED\n")
        first, second = self.client(service), Client(f"unix:{self.folder}/second")
        self.addCleanup(second.close)
        self.assertTrue(first.stream().exchange(request_headers()).HasField("immediate_response"))
        self.assertTrue(second.stream().exchange(request_headers()).HasField("request_headers"))

    def test_a_proxy_that_observes_goes_on(self):
        service = self.launched(need(), listener="request_body_mode = NONE")
        envoy = self.envoy(service, self.upstream(), observability_mode=True)
        self.assertEqual(http1.request(envoy.port, "POST", body=b"evil").status, 200)
        service.wait_line("error .*plugin=need .*request_body_mode is NONE")


class Warnings(Case):
    """How they are looked at."""

    def check_missed(self, service, plugin, phase, setting):
        service.wait_line(rf"^\S+ warn  listener=main peer=\S+ transaction=\S+ chain=\S+ plugin={plugin} phase={phase}: {NOT_CALLED} "
                          rf"\(in the proxy, set {setting}\)$")

    def check_number(self, service, number):
        """Of all warnings up to the end."""
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.lines(NOT_CALLED)), number, service.log()[-4000:])


class Phases(Warnings):
    """A plugin that takes part in a phase which does not come."""

    def test_one_warning_for_each_plugin(self):
        service = self.start("[plugin:a]\nfile = upper.so\ndirection = both\n[plugin:b]\nfile = upper.so\ndirection = request\n")
        envoy = self.envoy(service, self.upstream())
        for _ in range(3):
            self.assertEqual(http1.request(envoy.port, "POST", body=b"abc").status, 200)
        for plugin, phase, setting in ("a", "request_body", "request_body_mode: STREAMED"), \
                ("a", "response_body", "response_body_mode: STREAMED"), ("b", "request_body", "request_body_mode: STREAMED"):
            self.check_missed(service, plugin, phase, setting)
        self.check_number(service, 3)
        service.wait_line(r'counters: .*phases_missed\{chain="\w+",plugin="a",phase="request_body"\}=1 .*'
                          r'phases_missed\{chain="\w+",plugin="b",phase="request_body"\}=1\b')

    def test_no_warning_in_the_mode_that_is_printed(self):
        plugins = ("[plugin:a]\nfile = upper.so\ndirection = both\n[plugin:b]\nfile = headers.so\nrequest.set = x-a: 1\n"
                   "[plugin:c]\nfile = body.so\nresponse.replace = new\n")
        service = self.start(plugins)
        envoy = self.printed_envoy(service, self.upstream())
        for method, body in ("POST", b"abc"), ("GET", None), ("HEAD", None):
            http1.request(envoy.port, method, body=body)
        self.check_number(service, 0)

    def test_headers_that_are_skipped(self):
        service = self.start("[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n"
                             "[plugin:control]\nfile = instructions.so\n")
        for body_mode in "NONE", "STREAMED", "BUFFERED":
            envoy = self.envoy(service, self.upstream(), {"request_header_mode": "SKIP", "request_body_mode": body_mode})
            self.assertEqual(http1.request(envoy.port, "POST", body=b"abc").status, 200)
        for plugin in "tags", "control":
            self.check_missed(service, plugin, "request_headers", "request_header_mode: SEND")
        self.check_number(service, 2)

    def test_a_response_that_is_skipped(self):
        service = self.start("[plugin:tags]\nfile = headers.so\nresponse.set = x-a: 1\n")
        for body_mode in "NONE", "BUFFERED":
            envoy = self.envoy(service, self.upstream(), {"response_header_mode": "SKIP", "response_body_mode": body_mode})
            for _ in range(2):
                self.assertEqual(http1.request(envoy.port).status, 200)
            self.check_missed(service, "tags", "response_headers", "response_header_mode: SEND")
        self.check_number(service, 1)


class Fallbacks(Warnings):
    """Headers are skipped, and a bundled plugin does in a later phase what it does."""

    def test_respond_answers_in_the_body(self):
        service = self.start("[plugin:no]\nfile = respond.so\nstatus = 403\nbody = no entry\n")
        for body_mode in "STREAMED", "BUFFERED":
            with self.subTest(body_mode):
                upstream = self.upstream()
                envoy = self.envoy(service, upstream, {"request_header_mode": "SKIP", "request_body_mode": body_mode})
                answer = http1.request(envoy.port, "POST", body=b"abc")
                self.assertEqual((answer.status, answer.body), (403, b"no entry"))
        self.check_number(service, 0)

    def test_respond_answers_in_the_trailers(self):
        service = self.start("[plugin:no]\nfile = respond.so\nstatus = 403\n")
        envoy = self.envoy(service, self.http2_upstream(),
                           {"request_header_mode": "SKIP", "request_trailer_mode": "SEND"})
        self.assertEqual(http2.request(envoy.port, body=b"abc", trailers=[("x-t", "1")]).status, 403)

    def test_respond_warns_where_nothing_comes_in_time(self):
        service = self.start("[plugin:no]\nfile = respond.so\nstatus = 403\n")
        for mode in {}, {"request_body_mode": "BUFFERED"}:
            envoy = self.envoy(service, self.upstream(), {"request_header_mode": "SKIP", **mode})
            self.assertEqual(http1.request(envoy.port).status, 200)
            self.check_missed(service, "no", "request_headers", "request_header_mode: SEND")
        self.check_number(service, 1)

    def test_respond_warns_where_the_response_has_begun(self):
        """It is not held back where its headers are skipped, whatever the body mode is."""
        for body_mode in "BUFFERED", "STREAMED":
            with self.subTest(body_mode):
                service = self.start("[plugin:no]\nfile = respond.so\nstatus = 403\nphase = response\n")
                envoy = self.envoy(service, self.upstream(body=b"all of it"),
                                   {"response_header_mode": "SKIP", "response_body_mode": body_mode})
                self.assertEqual(http1.request(envoy.port).body, b"all of it")
                self.check_missed(service, "no", "response_headers", "response_header_mode: SEND")

    def test_body_replaces_in_the_body(self):
        service = self.start("[plugin:b]\nfile = body.so\nrequest.replace = new request\nresponse.replace = new\n"
                             "response.append = !\n")
        for body_mode in "STREAMED", "BUFFERED":
            for chunked in False, True:
                with self.subTest(body_mode, chunked=chunked):
                    upstream = self.upstream(body=b"from the upstream" * 3000, chunked=chunked)
                    envoy = self.envoy(service, upstream, {
                        "request_header_mode": "SKIP", "response_header_mode": "SKIP",
                        "request_body_mode": body_mode, "response_body_mode": body_mode})
                    answer = http1.request(envoy.port, "POST", body=b"a" * 100000, chunked=chunked)
                    self.assertEqual((upstream.seen[0].body, answer.body), (b"new request", b"new!"))
        self.check_number(service, 0)

    def test_what_is_printed_stays_least(self):
        for plugins in "[plugin:no]\nfile = respond.so\n", "[plugin:b]\nfile = body.so\nrequest.clear = yes\n":
            text = printed_config(self.start(plugins).ini)
            for mode in "request_header_mode: SEND", "request_body_mode: NONE", "response_body_mode: NONE", \
                    "request_trailer_mode: SKIP", "response_trailer_mode: SKIP":
                self.assertIn(mode, text)
