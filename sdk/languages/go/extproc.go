// hello: an example in Go. Build it, in a copy of this folder, with
//
//	CGO_CFLAGS="$(pkg-config --cflags extproc)" go build -buildmode=c-shared -o hello.so .
//
// This file has the contract of <extproc/plugin.h> for Go, by cgo; the header is the manual. hello.go has the
// callbacks, descriptor.c the constant that the host looks for. The runtime of Go starts threads of its own
// and keeps them, so a plugin in Go never ends them in fini().
package main

// #include <extproc/plugin.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

type txn struct{ x *C.struct_extproc_txn }

// with calls f with views of texts, which must not outlive it.
func with(f func(views []C.struct_extproc_str), texts ...string) {
	var pin runtime.Pinner
	defer pin.Unpin()
	views := make([]C.struct_extproc_str, len(texts))
	for i, text := range texts {
		bytes := unsafe.StringData(text + "\x00") // never nil
		pin.Pin(bytes)
		views[i] = C.struct_extproc_str{ptr: (*C.char)(unsafe.Pointer(bytes)), len: C.size_t(len(text))}
	}
	f(views)
}

// header returns a copy of the first value, and whether there is one.
func (t txn) header(m C.enum_extproc_map, name string) (value string, ok bool) {
	with(func(v []C.struct_extproc_str) {
		s := C.extproc_header_get(t.x, m, v[0])
		value, ok = C.GoStringN(s.ptr, C.int(s.len)), s.ptr != nil
	}, name)
	return
}

func (t txn) headerSet(m C.enum_extproc_map, name, value string) (action C.enum_extproc_action) {
	with(func(v []C.struct_extproc_str) {
		action = C.extproc_continue(C.extproc_header_set(t.x, m, v[0], v[1]))
	}, name, value)
	return
}

func (t txn) conf(key string) string {
	name := C.CString(key)
	defer C.free(unsafe.Pointer(name))
	s := C.extproc_conf(t.x.instance, name, 0)
	return C.GoStringN(s.ptr, C.int(s.len))
}

// body returns a copy of the body or chunk of this callback; nil: not in a body phase, or out of memory.
func (t txn) body() []byte {
	s := C.extproc_body(t.x)
	if s.ptr == nil {
		return nil
	}
	return C.GoBytes(unsafe.Pointer(s.ptr), C.int(s.len))
}

func (t txn) bodySet(bytes []byte) (action C.enum_extproc_action) {
	with(func(v []C.struct_extproc_str) {
		action = C.extproc_continue(C.extproc_body_set(t.x, v[0]))
	}, string(bytes))
	return
}

// respond makes an immediate response with headers of name, value, name, value, ...
func (t txn) respond(status int, body string, headers ...string) (action C.enum_extproc_action) {
	with(func(v []C.struct_extproc_str) {
		r := C.extproc_response_init()
		r.status = C.uint32_t(status)
		if body != "" {
			r.body = v[0]
		}
		fields := make([]C.struct_extproc_header, len(headers)/2+1)
		for i := range fields[:len(headers)/2] {
			fields[i] = C.struct_extproc_header{name: v[1+2*i], value: v[2+2*i]}
		}
		var pin runtime.Pinner
		defer pin.Unpin()
		pin.Pin(&fields[0])
		r.headers, r.n_headers = &fields[0], C.size_t(len(headers)/2)
		action = C.extproc_respond(t.x, &r)
	}, append([]string{body}, headers...)...)
	return
}

func (t txn) fail(why string) (action C.enum_extproc_action) {
	with(func(v []C.struct_extproc_str) {
		action = C.extproc_fail_str(t.x, C.struct_extproc_str{}, v[0])
	}, why)
	return
}

// guarded runs a callback; a panic, which must not enter the host, fails it.
func guarded(x *C.struct_extproc_txn, callback func(txn) C.enum_extproc_action) (action C.enum_extproc_action) {
	defer func() {
		if what := recover(); what != nil {
			action = txn{x}.fail(fmt.Sprint(what))
		}
	}()
	return callback(txn{x})
}

func main() {}
