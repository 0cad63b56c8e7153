package main

// #include <extproc/plugin.h>
import "C"

//export on_request
func on_request(x *C.struct_extproc_txn) C.enum_extproc_action {
	return guarded(x, func(t txn) C.enum_extproc_action {
		asked, ok := t.header(C.EXTPROC_MAP_REQUEST, "x-fail")
		if asked == "panic" {
			panic("as asked")
		}
		if ok {
			return t.fail("asked to fail")
		}
		return C.EXTPROC_ACTION_CONTINUE
	})
}

//export on_response
func on_response(x *C.struct_extproc_txn) C.enum_extproc_action {
	return guarded(x, func(t txn) C.enum_extproc_action {
		return t.headerSet(C.EXTPROC_MAP_RESPONSE, "x-hello", t.conf("greeting"))
	})
}
