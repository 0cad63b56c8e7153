"""Bundled plugins through a real Envoy, where what the proxy does with their answers matters."""
import random
import re

from harness import http1, http2
from harness.case import Case

SUB = "[plugin:links]\nfile = body.so\nresponse.sub = s|http://(\\w+)\\.test/|https://$1.example/|gi\n"


def page(words):
    """A text with links in it."""
    draw = random.Random(1)
    return b" ".join(draw.choice((b"word", b"http://a.test/x", b"HTTP://BC.test/", b"http://", b"\n")) for _ in range(words))


class Sub(Case):
    def check(self, mode, words, **fields):
        body = page(words)
        upstream = self.upstream(body=body, chunked=True)
        envoy = self.envoy(self.start(SUB), upstream, {"response_body_mode": mode, **fields})
        expected = re.sub(rb"(?i)http://(\w+)\.test/", rb"https://\1.example/", body)
        answer = http1.request(envoy.port)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body, expected)

    def test_a_page_that_is_streamed(self):
        self.check("STREAMED", 400_000, response_trailer_mode="SEND")

    def test_a_page_that_is_buffered(self):
        self.check("BUFFERED", 20_000)

    def test_a_page_whose_end_is_held_when_trailers_come_is_not_complete(self):
        service = self.launch(SUB).wait_ready()
        upstream = self.http2_upstream(body=b"see http://", trailers=[("x-end", "1")])
        envoy = self.envoy(service, upstream, {"response_body_mode": "STREAMED", "response_trailer_mode": "SEND"})
        answer = http2.request(envoy.port)
        self.assertTrue(answer.cut or answer.status == 500, (answer.status, answer.body))
        service.wait_line("plugin links held the last 7 bytes of the response body")
        upstream.body = b"see http://a.test/ there"
        self.assertEqual(http2.request(envoy.port).body, b"see https://a.example/ there")


class Redirect(Case):
    def test_a_list_and_a_template(self):
        moved = self.new_folder() / "moved"
        moved.write_text("/old /new 301\n")
        service = self.start(f"[plugin:moved]\nfile = redirect.so\nmap = {moved}\nto = https://b.example%PATH%\n")
        site = self.upstream()
        port = self.printed_envoy(service, site).port
        for path, status, location in ("/old?a=b", 301, "/new?a=b"), ("/x?y", 302, "https://b.example/x?y"):
            answer = http1.request(port, path=path)
            self.assertEqual((answer.status, answer.get("location")), (status, location))
        self.assertEqual(site.seen, [])


class Cors(Case):
    ORIGIN = ("origin", "https://app.example")

    def setUp(self):
        super().setUp()
        service = self.start("[plugin:cors]\nfile = cors.so\norigin = https://app.example\ncredentials = yes\n")
        self.site = self.upstream(headers=[("access-control-allow-origin", "*")])
        self.port = self.printed_envoy(service, self.site).port

    def test_a_preflight_does_not_reach_the_upstream(self):
        answer = http1.request(self.port, "OPTIONS", headers=[self.ORIGIN, ("access-control-request-method", "POST")])
        self.assertEqual((answer.status, answer.get("access-control-allow-origin")), (204, self.ORIGIN[1]))
        self.assertEqual(answer.get("access-control-allow-credentials"), "true")
        self.assertEqual(self.site.seen, [])

    def test_a_response_allows_what_the_section_says(self):
        answer = http1.request(self.port, headers=[self.ORIGIN])
        self.assertEqual(answer.all("access-control-allow-origin"), [self.ORIGIN[1]])
        self.assertEqual(answer.get("vary"), "origin")
        answer = http1.request(self.port, headers=[("origin", "https://evil.example")])
        self.assertEqual((answer.status, answer.all("access-control-allow-origin")), (200, []))


class ErrorPage(Case):
    def setUp(self):
        super().setUp()
        folder = self.new_folder()
        (folder / "page.html").write_text("<h1>broken</h1>")
        (folder / "page.json").write_text('{"status": %STATUS%}')
        service = self.start(f"[plugin:errors]\nfile = error_page.so\nstatus = 4xx\nstatus = 5xx\ntemplates = yes\n"
                             f"html = {folder}/page.html\njson = {folder}/page.json\n")
        self.site = self.upstream(status=404, headers=[("content-encoding", "gzip"), ("etag", '"a"')], body=b"not a page")
        self.port = self.printed_envoy(service, self.site).port

    def get(self, accept, **request):
        return http1.request(self.port, headers=[("accept", accept)], **request)

    def test_an_error_of_the_upstream(self):
        answer = self.get("text/html")
        self.assertEqual((answer.status, answer.body), (404, b"<h1>broken</h1>"))
        self.assertEqual((answer.get("content-encoding"), answer.get("etag")), (None, None))
        self.assertIn(answer.get("content-length"), (None, str(len(answer.body))))
        self.assertEqual(self.get("application/json").body, b'{"status": 404}')

    def test_an_error_of_the_proxy_itself(self):
        self.site.close()
        answer = self.get("application/json")
        self.assertEqual((answer.status, answer.body), (503, b'{"status": 503}'))
        self.assertEqual(answer.get("content-type"), "application/json")


class Who(Case):
    """Who may use the upstream, by passwords and by keys."""

    ANN = "ann:$2b$04$ElWsiIvbFP6U7RMw1nBSUODOyXyhvHIgxklMGSw4Mxya/gklhR2ku\n"  # of secret
    SHOP = "shop 625ec9a8bfc54cc62de07d58b187d9e967e1fbcaa61cf9acd03ce7995c261a8d\n"  # of key-of-shop

    def protect(self, plugin, name, lines, keys):
        path = self.new_folder() / name
        path.write_text(lines)
        self.site = self.upstream(body=b"served")
        service = self.start(f"[plugin:who]\nfile = {plugin}.so\n{name} = {path}\n{keys}")
        self.port = self.envoy(service, self.site).port  # with a message_timeout that allows for a hash

    def get(self, *headers, **request):
        answer = http1.request(self.port, headers=headers, **request)
        return answer.status, answer

    def test_a_password(self):
        self.protect("basic", "users", self.ANN, "timeout = 20s\nuser_header = x-user\nstrip = yes\n")
        status, answer = self.get()
        self.assertEqual((status, answer.get("www-authenticate")), (401, 'Basic realm="restricted", charset="UTF-8"'))
        self.assertEqual(self.get(("authorization", "Basic YW5uOndyb25n"))[0], 401)
        self.assertEqual(self.site.seen, [])
        for _ in range(2):  # the second time it is remembered
            status, answer = self.get(("authorization", "Basic YW5uOnNlY3JldA=="), ("x-user", "root"), method="POST", body=b"abc")
            self.assertEqual((status, answer.body), (200, b"served"))
            seen = self.site.seen.pop()
            self.assertEqual((seen.all("x-user"), seen.all("authorization"), seen.body), (["ann"], [], b"abc"))

    def test_a_key(self):
        self.protect("apikey", "keys", self.SHOP, "header = x-api-key\nquery = key\nname_header = x-client\n")
        self.assertEqual([self.get()[0], self.get(("x-api-key", "wrong"))[0]], [401, 401])
        self.assertEqual(self.site.seen, [])
        self.assertEqual(self.get(("x-api-key", "key-of-shop"))[0], 200)
        self.assertEqual(self.get(path="/a?key=key-of-shop&b=c")[0], 200)
        first, second = self.site.seen
        self.assertEqual((first.get("x-client"), first.get("x-api-key")), ("shop", None))
        self.assertEqual((second.get("x-client"), second.path), ("shop", "/a?b=c"))


class Json(Case):
    def test_the_route_follows_a_field_of_the_body(self):
        service = self.start("[plugin:models]\nfile = json.so\nrequest.field_to_header = a.route -> x-route\nclear_route = yes\n")
        site = self.upstream(body=b"served")
        port = self.printed_envoy(service, site).port
        for body, headers, status in ((b'{"a": {"route": "other"}}', [], 299), (b'{"a": {"route": "this"}}', [], 200),
                                      (b'{"b": 1}', [("x-route", "other")], 200), (b"not json", [("x-route", "other")], 200)):
            with self.subTest(body=body):
                self.assertEqual(http1.request(port, "POST", headers=headers, body=body).status, status)
        self.assertEqual([seen.get("x-route") for seen in site.seen], ["this", None, None])

    def test_bodies_are_edited_in_both_directions(self):
        service = self.start("[plugin:tidy]\nfile = json.so\nrequest.set = options.stream: false\nrequest.remove = debug\n"
                             "response.mask = users.*.password\n")
        site = self.upstream(body=b'{"users": [{"password": "a", "id": 123456789012345678901234567890}]}', chunked=True)
        port = self.printed_envoy(service, site).port
        answer = http1.request(port, "POST", body=b'{"debug": [1, 2], "options": {"x": 1.10}}')
        self.assertEqual(site.seen[0].body, b'{ "options": {"x": 1.10,"stream":false}}')
        self.assertEqual(site.seen[0].get("content-length"), str(len(site.seen[0].body)))
        self.assertEqual(answer.body, b'{"users": [{"password": "***", "id": 123456789012345678901234567890}]}')


class WhatOthersWroteServersFor(Case):
    """One file of bundled plugins in place of a program of one's own."""

    INI = """
[plugin:hello]
file = respond.so
when.path = /hello
body = hello, %REQ(x-name:-you)%
[plugin:key]
file = respond.so
when.path = !/open*
unless.header.x-key = right
status = 401
[plugin:words]
file = body.so
when.path = /open*
response.sub = s/(\\w+)@example\\.org/$1@example.com/g
[plugin:marks]
file = headers.so
request.set = x-marked: %METHOD%
response.set = x-marked: %STATUS%
response_trailers.set = x-marked: end
"""

    def test_all_of_it(self):
        site = self.http2_upstream(body=b"ann@example.org, bob@example.org.", trailers=[("x-end", "1")])
        port = self.printed_envoy(self.start(self.INI), site).port

        def get(path, *headers):
            answer = http2.request(port, "GET", path, headers)
            return answer.status, answer.body, answer.get("x-marked"), answer.trailer("x-marked")

        self.assertEqual(get("/hello", ("x-name", "ann"))[:2], (200, b"hello, ann"))
        self.assertEqual(get("/x")[0], 401)
        self.assertEqual(get("/x", ("x-key", "wrong"))[0], 401)
        self.assertEqual(site.seen, [])
        self.assertEqual(get("/x", ("x-key", "right")), (200, b"ann@example.org, bob@example.org.", "200", "end"))
        self.assertEqual(get("/open/a"), (200, b"ann@example.com, bob@example.com.", "200", "end"))
        self.assertEqual([seen.get("x-marked") for seen in site.seen], ["GET", "GET"])
