"""What the service and its plugins write down."""
import json

from harness.case import Case
from harness.messages import modes, request_body, request_headers, response_headers
from harness.places import PROBE, TRANSPORT, WHOLE
from harness.wait import wait_until

TELL = f"[plugin:probe]\nfile = {PROBE}\ndo = request_headers: log something\n"


class Log(Case):
    def test_a_line_says_whose_it_is(self):
        service = self.start(TELL)
        self.client(service).answers(request_headers(("x-request-id", "7f3a-1")))
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.lines(
            r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  listener=main peer=127\.0\.0\.1:\d+ transaction=7f3a-1 chain=\S+ plugin=probe "
            r"phase=request_headers: something ")), 1, service.log())

    def test_transactions_without_an_id_get_one_of_their_own(self):
        service = self.start(TELL)
        self.client(service).answers(request_headers())
        self.client(service).answers(request_headers())
        self.assertEqual(service.stop(), 0)
        ids = {line.split("transaction=", 1)[1].split(" ")[0] for line in service.lines("something")}
        self.assertEqual(len(ids), 2, service.log())

    def test_what_comes_from_the_wire_cannot_forge_a_line(self):
        service = self.start(TELL)
        self.client(service).answers(request_headers(("x-request-id", "a\nb error forged")))
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.lines("something")), 1, service.log())
        self.assertEqual(service.lines("^b"), [])

    def test_json(self):
        service, client = self.start_unheard(TELL, service=f"log_format = json\nlog_file = {self.folder}/log")
        client.answers(request_headers(("x-request-id", 'a"b')))
        self.assertEqual(service.stop(), 0)
        lines = [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]
        said = [line for line in lines if line.get("plugin") == "probe"]
        self.assertEqual([(l["transaction"], l["phase"], l["level"]) for l in said],
                         [('a"b', "request_headers", "info")])

    def test_what_repeats_is_limited_and_counted(self):
        service = self.start(TELL)
        client = self.client(service)
        n = 0

        def ask():
            nonlocal n
            n += 1
            client.answers(request_headers())
            return service.lines(r"something .*\(\d+ similar messages suppressed\)$")
        last = wait_until(ask, "a line that says how many are missing")[0]
        missing = int(last.rsplit("(", 1)[1].split(" ")[0])
        self.assertGreater(missing, 0)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.lines("something")) + missing, n)

    def test_what_was_suppressed_is_reported_at_the_stop(self):
        service = self.start(TELL)
        client = self.client(service)
        for _ in range(30):
            client.answers(request_headers())
        self.assertEqual(service.stop(), 0)
        lines = service.lines("something")
        missing = [int(line.rsplit("(", 1)[1].split(" ")[0]) for line in lines if "similar messages" in line]
        self.assertEqual((len(missing), len(lines) + sum(missing)), (1, 30), service.log())

    def test_the_journal_gets_priorities(self):
        """As systemd starts a service: the variable names the stream that standard error is."""
        script = 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"'
        service = self.start(TELL, prefix=["sh", "-c", script, "sh"])
        self.client(service).answers(request_headers())
        self.assertEqual(service.stop(), 0)
        self.assertEqual(service.lines(r"^(?!<6>)"), [], service.log())
        self.assertEqual(len(service.lines(r"^<6>\d{4}-.* info  .*something")), 1)

    def test_the_log_plugin_writes_one_line_per_transaction(self):
        path = self.folder / "access.json"
        service = self.start(f"[plugin:access]\nfile = log.so\nto = {path}\nrequest.header = x-a\n"
                             "request.header = authorization\nbody_limit = 4\n")
        client = self.client(service)
        for i in range(3):
            client.answers(request_headers(("x-a", str(i)), ("authorization", "secret"),
                                           protocol_config=modes("BUFFERED")), request_body(b"a body"),
                           response_headers())
        service.stop()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual([line["request"]["headers"]["x-a"] for line in lines], ["0", "1", "2"])
        self.assertNotIn("secret", path.read_text())


# What is said of a stream, as a part of its line.
KINDS = {
    "a plugin's own line": r"plugin=probe phase=request_headers: something ",
    "a plugin that failed": r"plugin=probe phase=request_body: request_body failed: extproc_header_set",
    "a need that is not met": r"plugin=whole phase=request_headers: .*request_body_mode is NONE",
    "a phase that is not sent": r"plugin=probe phase=request_body: not called",
    "a message out of place": r"stream ended with INVALID_ARGUMENT: ",
    "a mode that is not supported": r"stream ended with UNIMPLEMENTED: ",
    "a stream that ends early": r"stream closed: .* before ",
    "a stream that ends": r"stream closed: done",
    **({} if TRANSPORT == "grpc" else {"a message that is too large": r"stream \w+: .*max_message"}),
}


class Whose(Case):
    """Each line about a stream names the listener, the peer and the transaction."""

    def test_every_line_about_a_stream_names_it(self):
        plugins = {"probe": f"{TELL}do = request_body: set x-late 1\n",
                   "whole": f"[plugin:whole]\nfile = {WHOLE}\ndo = request_body: log it\n"}
        services = {name: self.launch(text, service="log_level = debug", listener="max_message = 64k").wait_ready()
                    for name, text in plugins.items()}
        client = self.client(services["probe"])
        streamed, buffered = modes("STREAMED"), modes("BUFFERED")
        client.answers(request_headers(end=True), response_headers(end=True))
        client.answers(request_headers(protocol_config=modes()), response_headers(end=True))
        for messages in ([request_headers(protocol_config=streamed), request_body(b"a")],
                         [request_headers(end=True), request_headers()],
                         [request_headers(protocol_config=modes("FULL_DUPLEX_STREAMED"))],
                         [request_headers(protocol_config=buffered), request_body(b"x" * 100000)]):
            stream = client.stream()
            stream.send(*messages)
            stream.rest()
        stream = client.stream()
        stream.exchange(request_headers())
        stream.cancel()
        self.client(services["whole"]).stream().exchange(request_headers(protocol_config=modes()))

        def lines(pattern):
            return [line for service in services.values() for line in service.lines(pattern)]
        for kind, pattern in KINDS.items():
            with self.subTest(kind):
                for line in wait_until(lambda: lines(pattern), f"{kind}: {pattern}"):
                    self.assertRegex(line, WHOSE)
        for line in lines(r"stream (ended|closed|reset)|phase=\w+_"):
            self.assertRegex(line, WHOSE)


WHOSE = r" listener=main peer=127\.0\.0\.1:\d+ transaction=\S+[ :]"
