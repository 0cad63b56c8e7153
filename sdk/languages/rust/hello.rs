//! hello: an example in Rust. Build it with
//!     rustc --edition 2021 -O --crate-type cdylib -C link-arg=-Wl,-z,defs -o hello.so hello.rs
mod extproc;

use extproc::*;

static KEYS: [Key; 2] = [
    Key {
        name: c"greeting".as_ptr(),
        fallback: c"hello from Rust".as_ptr(),
        help: c"The value of x-hello.".as_ptr(),
        ..Key::NONE
    },
    Key::NONE,
];

fn greet(x: &mut Txn) -> u32 {
    let greeting = x.conf(c"greeting");
    x.header_set(MAP_RESPONSE, "x-hello", greeting)
}

fn check(x: &mut Txn) -> u32 {
    match x.header(MAP_REQUEST, "x-fail") {
        Some(b"panic") => panic!("as asked"),
        Some(_) => x.fail("asked to fail"),
        None => ACTION_CONTINUE,
    }
}

unsafe extern "C" fn on_request(x: *mut Txn) -> u32 {
    guarded(x, check)
}

unsafe extern "C" fn on_response(x: *mut Txn) -> u32 {
    guarded(x, greet)
}

#[no_mangle]
pub static extproc_plugin_v1: Plugin = Plugin {
    keys: KEYS.as_ptr(),
    request_headers: Some(on_request),
    response_headers: Some(on_response),
    ..Plugin::new(c"hello")
};
