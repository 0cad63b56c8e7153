//! extproc: the contract of <extproc/plugin.h> for Rust, without dependencies.
//!
//! The types are those of the header, in its order, and it is the manual. Slots with a va_list are not
//! callable from here; beside each one is a slot that takes a text. `guarded` turns a panic into a failure,
//! because no panic may enter the host.
#![allow(dead_code, non_upper_case_globals)]

use std::ffi::{c_char, c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub const MAGIC: u32 = 0x4558_5031;
pub const ABI_MAJOR: u16 = 1;
pub const ABI_TARGET: u16 = 0; // the minor that this file asks for

// ---- values ------------------------------------------------------------------------------------

/// Bytes that the holder does not own. ptr null: absent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const c_char,
    pub len: usize,
}

impl Str {
    pub const ABSENT: Str = Str { ptr: std::ptr::null(), len: 0 };

    pub const fn new(bytes: &[u8]) -> Str {
        Str { ptr: bytes.as_ptr() as *const c_char, len: bytes.len() }
    }

    /// None: absent. Valid as long as the header says, which is mostly until the callback returns.
    ///
    /// # Safety
    /// The view must be valid.
    pub unsafe fn bytes<'a>(self) -> Option<&'a [u8]> {
        if self.ptr.is_null() {
            None
        } else {
            Some(std::slice::from_raw_parts(self.ptr as *const u8, self.len))
        }
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Str {
        Str::new(text.as_bytes())
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union ValueAs {
    pub boolean: bool,
    pub number: f64,
    pub string: Str,
    pub node: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    pub kind: u32,
    pub as_: ValueAs,
}

#[repr(C)]
pub struct Header {
    pub name: Str,
    pub value: Str,
}

#[repr(C)]
pub struct Field {
    pub key: Str,
    pub value: Value,
}

#[repr(C)]
pub struct Response {
    pub size: u32,
    pub status: u32,
    pub body: Str,
    pub details: Str,
    pub headers: *const Header,
    pub n_headers: usize,
    pub grpc_status: i32,
    pub release: Option<unsafe extern "C" fn(*mut c_void)>,
    pub release_arg: *mut c_void,
}

pub const NO_GRPC: i32 = -1;

// enum extproc_map
pub const MAP_REQUEST: u32 = 0;
pub const MAP_REQUEST_TRAILERS: u32 = 1;
pub const MAP_RESPONSE: u32 = 2;
pub const MAP_RESPONSE_TRAILERS: u32 = 3;
pub const MAP_IMMEDIATE_RESPONSE: u32 = 4;
// enum extproc_map_state
pub const MAP_STATE_NOT_YET: u32 = 0;
pub const MAP_STATE_NONE: u32 = 1;
pub const MAP_STATE_OPEN: u32 = 2;
pub const MAP_STATE_GONE: u32 = 3;
// enum extproc_phase
pub const PHASE_REQUEST_HEADERS: u32 = 1;
pub const PHASE_REQUEST_BODY: u32 = 2;
pub const PHASE_REQUEST_TRAILERS: u32 = 4;
pub const PHASE_RESPONSE_HEADERS: u32 = 8;
pub const PHASE_RESPONSE_BODY: u32 = 16;
pub const PHASE_RESPONSE_TRAILERS: u32 = 32;
// enum extproc_action
pub const ACTION_CONTINUE: u32 = 0;
pub const ACTION_RESPOND: u32 = 1;
pub const ACTION_FAIL: u32 = 2;
pub const ACTION_WAIT: u32 = 3;
pub const ACTION_HOLD: u32 = 4;
// enum extproc_wake
pub const WAKE_RESULT: u32 = 0;
pub const WAKE_TIMEOUT: u32 = 1;
// enum extproc_edit
pub const EDIT_SET: u32 = 0;
pub const EDIT_APPEND: u32 = 1;
pub const EDIT_IF_ABSENT: u32 = 2;
pub const EDIT_IF_PRESENT: u32 = 3;
pub const EDIT_REMOVE: u32 = 4;
// enum extproc_body_mode
pub const BODY_MODE_NONE: u32 = 0;
pub const BODY_MODE_STREAMED: u32 = 1;
pub const BODY_MODE_WHOLE: u32 = 2;
pub const BODY_MODE_PARTIAL: u32 = 3;
pub const BODY_MODE_FULL_DUPLEX: u32 = 4;
// enum extproc_form
pub const FORM_UNKNOWN: u32 = 0;
pub const FORM_PLAIN: u32 = 1;
pub const FORM_ENCODED: u32 = 2;
pub const FORM_PARTIAL: u32 = 3;
// enum extproc_change
pub const CHANGE_EDIT: u32 = 0;
pub const CHANGE_REPLACE: u32 = 1;
// enum extproc_level
pub const LEVEL_DEBUG: u32 = 0;
pub const LEVEL_INFO: u32 = 1;
pub const LEVEL_WARN: u32 = 2;
pub const LEVEL_ERROR: u32 = 3;
// enum extproc_end
pub const END_DONE: u32 = 0;
pub const END_DISCONNECTED: u32 = 1;
pub const END_FAILED: u32 = 2;
pub const END_DRAINED: u32 = 3;
// enum extproc_kind
pub const KIND_ABSENT: u32 = 0;
pub const KIND_NULL: u32 = 1;
pub const KIND_BOOL: u32 = 2;
pub const KIND_NUMBER: u32 = 3;
pub const KIND_STRING: u32 = 4;
pub const KIND_LIST: u32 = 5;
pub const KIND_DICT: u32 = 6;
// enum extproc_key_type
pub const KEY_TYPE_STR: u32 = 0;
pub const KEY_TYPE_INT: u32 = 1;
pub const KEY_TYPE_BOOL: u32 = 2;
pub const KEY_TYPE_DURATION: u32 = 3;
pub const KEY_TYPE_SIZE: u32 = 4;
pub const KEY_TYPE_CHOICE: u32 = 5;
pub const KEY_TYPE_FLOAT: u32 = 6;
pub const KEY_TYPE_PATH: u32 = 7;
// bits of extproc_plugin.needs
pub const WHOLE_REQUEST_BODY: u64 = 1;
pub const WHOLE_RESPONSE_BODY: u64 = 2;
pub const MUST_SEE_REQUEST_BODY: u64 = 4;
pub const MUST_SEE_RESPONSE_BODY: u64 = 8;
pub const HEADERS_WAIT: u64 = 16;
pub const READS_REQUEST: u64 = 32;
pub const KEEPS_BODY: u64 = 64;
pub const CLOSE_SEES_HEADERS: u64 = 128;
pub const HOLDS_BODY: u64 = 256;
// bits of extproc_key.flags, extproc_want_metadata(), extproc_fallback()
pub const KEY_REQUIRED: u32 = 1;
pub const KEY_LIST: u32 = 2;
pub const KEY_SECRET: u32 = 4;
pub const METADATA_READ: u32 = 1;
pub const METADATA_WRITE: u32 = 2;
pub const FALLBACK_RESPONDS: u32 = 1;
pub const FALLBACK_SETS_BODY: u32 = 2;

// ---- handles -----------------------------------------------------------------------------------

#[repr(C)]
pub struct Metric {
    pub api: *const Api,
}
#[repr(C)]
pub struct File {
    pub api: *const Api,
}
#[repr(C)]
pub struct Wait {
    pub api: *const Api,
}
/// Takes a result that no callback waits for.
pub type DropFn = Option<unsafe extern "C" fn(*mut Instance, *mut c_void)>;
#[repr(C)]
pub struct Template {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Instance {
    pub api: *const Api,
    pub self_: *mut c_void,
    pub testing: bool,
}

#[repr(C)]
pub struct Txn {
    pub api: *const Api,
    pub instance: *mut Instance,
    pub self_: *mut c_void,
    pub ctx: *mut c_void,
    pub phase: u32,
    pub body_mode: u32,
    pub end: bool,
    pub last: bool,
    pub observing: bool,
}

/// The table, slot by slot.
pub type VaListSlot = *const c_void;

#[repr(C)]
pub struct Api {
    pub size: u32,
    pub major: u16,
    pub minor: u16,
    pub conf_count: unsafe extern "C" fn(*mut Instance, *const c_char) -> usize,
    pub conf_str: unsafe extern "C" fn(*mut Instance, *const c_char, usize) -> Str,
    pub conf_int: unsafe extern "C" fn(*mut Instance, *const c_char, usize) -> i64,
    pub conf_float: unsafe extern "C" fn(*mut Instance, *const c_char, usize) -> f64,
    pub conf_template: unsafe extern "C" fn(*mut Instance, *const c_char, usize, Str) -> *mut Template,
    pub conf_vrefuse: VaListSlot,
    pub conf_refuse: unsafe extern "C" fn(*mut Instance, *const c_char, usize, Str) -> c_int,
    pub check_edit: unsafe extern "C" fn(*mut Instance, u32, u32, Str, Str) -> c_int,
    pub conf_edit: unsafe extern "C" fn(*mut Instance, *const c_char, usize, u32, u32, Str, Str) -> c_int,
    pub interest: unsafe extern "C" fn(*mut Instance, u32) -> c_int,
    pub fallback: unsafe extern "C" fn(*mut Instance, u32, u32) -> c_int,
    pub want_attribute: unsafe extern "C" fn(*mut Instance, Str) -> c_int,
    pub want_metadata: unsafe extern "C" fn(*mut Instance, Str, u32) -> c_int,
    pub read_file: unsafe extern "C" fn(*mut Instance, *const c_char, usize, usize) -> Str,
    pub file: unsafe extern "C" fn(*mut Instance, *const c_char, usize) -> *mut File,
    pub instance_alloc: unsafe extern "C" fn(*mut Instance, usize) -> *mut c_void,
    pub metric: unsafe extern "C" fn(*mut Instance, bool, *const c_char, *const c_char) -> *mut Metric,
    pub header: unsafe extern "C" fn(*mut Txn, u32, Str, usize) -> Str,
    pub header_at: unsafe extern "C" fn(*mut Txn, u32, usize, *mut Header) -> bool,
    pub map_state: unsafe extern "C" fn(*mut Txn, u32) -> u32,
    pub edit: unsafe extern "C" fn(*mut Txn, u32, u32, Str, Str) -> c_int,
    pub remove_prefix: unsafe extern "C" fn(*mut Txn, u32, Str) -> c_int,
    pub body: unsafe extern "C" fn(*mut Txn) -> Str,
    pub body_set: unsafe extern "C" fn(*mut Txn, Str, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void) -> c_int,
    pub body_form: unsafe extern "C" fn(*mut Txn) -> u32,
    pub body_changes: unsafe extern "C" fn(*mut Txn, u32) -> c_int,
    pub attribute: unsafe extern "C" fn(*mut Txn, Str) -> Value,
    pub metadata: unsafe extern "C" fn(*mut Txn, Str) -> Value,
    pub value_at: unsafe extern "C" fn(*mut Txn, Value, usize, *mut Field) -> bool,
    pub value_get: unsafe extern "C" fn(*mut Txn, Value, Str) -> Value,
    pub list: unsafe extern "C" fn(*mut Txn, *const Value, usize) -> Value,
    pub dict: unsafe extern "C" fn(*mut Txn, *const Field, usize) -> Value,
    pub metadata_set: unsafe extern "C" fn(*mut Txn, Str, Str, Value) -> c_int,
    pub clear_route: unsafe extern "C" fn(*mut Txn) -> c_int,
    pub respond: unsafe extern "C" fn(*mut Txn, *const Response) -> c_int,
    pub skip: unsafe extern "C" fn(*mut Txn, u32) -> c_int,
    pub vfail: VaListSlot,
    pub fail: unsafe extern "C" fn(*mut Txn, Str, Str),
    pub why: unsafe extern "C" fn(*mut Txn) -> Str,
    pub alloc: unsafe extern "C" fn(*mut Txn, usize) -> *mut c_void,
    pub scratch: unsafe extern "C" fn(*mut Txn, usize) -> *mut c_void,
    pub vformat: VaListSlot,
    pub expand: unsafe extern "C" fn(*mut Txn, *const Template) -> Str,
    pub vlog: VaListSlot,
    pub log: unsafe extern "C" fn(*mut Instance, *mut Txn, u32, Str, Str),
    pub metric_add: unsafe extern "C" fn(*mut Metric, u64),
    pub file_append: unsafe extern "C" fn(*mut File, Str) -> c_int,
    pub defer: unsafe extern "C" fn(*mut Txn, u32, DropFn) -> *mut Wait,
    pub on_cancel: unsafe extern "C" fn(*mut Wait, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void),
    pub resume: unsafe extern "C" fn(*mut Wait, *mut c_void),
    pub after: unsafe extern "C" fn(*mut Txn, u32) -> c_int,
    pub work: unsafe extern "C" fn(*mut Txn, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void, DropFn) -> c_int,
    pub every: unsafe extern "C" fn(*mut Instance, u32, Option<unsafe extern "C" fn(*mut Instance)>) -> c_int,
    pub hold: unsafe extern "C" fn(*mut Txn, usize) -> c_int,
}

/// What a body edit returns for a message that has no body.
const ENODATA: c_int = -61;

/// The functions that plugins need most. All others are called through the table, as the header does:
/// `unsafe { ((*x.api).skip)(x, PHASE_RESPONSE_BODY) }`.
impl Txn {
    fn api(&self) -> &Api {
        unsafe { &*self.api }
    }
    pub fn header(&mut self, map: u32, name: &str) -> Option<&[u8]> {
        let api = self.api;
        unsafe { ((*api).header)(self, map, name.into(), 0).bytes() }
    }
    /// An action of the result: CONTINUE or FAIL. The host remembers why it was refused.
    pub fn header_set(&mut self, map: u32, name: &str, value: Str) -> u32 {
        let api = self.api;
        match unsafe { ((*api).edit)(self, map, EDIT_SET, name.into(), value) } {
            0 => ACTION_CONTINUE,
            _ => ACTION_FAIL,
        }
    }
    pub fn conf(&self, key: &std::ffi::CStr) -> Str {
        unsafe { (self.api().conf_str)(self.instance, key.as_ptr(), 0) }
    }
    /// The body or chunk of this callback. None: not in a body phase, or out of memory.
    pub fn body(&mut self) -> Option<&[u8]> {
        let api = self.api;
        unsafe { ((*api).body)(self).bytes() }
    }
    /// An action of the result; a message that has no body goes on as it is.
    pub fn body_set(&mut self, bytes: &[u8]) -> u32 {
        let api = self.api;
        match unsafe { ((*api).body_set)(self, Str::new(bytes), None, std::ptr::null_mut()) } {
            0 | ENODATA => ACTION_CONTINUE,
            _ => ACTION_FAIL,
        }
    }
    /// An immediate response, with headers of name and value.
    pub fn respond(&mut self, status: u32, headers: &[(&str, &str)], body: &[u8]) -> u32 {
        let api = self.api;
        let headers: Vec<Header> =
            headers.iter().map(|(name, value)| Header { name: (*name).into(), value: (*value).into() }).collect();
        let response = Response {
            size: std::mem::size_of::<Response>() as u32,
            status,
            body: if body.is_empty() { Str::ABSENT } else { Str::new(body) },
            details: Str::ABSENT,
            headers: headers.as_ptr(),
            n_headers: headers.len(),
            grpc_status: NO_GRPC,
            release: None,
            release_arg: std::ptr::null_mut(),
        };
        match unsafe { ((*api).respond)(self, &response) } {
            0 => ACTION_RESPOND,
            _ => ACTION_FAIL,
        }
    }
    pub fn fail(&mut self, why: &str) -> u32 {
        let api = self.api;
        unsafe { ((*api).fail)(self, Str::ABSENT, why.into()) };
        ACTION_FAIL
    }
    pub fn log(&mut self, level: u32, text: &str) {
        let (api, instance) = (self.api, self.instance);
        unsafe { ((*api).log)(instance, self, level, Str::ABSENT, text.into()) };
    }
}

/// Runs a callback; a panic fails it.
///
/// # Safety
/// x is what the host has called with.
pub unsafe fn guarded(x: *mut Txn, callback: fn(&mut Txn) -> u32) -> u32 {
    let x = &mut *x;
    match catch_unwind(AssertUnwindSafe(|| callback(x))) {
        Ok(action) => action,
        Err(_) => x.fail("panic"),
    }
}

// ---- the descriptor ----------------------------------------------------------------------------

#[repr(C)]
pub struct Key {
    pub name: *const c_char,
    pub type_: u32,
    pub flags: u32,
    pub fallback: *const c_char,
    pub choices: *const c_char,
    pub help: *const c_char,
    pub min: *const c_char,
    pub max: *const c_char,
}

#[repr(C)]
pub struct Abi {
    pub magic: u32,
    pub major: u16,
    pub minor: u16,
    pub plugin_size: u32,
    pub key_size: u32,
}

pub type OnFn = Option<unsafe extern "C" fn(*mut Txn) -> u32>;

#[repr(C)]
pub struct Plugin {
    pub abi: Abi,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub keys: *const Key,
    pub needs: u64,
    pub init: Option<unsafe extern "C" fn(*mut Instance) -> c_int>,
    pub fini: Option<unsafe extern "C" fn(*mut Instance)>,
    pub open: Option<unsafe extern "C" fn(*mut Txn) -> c_int>,
    pub close: Option<unsafe extern "C" fn(*mut Txn, u32)>,
    pub request_headers: OnFn,
    pub request_body: OnFn,
    pub request_trailers: OnFn,
    pub response_headers: OnFn,
    pub response_body: OnFn,
    pub response_trailers: OnFn,
    pub resume: Option<unsafe extern "C" fn(*mut Txn, u32, *mut c_void) -> u32>,
}
unsafe impl Sync for Plugin {}
unsafe impl Sync for Key {}

impl Key {
    pub const NONE: Key = Key {
        name: std::ptr::null(),
        type_: 0,
        flags: 0,
        fallback: std::ptr::null(),
        choices: std::ptr::null(),
        help: std::ptr::null(),
        min: std::ptr::null(),
        max: std::ptr::null(),
    };
}

impl Plugin {
    /// With no callback yet.
    pub const fn new(name: &'static std::ffi::CStr) -> Plugin {
        Plugin {
            abi: Abi {
                magic: MAGIC,
                major: ABI_MAJOR,
                minor: ABI_TARGET,
                plugin_size: std::mem::size_of::<Plugin>() as u32,
                key_size: std::mem::size_of::<Key>() as u32,
            },
            name: name.as_ptr(),
            version: std::ptr::null(),
            summary: std::ptr::null(),
            keys: std::ptr::null(),
            needs: 0,
            init: None,
            fini: None,
            open: None,
            close: None,
            request_headers: None,
            request_body: None,
            request_trailers: None,
            response_headers: None,
            response_body: None,
            response_trailers: None,
            resume: None,
        }
    }
}
