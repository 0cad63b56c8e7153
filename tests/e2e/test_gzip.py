"""A client that compresses: `transport = h2` reads it and answers in kind, `transport = grpc` says that it does not."""
import grpc

from harness.case import Case
from harness.messages import common, modes, request_body, request_headers, response_headers, sets
from harness.places import TRANSPORT

WORDS = ["a long value"] * 200
LONG = " ".join(WORDS)
TAGS = "[plugin:tags]\nfile = headers.so\nresponse.set = x-b: 2\nrequest.set = x-long: " + "\n  ".join(WORDS) + "\n"
BODY = b"a body that can be compressed " * 10000


class Gzip(Case):
    def stream(self, compression=grpc.Compression.Gzip):
        service = self.start(TAGS, listener="max_message = 1m")
        return self.client(service).stream(compression=compression)

    def expect_refused(self, stream, code, words):
        _, got, details = stream.rest()
        self.assertEqual(got, code)
        self.assertRegex(details, words)

    def test_a_transaction(self):
        stream = self.stream()
        stream.send(request_headers(("x-client", LONG), protocol_config=modes("STREAMED")))
        if TRANSPORT == "grpc":
            self.expect_refused(stream, grpc.StatusCode.UNIMPLEMENTED, "[Cc]ompress.*gzip")
            return
        self.assertEqual(sets(stream.receive()), [("x-long", LONG)])
        self.assertFalse(common(stream.exchange(request_body(BODY, end=False))).HasField("body_mutation"))
        self.assertFalse(common(stream.exchange(request_body(BODY))).HasField("body_mutation"))
        self.assertEqual(sets(stream.exchange(response_headers())), [("x-b", "2")])
        self.assertEqual(stream.finish()[:2], ([], grpc.StatusCode.OK))

    def test_a_message_that_is_too_large_unpacked(self):
        stream = self.stream()
        stream.send(request_headers(("x-client", "y" * 2000000)))
        if TRANSPORT != "grpc":
            self.expect_refused(stream, grpc.StatusCode.RESOURCE_EXHAUSTED, r"more than 1048576 vs\. 1048576")
        else:
            self.expect_refused(stream, grpc.StatusCode.UNIMPLEMENTED, "[Cc]ompress.*gzip")

    def test_another_encoding(self):
        stream = self.stream(grpc.Compression.Deflate)
        stream.send(request_headers(("x-client", LONG)))
        self.expect_refused(stream, grpc.StatusCode.UNIMPLEMENTED, "[Cc]ompress|grpc-encoding.*gzip")
