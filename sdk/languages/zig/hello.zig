//! hello: an example in Zig. Build it with
//!     zig translate-c -lc $(pkg-config --variable=includedir extproc)/extproc/plugin.h >extproc.zig
//!     zig build-lib -dynamic -O ReleaseSafe -lc -femit-bin=hello.so hello.zig
//! The first command makes the binding from the header, so none is kept here. Functions with a format are not
//! translated; beside each of them is one that takes a text (extproc_fail_str). A panic of Zig ends the process:
//! return errors, do not let them reach `unreachable`.
const c = @import("extproc.zig");

fn str(text: []const u8) c.struct_extproc_str {
    return .{ .ptr = text.ptr, .len = text.len };
}

fn onRequest(x: [*c]c.struct_extproc_txn) callconv(.c) c.enum_extproc_action {
    if (c.extproc_header_get(x, c.EXTPROC_MAP_REQUEST, str("x-fail")).ptr != null)
        return c.extproc_fail_str(x, str("asked"), str("asked to fail"));
    return c.EXTPROC_ACTION_CONTINUE;
}

fn onResponse(x: [*c]c.struct_extproc_txn) callconv(.c) c.enum_extproc_action {
    const greeting = c.extproc_conf(x.*.instance, "greeting", 0);
    return c.extproc_continue(c.extproc_header_set(x, c.EXTPROC_MAP_RESPONSE, str("x-hello"), greeting));
}

const keys = [_]c.struct_extproc_key{
    .{ .name = "greeting", .fallback = "hello from Zig", .help = "The value of x-hello." },
    .{},
};

export const extproc_plugin_v1 = c.struct_extproc_plugin{
    .abi = .{
        .magic = c.EXTPROC_MAGIC,
        .major = c.EXTPROC_ABI_MAJOR,
        .minor = c.EXTPROC_ABI_TARGET,
        .plugin_size = @sizeOf(c.struct_extproc_plugin),
        .key_size = @sizeOf(c.struct_extproc_key),
    },
    .name = "hello",
    .keys = &keys,
    .request_headers = onRequest,
    .response_headers = onResponse,
};
