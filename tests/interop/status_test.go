package interop

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestUnknownMethod(t *testing.T) {
	s := start(t, config{plugins: tags})
	conn := s.connect()
	for _, method := range []string{"/envoy.service.ext_proc.v3.ExternalProcessor/Nothing", "/no.Service/Process"} {
		err := conn.Invoke(soon(t), method, requestHeaders(), &extproc.ProcessingResponse{})
		expectCode(t, err, codes.Unimplemented)
	}
}

func TestMessageOverTheLimit(t *testing.T) {
	s := start(t, config{plugins: capitals, listener: "max_message = 4k"})
	conn := s.connect()
	call := open(t, soon(t), conn)
	call.exchange(streamed())
	got := call.failure(requestBody(bytes.Repeat([]byte("x"), 5000), true))
	if got.Code() != codes.ResourceExhausted || !strings.Contains(got.Message(), "larger than max") {
		t.Errorf("%v", got)
	}
	call = open(t, soon(t), conn) // the connection goes on
	call.exchange(streamed())
	call.finish()
}

func TestMessageOutOfTurn(t *testing.T) {
	s := start(t, config{plugins: tags})
	call := open(t, soon(t), s.connect())
	call.exchange(requestHeaders())
	got := call.failure(requestHeaders())
	if got.Code() != codes.InvalidArgument || got.Message() == "" {
		t.Errorf("%v", got)
	}
}

// The service is said of the end as well: a stream that went on would hold up its stop.
func TestDeadline(t *testing.T) {
	s := start(t, config{plugins: tags, service: "drain = 1h"})
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	call := open(t, ctx, s.connect())
	call.Send(requestHeaders())
	_, err := call.Recv()
	for err == nil {
		_, err = call.Recv()
	}
	expectCode(t, err, codes.DeadlineExceeded)
}

func TestCancel(t *testing.T) {
	s := start(t, config{plugins: tags, service: "drain = 1h"})
	ctx, cancel := context.WithCancel(soon(t))
	call := open(t, ctx, s.connect())
	call.exchange(requestHeaders())
	cancel()
	if _, err := call.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("%v", err)
	}
}
