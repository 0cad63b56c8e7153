"""Bounds that do not hold, by transport: "Class.test: bound", and why."""

PINNED = {
    "grpc": {},
    "h2": {},
}
