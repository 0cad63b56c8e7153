"""Every field of the protocol, read and written, as a client that knows nothing of extprocd sees them."""
import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from harness.case import Case
from harness.messages import (Action, common, modes, mutation, removes, request_body,
                              request_headers, request_trailers, response_body, response_headers,
                              response_trailers, sets, struct)
from harness.places import PROBE


def probe(*steps):
    return "[plugin:probe]\nfile = " + PROBE + "".join(f"\ndo = {step}" for step in steps)


class Requests(Case):
    """What the proxy sends is read."""

    def seen(self, value, *messages):
        """What a template says of the last message of a stream."""
        phase = messages[-1].WhichOneof("request")
        client = self.client(self.start(probe(f"{phase}: set x-seen {value}")))
        return dict(sets(client.answers(*messages)[-1]))["x-seen"]

    def test_raw_value_of_a_header(self):
        self.assertEqual(self.seen("%REQ(x-in)%", request_headers(("x-in", "raw"))), "raw")

    def test_value_of_a_header(self):
        message = request_headers()
        message.request_headers.headers.headers.append(base_pb2.HeaderValue(key="x-in", value="plain"))
        self.assertEqual(self.seen("%REQ(x-in)%", message), "plain")

    def test_pseudo_headers(self):
        self.assertEqual(self.seen("%METHOD% %PATH% %REQ(:authority)%", request_headers()), "POST /a test")

    def test_response_headers_and_status(self):
        self.assertEqual(self.seen("%STATUS% %RESP(x-in)%", response_headers(("x-in", "1"))), "200 1")

    def test_request_headers_in_the_response_phase(self):
        messages = request_headers(("x-in", "kept")), response_headers()
        self.assertEqual(self.seen("%REQ(x-in)%", *messages), "kept")

    def test_trailers(self):
        answer = self.client(self.start(probe("request_trailers: append x-t 2", "response_trailers: remove x-t"))) \
            .answers(request_headers(), request_trailers(("x-t", "1")), response_headers(),
                     response_trailers(("x-t", "1")))
        self.assertEqual(sets(answer[1]), [("x-t", "2")])
        self.assertEqual(removes(answer[3]), ["x-t"])

    def test_attributes(self):
        message = request_headers(attributes={"source.address": "10.0.0.1:5"})
        self.assertEqual(self.seen("%ATTR(source.address)%", message), "10.0.0.1:5")

    def test_attributes_are_kept_for_later_phases(self):
        messages = request_headers(attributes={"source.address": "10.0.0.1:5"}), response_headers()
        self.assertEqual(self.seen("%ATTR(source.address)%", *messages), "10.0.0.1:5")

    def test_attributes_where_older_gateways_put_them(self):
        message = request_headers()
        message.request_headers.attributes["envoy.filters.http.ext_proc"].CopyFrom(struct({"source.address": "old"}))
        self.assertEqual(self.seen("%ATTR(source.address)%", message), "old")

    def test_metadata_context(self):
        message = request_headers(metadata={"envoy.lb": {"canary": "yes"}})
        self.assertEqual(self.seen("%METADATA(envoy.lb:canary)%", message), "yes")

    def test_response_first_of_all(self):
        self.assertEqual(self.seen("%STATUS%", response_headers()), "200")

    def test_interleaved_directions(self):
        client = self.client(self.start(probe("request_body: body new", "response_headers: set x-r 1")))
        answers = client.answers(request_headers(protocol_config=modes("STREAMED")), response_headers(end=True),
                                 request_body(b"old"))
        self.assertEqual([a.WhichOneof("response") for a in answers],
                         ["request_headers", "response_headers", "request_body"])
        self.assertEqual(common(answers[2]).body_mutation.body, b"new")

    def test_fields_that_are_newer_than_us_are_skipped(self):
        flow_control_init, window_update = b"\x62\x02\x08\x10", b"\x6a\x02\x08\x10"
        unknown = b"\xa2\x7d\x03abc"
        client = self.client(self.start(probe("request_headers: set x-a 1")))
        stream = client.stream()
        answer = stream.exchange(request_headers().SerializeToString() + flow_control_init + unknown)
        stream.send(window_update)  # may come alone, and is owed nothing
        self.assertEqual(sets(answer), [("x-a", "1")])
        self.assertEqual(stream.finish()[:2], ([], grpc.StatusCode.OK))


class Modes(Case):
    """How a body travels, as the proxy or the operator says."""

    def said(self, *messages, **config):
        service = self.start(probe("request_headers: log headers", "request_body: log body"), **config)
        self.client(service).answers(*messages)
        self.assertEqual(service.stop(), 0)
        return [line.split(": ", 1)[1] for line in service.lines("observing=")]

    def test_none(self):
        self.assertEqual(self.said(request_headers(protocol_config=modes("NONE"))),
                         ["headers mode=NONE len=0 end=0 observing=0"])

    def test_streamed(self):
        said = self.said(request_headers(protocol_config=modes("STREAMED")), request_body(b"abc", end=False),
                         request_body(b"", end=True))
        self.assertEqual(said[1:], ["body mode=STREAMED len=3 end=0 observing=0",
                                    "body mode=STREAMED len=0 end=1 observing=0"])

    def test_buffered(self):
        said = self.said(request_headers(protocol_config=modes("BUFFERED")), request_body(b"abcd"))
        self.assertEqual(said[1:], ["body mode=WHOLE len=4 end=1 observing=0"])

    def test_of_the_listener_where_the_proxy_does_not_send_it(self):
        said = self.said(request_headers(), request_body(b"abcd", end=False), request_trailers(),
                         listener="request_body_mode = BUFFERED")
        self.assertEqual(said[1:], ["body mode=WHOLE len=4 end=0 observing=0"])

    def test_grpc_counts_as_none_until_a_body_comes(self):
        client = self.client(self.start(probe("request_headers: set x-a 1")))
        stream = client.stream()
        self.assertEqual(sets(stream.exchange(request_headers(protocol_config=modes("GRPC")))), [("x-a", "1")])
        stream.send(request_body(b"abc"))
        _, code, details = stream.rest()
        self.assertEqual(code, grpc.StatusCode.UNIMPLEMENTED)
        self.assertIn("request_body_mode GRPC", details)

    def test_modes_to_come_are_refused_by_name(self):
        client = self.client(self.start(probe("request_headers: set x-a 1")))
        for mode in "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED":
            with self.subTest(mode):
                code, details = client.failure(request_headers(protocol_config=modes("NONE", mode)))
                self.assertEqual(code, grpc.StatusCode.UNIMPLEMENTED)
                self.assertIn(f"response_body_mode {mode}", details)

    def test_observability_mode_is_answered_with_nothing(self):
        service = self.start(probe("request_headers: log headers", "request_headers: respond 403 no",
                                   "response_headers: log more"))
        stream = self.client(service).stream()
        stream.send(request_headers(observability_mode=True), response_headers(observability_mode=True))
        answers, code, _ = stream.finish()
        self.assertEqual((answers, code), ([], grpc.StatusCode.OK))
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.lines("observing=1")), 2)


class Answers(Case):
    """What is sent has every field that proxies read, each in the way they all understand."""

    def answer(self, message, *steps):
        return self.client(self.start(probe(*steps))).answers(message)[0]

    def options(self, answer):
        return [(o.header.key, o.header.raw_value, o.header.value, o.HasField("append"), o.append.value,
                 Action.Name(o.append_action)) for o in mutation(answer).set_headers]

    def test_set(self):
        answer = self.answer(request_headers(), "request_headers: set x-a 1")
        self.assertEqual(self.options(answer), [("x-a", b"1", "", True, False, "OVERWRITE_IF_EXISTS_OR_ADD")])

    def test_append(self):
        answer = self.answer(request_headers(), "request_headers: append x-a 1")
        self.assertEqual(self.options(answer), [("x-a", b"1", "", True, True, "APPEND_IF_EXISTS_OR_ADD")])

    def test_set_and_append(self):
        answer = self.answer(request_headers(), "request_headers: set x-a 1", "request_headers: append x-a 2")
        self.assertEqual(self.options(answer), [("x-a", b"1", "", True, False, "OVERWRITE_IF_EXISTS_OR_ADD"),
                                                ("x-a", b"2", "", True, True, "APPEND_IF_EXISTS_OR_ADD")])

    def test_remove(self):
        answer = self.answer(request_headers(("x-a", "1")), "request_headers: remove x-a")
        self.assertEqual((sets(answer), removes(answer)), ([], ["x-a"]))

    def test_a_phase_that_no_plugin_wants(self):
        answer = self.answer(request_headers(), "response_headers: set x-a 1")
        self.assertEqual(answer, pb.ProcessingResponse(request_headers=pb.HeadersResponse()))

    def body_answer(self, *steps):
        messages = request_headers(("content-length", "3"), protocol_config=modes("BUFFERED")), request_body(b"old")
        return self.client(self.start(probe(*steps))).answers(*messages)[1]

    def test_body(self):
        answer = self.body_answer("request_body: body longer")
        self.assertEqual(common(answer).body_mutation.body, b"longer")
        self.assertEqual(sets(answer), [("content-length", "6")])

    def test_body_left_alone(self):
        self.assertFalse(common(self.body_answer("request_body: set x-a 1")).HasField("body_mutation"))

    def test_body_cleared(self):
        answer = self.body_answer("request_body: body")
        self.assertEqual(common(answer).body_mutation.WhichOneof("mutation"), "clear_body")
        self.assertIs(common(answer).body_mutation.clear_body, True)
        self.assertEqual(sets(answer), [("content-length", "0")])

    def test_response_body(self):
        answers = self.client(self.start(probe("response_body: body new"))).answers(
            response_headers(protocol_config=modes("NONE", "STREAMED")), response_body(b"a", end=False),
            response_body(b"b"))
        self.assertEqual([common(a).body_mutation.body for a in answers[1:]], [b"new", b"new"])

    def test_body_set_in_the_headers_phase(self):
        answer = self.answer(request_headers(), "request_headers: body instead")
        self.assertEqual(common(answer).status, pb.CommonResponse.CONTINUE_AND_REPLACE)
        self.assertEqual(common(answer).body_mutation.body, b"instead")

    def test_immediate_response(self):
        answer = self.answer(request_headers(), "request_headers: set x-lost 1",
                             "request_headers: respond 403 no entry")
        r = answer.immediate_response
        self.assertEqual((r.status.code, r.body), (403, b"no entry"))
        self.assertEqual((r.details, r.grpc_status.status), ("probe.said.so", 7))
        self.assertEqual(sets(answer), [("x-from", "probe"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
        self.assertEqual([o.append.value for o in mutation(answer).set_headers], [False, False, True])

    def test_immediate_response_in_every_phase_that_allows_it(self):
        request = request_headers(protocol_config=modes("BUFFERED", "BUFFERED"))
        response = response_headers(protocol_config=modes("BUFFERED", "BUFFERED"))
        for messages in ([request], [request, request_body(b"x")], [request, request_trailers()],
                         [response], [response, response_body(b"x")]):
            phase = messages[-1].WhichOneof("request")
            with self.subTest(phase):
                answers = self.client(self.start(probe(f"{phase}: respond 503 {phase}"))).answers(*messages)
                self.assertEqual(answers[-1].immediate_response.body, phase.encode())

    def test_dynamic_metadata(self):
        answer = self.answer(request_headers(), "request_headers: metadata my.ns/a 1",
                             "request_headers: metadata my.ns/b 2", "request_headers: metadata other/a 3")
        self.assertEqual(answer.dynamic_metadata, struct({"my.ns": {"a": "1", "b": "2"}, "other": {"a": "3"}}))

    def test_dynamic_metadata_of_several_plugins_is_one_tree(self):
        second = probe("request_headers: metadata my.ns/b 2").replace("plugin:probe", "plugin:second")
        service = self.start(probe("request_headers: metadata my.ns/a 1") + "\n" + second)
        answer = self.client(service).answers(request_headers())[0]
        self.assertEqual(answer.dynamic_metadata, struct({"my.ns": {"a": "1", "b": "2"}}))

    def test_clear_route_cache(self):
        answer = self.answer(request_headers(), "request_headers: clear_route", "request_headers: set x-a 1")
        self.assertTrue(common(answer).clear_route_cache)

    def test_clear_route_cache_without_an_edit_is_nothing(self):
        self.assertFalse(common(self.answer(request_headers(), "request_headers: clear_route")).clear_route_cache)

    def test_failure_of_a_plugin(self):
        for verb in "fail", "odd_action":
            with self.subTest(verb):
                service = self.launch(probe("request_headers: set x-lost 1", f"request_headers: {verb}")).wait_ready()
                r = self.client(service).answers(request_headers())[0].immediate_response
                self.assertEqual((r.status.code, r.details.split("{")[0]), (500, "extprocd.probe.error"))
                service.wait_line(r"error .*plugin=probe phase=request_headers")
                self.assertEqual(service.stop(), 0)
