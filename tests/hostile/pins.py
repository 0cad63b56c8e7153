"""What a transport does not bound, by scene: those bounds must not hold, until they do.

README has a line for each, under "What `transport = grpc` does not limit"."""

FREE, BACK = "descriptors are free", "but 64 MiB given back"

PINNED = {
    "grpc": {
        # Answers wait for ever, because the client does not open the window or does not read.
        "Windows.a_connection_of_no_window": {FREE, BACK},
        "Windows.streams_of_no_window": {FREE},
        "Windows.sockets_that_are_not_read": {FREE, BACK},
        # The core keeps what it had.
        "Windows.memory_comes_back_while_they_live": {"64 MiB or less are left"},
        "Bytes.messages_that_are_never_complete": {"at most 400 MiB more", BACK},
        "Bytes.streams_beside_one_that_is_not_read": {"a stream beside them is served"},
        "Doors.no_descriptor_is_left": {"a new client is served"},
        # Frames and calls that cost us more than the client are not counted.
        "Floods.frames_that_carry_nothing": {
            "acknowledged PING", "SETTINGS", "PRIORITY", "empty DATA", "padded empty DATA", "WINDOW_UPDATE",
            "a stream's WINDOW_UPDATE", "unknown frames", "unknown frames of no stream"},
        "Floods.heads_without_end": {"empty CONTINUATION", "CONTINUATION"},
        "Floods.refused_calls": {"the connection ends"},
        "Floods.streams_that_are_reset": {
            "by the client", "by the client, in a message", "by the service, for a malformed head",
            "by the service, for a second end", "at most 64 MiB more"},
        # A call that has said nothing is the core's alone.
        "Silence.every_prefix_of_a_dialogue": {
            "HEADERS", "a DATA head", "half DATA", "half a prefix", "a prefix", "half a message", "half trailers", FREE},
        "Silence.heads": {FREE},
    },
    "h2": {},
}

# These depend on the machine where they are not bounded: not judged.
UNJUDGED = {
    "h2": {},
    "grpc": {
        "Floods.streams_that_are_reset": {"no exchange takes seconds"},
        "Bytes.bytes_that_are_only_announced": {BACK},
    },
}
