"""An ext_proc client that knows nothing of extprocd: grpcio, and the protos as upstream publishes them."""
import queue

import grpc
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from harness.places import PATIENCE

PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
HEALTH = "/grpc.health.v1.Health/"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def encoded(message):
    return message if isinstance(message, bytes) else message.SerializeToString()


class Stream:
    """One call of Process: messages out (or raw bytes in their place), answers in, then a status."""

    END = object()

    def __init__(self, method, metadata, limit, compression):
        self.out = queue.SimpleQueue()
        self.call = method(iter(self.out.get, self.END), timeout=limit, metadata=metadata, compression=compression)

    def send(self, *messages):
        for message in messages:
            self.out.put(message)

    def receive(self):
        """The next answer. The stream's end is an error of the test's."""
        return next(self.call)

    def exchange(self, message):
        self.send(message)
        return self.receive()

    def half_close(self):
        self.out.put(self.END)

    def cancel(self):
        self.call.cancel()
        self.half_close()

    def rest(self):
        """All answers that still come, and the status: (answers, code, details)."""
        answers = []
        try:
            answers.extend(self.call)
        except grpc.RpcError:
            pass
        self.half_close()
        return answers, self.call.code(), self.call.details()

    def finish(self):
        """Half-closes, and returns what rest() returns."""
        self.half_close()
        return self.rest()


class Client:
    """One connection; with credentials it is one of TLS, with "localhost"."""

    def __init__(self, address, credentials=None):
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
                   ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
                   ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100),
                   # What a connection may take until its SETTINGS have come, on a busy machine too.
                   ("grpc.min_reconnect_backoff_ms", 1000 * PATIENCE)]
        if address.startswith("unix:"):
            target = address
        else:
            target = f"ipv4:{address}" if address[0] != "[" else f"ipv6:{address}"
        if credentials:
            options.append(("grpc.ssl_target_name_override", "localhost"))
            self.channel = grpc.secure_channel(target, credentials, options)
        else:
            self.channel = grpc.insecure_channel(target, options)
        self.method = self.channel.stream_stream(PROCESS, encoded, pb.ProcessingResponse.FromString)

    def close(self):
        self.channel.close()

    def stream(self, metadata=(), limit=PATIENCE, compression=None):
        return Stream(self.method, metadata, limit, compression)

    def answers(self, *messages):
        """A complete stream: sends all, and returns one answer for each."""
        stream = self.stream()
        answers = [stream.exchange(message) for message in messages]
        more, code, details = stream.finish()
        assert (more, code) == ([], grpc.StatusCode.OK), f"{more} {code} {details}"
        return answers

    def failure(self, *messages):
        """A stream that has to end otherwise than with OK: (code, details)."""
        stream = self.stream()
        stream.send(*messages)
        _, code, details = stream.rest()
        return code, details

    def health(self, service=""):
        """Health.Check: the status, or the error's code."""
        check = self.channel.unary_unary(HEALTH + "Check", request_serializer=encoded)
        try:
            return health_status(check(health_request(service), timeout=PATIENCE))
        except grpc.RpcError as e:
            return e.code()

    def watch(self, service=""):
        """Health.Watch: statuses as they come."""
        watch = self.channel.unary_stream(HEALTH + "Watch", request_serializer=encoded)
        return map(health_status, watch(health_request(service), timeout=PATIENCE))


def health_request(service):
    """grpc.health.v1.HealthCheckRequest: field 1, the service's name."""
    return b"\x0a" + bytes([len(service)]) + service.encode() if service else b""


def health_status(response):
    """grpc.health.v1.HealthCheckResponse: field 1, the status."""
    assert len(response) == 2 and response[0] == 0x08, response
    return response[1]
