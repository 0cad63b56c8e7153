"""Invalid input gets an error that says so, and no other client notices."""
import grpc
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from harness.case import Case
from harness.client import encoded
from harness.messages import modes, request_body, request_headers, request_trailers, response_trailers, sets
from harness.places import TRANSPORT

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n"


class BadInput(Case):
    def setUp(self):
        super().setUp()
        self.service = self.start(TAGS, listener="max_message = 64k\nmax_header_list = 4k")
        self.connection = self.client(self.service)
        self.neighbour = self.connection.stream()
        self.assertEqual(sets(self.neighbour.exchange(request_headers())), [("x-a", "1")])
        self.addCleanup(self.check_neighbour)

    def check_neighbour(self):
        """A stream on the same connection, open all the time, did not notice."""
        self.neighbour.exchange(pb.ProcessingRequest(response_headers=pb.HttpHeaders()))
        self.assertEqual(self.neighbour.finish()[:2], ([], grpc.StatusCode.OK))

    def test_unknown_methods(self):
        for path in "/envoy.service.ext_proc.v3.ExternalProcessor/Other", "/no.such.Service/Process":
            with self.subTest(path):
                call = self.connection.channel.unary_unary(path, request_serializer=encoded)
                with self.assertRaises(grpc.RpcError) as caught:
                    call(b"", timeout=10)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_no_protobuf(self):
        code, details = self.connection.failure(b"\xff\xff\xff\xff no protobuf")
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("malformed", details)

    def test_cut_protobuf(self):
        code, details = self.connection.failure(request_headers().SerializeToString()[:-3])
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("malformed", details)

    def test_too_deep(self):
        value = b""
        for _ in range(200):
            value = field(6, field(1, value))  # Value.list_value, ListValue.values
        struct = field(1, field(1, b"key") + field(2, value))
        metadata = field(1, field(1, b"namespace") + field(2, struct))
        code, details = self.connection.failure(request_headers().SerializeToString() + field(8, metadata))
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("malformed", details)

    def test_invalid_order(self):
        cases = [([request_headers(), request_headers()], "request_headers"),
                 ([request_headers(end=True), request_body(b"x")], "request_body"),
                 ([request_headers(protocol_config=modes("NONE")), request_body(b"x")], "request_body"),
                 ([request_trailers(), request_body(b"x")], "request_body"),
                 ([response_trailers(), response_trailers()], "response_trailers")]
        for messages, name in cases:
            with self.subTest(name):
                code, details = self.connection.failure(*messages)
                self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
                self.assertIn(f"{name} in state ", details)

    def test_message_over_the_limit(self):
        config = modes("STREAMED")
        code, details = self.connection.failure(request_headers(protocol_config=config), request_body(b"x" * 70000))
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertRegex(details, r"\b700\d\d\b.*\b65536\b")
        if TRANSPORT == "h2":
            self.service.wait_line(r" warn  listener=main peer=127.0.0.1:\d+ transaction=\S+: stream reset: message of "
                                   r"700\d\d bytes exceeds max_message \(65536\)$")

    def test_metadata_over_the_limit(self):
        stream = self.client(self.service).stream(metadata=[("x-long", "y" * 6000)])
        stream.send(request_headers())
        _, code, details = stream.rest()
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertRegex(details, r"metadata of 6\d\d\d bytes, and max_header_list is 4096")


def field(number, value):
    """A field of bytes, a string or a message, on the wire."""
    out, n = bytes([number << 3 | 2]), len(value)
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n]) + value
