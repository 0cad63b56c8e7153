"""Messages that have no body, and tunnels, through a real Envoy: it sends on whatever bytes it is given."""
from harness import http1, http2
from harness.case import Case
from harness.envoy import CONNECT_ROUTES
from harness.octets import converse, exchange
from harness.places import PROBE

ADD = "[plugin:b]\nfile = body.so\nresponse.prepend = <!-- seen -->\nresponse.append = <!-- seen -->\n"
REPLACE = "[plugin:b]\nfile = body.so\nresponse.replace = REPLACED\n"
CONTROL = "[plugin:c]\nfile = instructions.so\n"
UPPER = "[plugin:u]\nfile = upper.so\ndirection = both\n"
INSTRUCTIONS = ("instructions", '{"setBody": "REPLACED", "setTrailers": {"x-t": "1"}}')
PROBES = f"[plugin:p]\nfile = {PROBE}\ndo = response_headers: body REPLACED\ndo = response_body: body REPLACED\n"

HTML = ("content-type", "text/html")
MODES = "NONE", "STREAMED", "BUFFERED"
SKIPPED = {"request_header_mode": "SKIP"}


def pair(method):
    """A request, and a GET after it on the same connection, whose response is what a client must see next."""
    return (f"{method} /a HTTP/1.1\r\nhost: a.test\r\n\r\n"
            "GET /b HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n").encode()


class Bodiless(Case):
    def check(self, envoy, method, status):
        """The first response is a head and nothing else."""
        came = exchange(envoy.port, pair(method))
        self.assertRegex(came, rb"^HTTP/1\.1 %d .*\r\n(.+\r\n)*\r\nHTTP/1\.1 %d " % (status, status))
        with self.subTest("h2"):
            answer = http2.request(envoy.port, method)
            self.assertEqual((answer.status, answer.body, answer.cut), (status, b"", False))

    def check_all(self, plugins, method, status, headers=(), body=b"", **mode):
        upstream = self.http2_upstream(status=status, headers=headers, body=body, empty_end=True)
        service = self.start(plugins)
        for body_mode in MODES:
            with self.subTest(plugins, status=status, mode=body_mode, **mode):
                modes = {"request_body_mode": body_mode, "response_body_mode": body_mode, **mode}
                self.check(self.envoy(service, upstream, modes), method, status)

    def test_head(self):
        for plugins in ADD, REPLACE, CONTROL, PROBES:
            self.check_all(plugins, "HEAD", 200, [HTML, INSTRUCTIONS, ("content-length", "4")], b"page")

    def test_head_whose_request_is_not_shown(self):
        for plugins in ADD, REPLACE, PROBES:
            self.check_all(plugins, "HEAD", 200, [HTML], **SKIPPED)

    def test_a_body_whose_request_is_not_shown(self):
        service = self.start(REPLACE)
        for mode in "STREAMED", "BUFFERED":
            with self.subTest(mode):
                envoy = self.envoy(service, self.upstream(), {"response_body_mode": mode, **SKIPPED})
                self.assertEqual(http1.request(envoy.port).body, b"REPLACED")

    def test_head_of_which_only_the_body_is_shown(self):
        self.check_all(ADD, "HEAD", 200, [HTML], **SKIPPED, response_header_mode="SKIP")

    def test_204_and_304(self):
        for plugins in ADD, REPLACE, CONTROL, PROBES + UPPER:
            self.check_all(plugins, "GET", 204, [INSTRUCTIONS])
            self.check_all(plugins, "GET", 304, [INSTRUCTIONS, ("etag", '"v1"')])

    def test_204_of_which_only_the_body_is_shown(self):
        self.check_all(ADD, "GET", 204, **SKIPPED, response_header_mode="SKIP")

    def test_205_has_a_length_and_no_content(self):
        upstream = self.http2_upstream(status=205, body=b"", empty_end=True)
        service = self.start(ADD + PROBES)
        for mode in MODES:
            with self.subTest(mode):
                answer = http1.request(self.envoy(service, upstream, {"response_body_mode": mode}).port)
                self.assertEqual((answer.status, answer.body), (205, b""))

    def test_printed_modes_show_what_is_needed(self):
        upstream = self.http2_upstream(headers=[HTML], body=b"page", empty_end=True)
        for plugins, body in (ADD, b"<!-- seen -->page<!-- seen -->"), (REPLACE, b"REPLACED"):
            with self.subTest(plugins):
                envoy = self.printed_envoy(self.start(plugins), upstream)
                self.check(envoy, "HEAD", 200)
                self.assertEqual(http1.request(envoy.port).body, body)

    def test_a_304_of_http_1_whose_length_is_that_of_another(self):
        upstream = self.raw_upstream(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n")
        for mode in MODES:
            with self.subTest(mode):
                envoy = self.envoy(self.start(ADD + REPLACE.replace(":b", ":r")), upstream, {"response_body_mode": mode})
                self.check(envoy, "GET", 304)

    def test_early_hints(self):
        upstream = self.raw_upstream(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
                                     b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npage")
        for mode in MODES:
            with self.subTest(mode):
                envoy = self.envoy(self.start(REPLACE), upstream, {"response_body_mode": mode},
                                   options={"proxy_100_continue": True})
                came = exchange(envoy.port, b"GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n")
                self.assertRegex(came, rb"(?s)^HTTP/1\.1 103 .*\r\n\r\nHTTP/1\.1 200 .*\r\n\r\n8\r\nREPLACED\r\n0\r\n\r\n$")

    def test_the_service_counts(self):
        service = self.start(CONTROL)
        upstream = self.http2_upstream(headers=[INSTRUCTIONS], body=b"", empty_end=True)
        self.check(self.envoy(service, upstream), "HEAD", 200)
        service.stop()
        service.wait_line(r'bodiless_edits\{plugin="\w+"\}=2\b')


class Statuses(Case):
    def test_an_answer_to_head_is_its_head(self):
        answering = f"[plugin:p]\nfile = {PROBE}\ndo = {{}}_headers: respond 418 teapot\n"
        for phase in "request", "response":
            with self.subTest(phase):
                envoy = self.envoy(self.start(answering.format(phase)), self.upstream())
                came = exchange(envoy.port, pair("HEAD"))
                self.assertRegex(came, rb"^HTTP/1\.1 418 .*\r\n(.+\r\n)*\r\nHTTP/1\.1 418 ")
                self.assertEqual(http2.request(envoy.port, "HEAD").body, b"")

    def test_an_answer_without_a_body(self):
        for status in 204, 205, 304:
            with self.subTest(status):
                service = self.start(f"[plugin:r]\nfile = respond.so\nstatus = {status}\nheader = etag: a\n")
                came = exchange(self.envoy(service, self.upstream()).port, pair("OPTIONS"))
                self.assertRegex(came, rb"^HTTP/1\.1 %d .*\r\n(.+\r\n)*\r\nHTTP/1\.1 %d " % (status, status))
                self.assertNotRegex(came, rb"content-length: [1-9]")

    def test_an_answer_whose_status_has_no_body_is_refused_one(self):
        for status in 204, 304:
            with self.subTest(status):
                service = self.launch(f"[plugin:p]\nfile = {PROBE}\ndo = request_headers: respond {status} text\n")
                envoy = self.envoy(service.wait_ready(), self.upstream())
                self.assertEqual(http1.request(envoy.port, path="/x").status, 500)
                self.assertEqual(envoy.access("/x"), ["500", "extprocd.p.error"])
                service.wait_line(f"a response with status {status} has no body")

    def test_a_status_without_a_body_is_not_set_over_one(self):
        service = self.launch("[plugin:h]\nfile = headers.so\nresponse.set = :status: 204\n").wait_ready()
        envoy = self.envoy(service, self.upstream())
        self.assertEqual(http1.request(envoy.port).status, 500)
        self.assertEqual(http1.request(envoy.port, "HEAD").status, 204)
        service.wait_line("the status or the method does not fit the message's body")

    def test_a_304_does_not_become_a_200_that_promises_a_body(self):
        service = self.launch("[plugin:h]\nfile = headers.so\nresponse.set = :status: 200\n").wait_ready()
        upstream = self.raw_upstream(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n")
        self.assertEqual(http1.request(self.envoy(service, upstream).port).status, 500)
        upstream = self.raw_upstream(b"HTTP/1.1 204 No Content\r\n\r\n")
        answer = http1.request(self.envoy(service, upstream).port)
        self.assertEqual((answer.status, answer.body), (200, b""))


WEBSOCKET = (b"GET /ws HTTP/1.1\r\nhost: a.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
             b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n")
ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\nframe"
CONNECT = b"CONNECT a.test:80 HTTP/1.1\r\nhost: a.test:80\r\n\r\n"
ALL = (UPPER + REPLACE + "request.replace = REPLACED\n" + CONTROL +
       PROBES + "do = request_headers: body REPLACED\ndo = request_body: body REPLACED\n")


class Tunnels(Case):
    """Nothing hangs, and bytes pass both ways as they are."""

    def each_mode(self, upstream, connect=False):
        options = {"upgrade_configs": [{"upgrade_type": "CONNECT" if connect else "websocket"}],
                   "http2_protocol_options": {"allow_connect": True}}
        if connect:
            options["routes"] = CONNECT_ROUTES
        service = self.start(ALL)
        for request in MODES:
            for response in MODES:
                with self.subTest(request=request, response=response):
                    modes = {"request_body_mode": request, "response_body_mode": response}
                    yield self.envoy(service, upstream, modes, options=options)

    def test_a_websocket(self):
        for envoy in self.each_mode(self.raw_upstream(ACCEPTED, tunnel=True)):
            came = converse(envoy.port, (WEBSOCKET, b"frame"), (b"ping", b"PING"), (b"pong", b"PONG"))
            self.assertRegex(came, rb"^HTTP/1\.1 101 .*\r\n(.+\r\n)*\r\nframePINGPONG$")

    def test_an_extended_connect(self):
        for envoy in self.each_mode(self.raw_upstream(ACCEPTED, tunnel=True)):
            came = http2.tunnel(envoy.port, [(":protocol", "websocket"), (":path", "/ws"), (":scheme", "http"),
                                             ("sec-websocket-version", "13")], b"ping", b"PING")
            self.assertEqual(came, b"200 framePING")

    def test_a_connect(self):
        for envoy in self.each_mode(self.raw_upstream(b"frame", greets=True), connect=True):
            came = converse(envoy.port, (CONNECT, b"frame"), (b"ping", b"PING"), (b"pong", b"PONG"))
            self.assertRegex(came, rb"^HTTP/1\.1 200 .*\r\n(.+\r\n)*\r\nframePINGPONG$")
            self.assertEqual(http2.tunnel(envoy.port, [], b"ping", b"PING"), b"200 framePING")

    def test_one_that_is_declined_is_an_ordinary_response(self):
        upstream = self.raw_upstream(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 6\r\n\r\nsorry!")
        service = self.start(f"[plugin:p]\nfile = {PROBE}\ndo = response_headers: set x-seen 1\n" + UPPER)
        options = {"upgrade_configs": [{"upgrade_type": "websocket"}]}
        for mode in MODES:
            with self.subTest(mode):
                modes = {"request_body_mode": mode, "response_body_mode": mode}
                envoy = self.envoy(service, upstream, modes, options=options)
                body = b"sorry!" if mode == "NONE" else b"SORRY!"
                came = converse(envoy.port, (WEBSOCKET, body))
                self.assertRegex(came, rb"^HTTP/1\.1 400 .*\r\n(.+\r\n)*x-seen: 1\r\n")


    def test_what_the_proxy_must_send_is_said_at_the_start(self):
        service = self.start(UPPER, listener="response_body_mode = BUFFERED\n")
        service.wait_line(r"listener=main: .*CONNECT hang if .* \(in the proxy, set response_header_mode: SEND\)")
        self.assertFalse(service.lines("request_header_mode"))


class Limits(Case):
    def test_a_hundred_edits_and_a_changed_body(self):
        """What the host edits itself (content-length) must not be the 101st."""
        steps = [f"do = response_body: append via {i}\n" for i in range(100)]
        plugins = "".join(f"[plugin:p{at}]\nfile = {PROBE}\n" + "".join(steps[at:at + 10]) for at in range(0, 100, 10))
        upstream = self.upstream(body=b"short")
        service = self.start(plugins + f"[plugin:b]\nfile = {PROBE}\ndo = response_body: body a longer one\n")
        answer = http1.request(self.envoy(service, upstream, {"response_body_mode": "BUFFERED"}).port)
        self.assertEqual((answer.status, answer.body), (200, b"a longer one"))
        self.assertEqual(answer.get("via"), ",".join(str(at + i) for at in range(90, -1, -10) for i in range(10)))
