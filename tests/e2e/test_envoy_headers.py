"""Headers of requests and responses with a real Envoy."""
import threading
from concurrent.futures import ThreadPoolExecutor

from harness import http1
from harness.case import Case
from harness.places import PROBE

EDITS = """
[plugin:edits]
file = headers.so
request.set = x-set: new
request.append = x-append: second
request.add = x-add: added
request.replace = x-replace: replaced
request.remove = x-remove
response.set = x-set: new
response.append = x-append: second
response.add = x-add: added
response.replace = x-replace: replaced
response.remove = x-remove
"""
BEFORE = [("x-set", "old"), ("x-append", "first"), ("x-replace", "old"), ("x-remove", "old"), ("x-untouched", "same")]
AFTER = {"x-set": ["new"], "x-append": ["first", "second"], "x-add": ["added"], "x-replace": ["replaced"],
         "x-remove": [], "x-untouched": ["same"]}


def order(name, value):
    return (f"[plugin:{name}]\nfile = headers.so\nrequest.append = x-order: {value}\nrequest.set = x-last: {value}\n"
            f"response.append = x-order: {value}\nresponse.set = x-last: {value}\n")


class Headers(Case):
    def assert_after(self, message, wanted=AFTER):
        self.assertEqual({name: message.all(name) for name in wanted}, wanted)

    def test_every_edit_in_both_directions(self):
        upstream = self.upstream(headers=BEFORE)
        envoy = self.envoy(self.start(EDITS), upstream)
        answer = http1.request(envoy.port, headers=BEFORE)
        self.assert_after(upstream.seen[0])
        self.assert_after(answer)

    def test_the_same_over_a_unix_socket(self):
        upstream = self.upstream(headers=BEFORE)
        envoy = self.envoy(self.start(EDITS, address=f"unix:{self.folder}/socket"), upstream)
        self.assert_after(http1.request(envoy.port, headers=BEFORE))
        self.assert_after(upstream.seen[0])

    def test_get_and_head_without_a_body(self):
        upstream = self.upstream(headers=BEFORE)
        envoy = self.envoy(self.start(EDITS), upstream, {"request_body_mode": "BUFFERED",
                                                         "response_body_mode": "BUFFERED"})
        for method in "GET", "HEAD":
            with self.subTest(method):
                answer = http1.request(envoy.port, method, headers=BEFORE)
                self.assert_after(answer)
                self.assertEqual((answer.status, answer.body), (200, b"" if method == "HEAD" else upstream.body))

    def test_several_plugins_in_order_and_back(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start(order("first", 1) + order("second", 2) + order("third", 3)), upstream)
        answer = http1.request(envoy.port)
        self.assert_after(upstream.seen[0], {"x-order": ["1", "2", "3"], "x-last": ["3"]})
        self.assert_after(answer, {"x-order": ["3", "2", "1"], "x-last": ["1"]})

    def test_a_plugin_sees_what_those_before_it_did(self):
        upstream = self.upstream()
        plugins = ("[plugin:one]\nfile = headers.so\nrequest.set = x-a: 1\nrequest.remove = x-b\n"
                   "[plugin:two]\nfile = headers.so\nrequest.set = x-seen: %REQ(x-a)% %REQ(x-b:-gone)%\n"
                   "[plugin:three]\nfile = headers.so\nrequest.remove = x-a\n")
        envoy = self.envoy(self.start(plugins), upstream)
        http1.request(envoy.port, headers=[("x-b", "2")])
        self.assert_after(upstream.seen[0], {"x-seen": ["1 gone"], "x-a": [], "x-b": []})

    def test_hidden_headers_are_edited_as_if_they_were_seen(self):
        upstream = self.upstream(headers=BEFORE)
        hide = {"disallowed_headers": {"patterns": [{"exact": n} for n in ("x-set", "x-append", "x-remove")]}}
        envoy = self.envoy(self.start(EDITS), upstream, forward_rules=hide)
        answer = http1.request(envoy.port, headers=BEFORE)
        self.assert_after(upstream.seen[0])
        self.assert_after(answer)

    def test_what_the_proxy_sends_about_the_connection(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start("[plugin:t]\nfile = headers.so\nrequest.set = x-seen: %ATTR(request.path)%\n"
                                      "response.set = x-seen: %ATTR(response.code)% %ATTR(request.path)%\n"),
                           upstream, request_attributes=["request.path"], response_attributes=["response.code"])
        answer = http1.request(envoy.port, path="/some/path")
        self.assertEqual(upstream.seen[0].get("x-seen"), "/some/path")
        self.assertEqual(answer.get("x-seen"), "200 /some/path")

    def test_the_route_is_found_again(self):
        upstream = self.upstream()
        envoy = self.envoy(self.start(f"[plugin:p]\nfile = {PROBE}\ndo = request_headers: set x-route other\n"
                                      "do = request_headers: clear_route\n"), upstream)
        self.assertEqual(http1.request(envoy.port).status, 299)

    def test_500_requests_in_parallel(self):
        """The upstream answers none before all of them are there."""
        n = 500
        gate = threading.Barrier(n)
        upstream = self.upstream(before=lambda seen: gate.wait(60))
        envoy = self.envoy(self.start("[plugin:t]\nfile = headers.so\nrequest.set = x-mine: %REQ(x-number)%\n"
                                      "response.set = x-yours: %REQ(x-number)%\n"), upstream)

        def one(i):
            return http1.request(envoy.port, headers=[("x-number", str(i))]).get("x-yours")
        with ThreadPoolExecutor(n) as pool:
            answers = list(pool.map(one, range(n)))
        numbers = [str(i) for i in range(n)]
        self.assertEqual(answers, numbers)
        self.assertEqual(sorted(seen.get("x-mine") for seen in upstream.seen), sorted(numbers))
