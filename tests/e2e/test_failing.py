"""What an operator says about plugins that fail, that block, and about bodies that are too large: as the client of a
real Envoy sees it, and in the log."""
from harness import http1
from harness.case import Case
from harness.messages import request_headers
from harness.places import BLOCKER, PROBE, WHOLE

BUFFERED = {"request_body_mode": "BUFFERED", "response_body_mode": "BUFFERED"}
NEIGHBOURS = (f"[plugin:first]\nfile = {PROBE}\ndo = request_headers: set x-first 1\n"
              "do = response_headers: set x-seen %RESP(x-bad:-none)%\n",
              f"[plugin:last]\nfile = {PROBE}\ndo = request_headers: set x-last %REQ(x-bad:-none)%\n")
FAILS = (f"[plugin:bad]\nfile = {PROBE}\ndo = request_headers: set x-bad 1\ndo = request_headers: remove x-first\n"
         "do = request_headers: fail\n")


class OnError(Case):
    def failing(self, keys, **fields):
        """Envoy with a chain whose middle plugin fails, and its service."""
        first, last = NEIGHBOURS
        service = self.launch(f"{first}{FAILS}{keys}\n{last}").wait_ready()
        self.seen = self.upstream()
        return service, self.envoy(service, self.seen, BUFFERED, **fields)

    def counted(self, service):
        """It stops well, and says how often which plugin has failed."""
        self.assertEqual(service.stop(), 0)
        line = 'failures{chain="main",plugin="bad",phase="request_headers",reason="callback"}=1'
        self.assertEqual(len([1 for said in service.lines("counters: ") if line in said]), 1, service.log()[-2000:])

    def test_respond(self):
        service, envoy = self.failing("on_error = respond\non_error_status = 503")
        self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"abc").status, 503)
        self.assertEqual(envoy.access("/x"), ["503", "extprocd.bad.error"])
        self.assertEqual(self.seen.seen, [])
        service.wait_line(f" error .*transaction={envoy.access_id('/x')} .*plugin=bad phase=request_headers: "
                          "request_headers failed")
        self.counted(service)

    def test_continue(self):
        service, envoy = self.failing("on_error = continue")
        answer = http1.request(envoy.port, "POST", "/x", body=b"abc")
        self.assertEqual((answer.status, answer.get("x-seen")), (200, "none"))
        request, = self.seen.seen
        self.assertEqual([request.get(name) for name in ("x-first", "x-bad", "x-last")], ["1", None, "none"])
        self.assertEqual(request.body, b"abc")
        service.wait_line(r"plugin=bad .*\(on_error = continue\)")
        self.counted(service)

    def test_close_and_the_proxy_is_strict(self):
        service, envoy = self.failing("on_error = close", failure_mode_allow=False)
        self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"abc").status, 500)
        self.assertNotIn("extprocd", envoy.access("/x")[1])
        self.assertEqual(self.seen.seen, [])
        service.wait_line("INTERNAL.*plugin bad failed in request_headers")
        self.counted(service)

    def test_close_and_the_proxy_lets_pass(self):
        service, envoy = self.failing("on_error = close", failure_mode_allow=True)
        self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"abc").status, 200)
        request, = self.seen.seen
        self.assertEqual([request.get(name) for name in ("x-first", "x-bad", "x-last")], [None, None, None])
        self.counted(service)


class MaxBody(Case):
    def limited(self, keys=""):
        service = self.start(f"[plugin:reads]\nfile = {WHOLE}\nmax_body = 4\n{keys}\ndo = request_body: body read\n")
        self.seen = self.upstream()
        return service, self.envoy(service, self.seen, BUFFERED)

    def test_a_413(self):
        service, envoy = self.limited()
        self.assertEqual(http1.request(envoy.port, "POST", "/fits", body=b"abcd").status, 200)
        self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"abcde").status, 413)
        self.assertEqual(envoy.access("/x"), ["413", "extprocd.reads.max_body"])
        self.assertEqual([request.body for request in self.seen.seen], [b"read"])
        service.wait_line(f" warn .*transaction={envoy.access_id('/x')} .*plugin=reads phase=request_body: body of 5 "
                          r"bytes exceeds max_body \(4\)$")

    def test_or_it_passes(self):
        service, envoy = self.limited("on_max_body = continue")
        self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"abcde").status, 200)
        self.assertEqual([request.body for request in self.seen.seen], [b"abcde"])
        service.wait_line(r"exceeds max_body \(4\) \(on_max_body = continue\)")


class Memory(Case):
    def test_a_transaction_that_takes_too_much_fails_alone(self):
        service = self.launch("[plugin:grows]\nfile = body.so\nrequest.append = more\n",
                              service="max_transaction_memory = 64k").wait_ready()
        upstream = self.upstream()
        envoy = self.envoy(service, upstream, BUFFERED)
        self.assertEqual(http1.request(envoy.port, "POST", "/x", body=b"a" * 100000).status, 500)
        self.assertEqual(http1.request(envoy.port, "POST", "/fits", body=b"abc").status, 200)
        self.assertEqual([request.body for request in upstream.seen], [b"abcmore"])
        service.wait_line(rf" warn .*transaction={envoy.access_id('/x')} .*transaction memory of \d+ bytes exceeds "
                          r"max_transaction_memory \(65536\)$")
        self.assertEqual(service.stop(), 0)
        self.assertTrue(service.lines('phase="request_body",reason="memory"}=1'))


class Blocking(Case):
    def test_a_plugin_is_named_while_it_blocks(self):
        """It never returns, so nothing but a look from outside can name it."""
        service = self.launch(f"[plugin:b]\nfile = {BLOCKER}\nwhere = request_headers\ntimeout = 60ms\n").wait_ready()
        stream = self.client(service).stream()
        stream.send(request_headers())
        service.wait_line(r" warn .*plugin=b phase=request_headers: the plugin blocks all transactions: it has not "
                          r"returned for \d+ ms \(timeout = 60ms\)")
