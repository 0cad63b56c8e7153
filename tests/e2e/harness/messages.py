"""ProcessingRequests to write down, and ProcessingResponses to compare."""
from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from google.protobuf import struct_pb2

Mode = processing_mode_pb2.ProcessingMode
Action = base_pb2.HeaderValueOption.HeaderAppendAction
ATTRIBUTES = "envoy.filters.http.ext_proc"


def struct(fields):
    s = struct_pb2.Struct()
    s.update(fields)
    return s


def modes(request="NONE", response="NONE"):
    return pb.ProtocolConfiguration(request_body_mode=Mode.BodySendMode.Value(request),
                                    response_body_mode=Mode.BodySendMode.Value(response))


def header_map(pairs):
    return base_pb2.HeaderMap(headers=[base_pb2.HeaderValue(key=k, raw_value=v.encode()) for k, v in pairs])


def message(field, value, attributes=None, metadata=None, **more):
    """field: the phase. more: further fields of ProcessingRequest, as they are."""
    request = pb.ProcessingRequest(**{field: value}, **more)
    if attributes is not None:
        request.attributes[ATTRIBUTES].CopyFrom(struct(attributes))
    for namespace, fields in (metadata or {}).items():
        request.metadata_context.filter_metadata[namespace].CopyFrom(struct(fields))
    return request


REQUEST_LINE = ((":method", "POST"), (":path", "/a"), (":scheme", "http"), (":authority", "test"))


def request_headers(*pairs, end=False, **more):
    value = pb.HttpHeaders(headers=header_map([*REQUEST_LINE, *pairs]), end_of_stream=end)
    return message("request_headers", value, **more)


def response_headers(*pairs, end=False, **more):
    value = pb.HttpHeaders(headers=header_map([(":status", "200"), *pairs]), end_of_stream=end)
    return message("response_headers", value, **more)


def request_body(data, end=True, **more):
    return message("request_body", pb.HttpBody(body=data, end_of_stream=end), **more)


def response_body(data, end=True, **more):
    return message("response_body", pb.HttpBody(body=data, end_of_stream=end), **more)


def request_trailers(*pairs, **more):
    return message("request_trailers", pb.HttpTrailers(trailers=header_map(pairs)), **more)


def response_trailers(*pairs, **more):
    return message("response_trailers", pb.HttpTrailers(trailers=header_map(pairs)), **more)


# ---- answers ---------------------------------------------------------------------------------------------

def common(answer):
    """The CommonResponse of a headers or body answer."""
    return getattr(answer, answer.WhichOneof("response")).response


def mutation(answer):
    """The HeaderMutation of any answer."""
    part = getattr(answer, answer.WhichOneof("response"))
    if isinstance(part, pb.ImmediateResponse):
        return part.headers
    return part.header_mutation if isinstance(part, pb.TrailersResponse) else part.response.header_mutation


def sets(answer):
    """[(name, value)] of what is set or appended."""
    return [(o.header.key, o.header.raw_value.decode()) for o in mutation(answer).set_headers]


def removes(answer):
    return list(mutation(answer).remove_headers)
