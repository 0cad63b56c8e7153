package interop

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

func TestOneTransaction(t *testing.T) {
	s := start(t, config{plugins: tags})
	call := open(t, soon(t), s.connect())
	expectSet(t, call.exchange(requestHeaders()), "x-request", "1")
	expectSet(t, call.exchange(responseHeaders()), "x-response", "2")
	call.finish()
}

func TestStreamsAtOnceOnOneConnection(t *testing.T) {
	s := start(t, config{plugins: tags})
	conn, ctx := s.connect(), soon(t)
	calls := make([]stream, 1000)
	for i := range calls {
		calls[i] = open(t, ctx, conn)
		expectSet(t, calls[i].exchange(requestHeaders()), "x-request", "1")
	}
	for _, call := range calls { // all of them are open now
		expectSet(t, call.exchange(responseHeaders()), "x-response", "2")
		call.finish()
	}
}

func TestMoreStreamsThanTheServerAllows(t *testing.T) {
	s := start(t, config{plugins: tags, listener: "max_streams = 10"})
	conn, ctx := s.connect(), soon(t)
	ends := make(chan error)
	for range 100 { // grpc-go holds back what the server does not allow
		go func() { ends <- transaction(ctx, conn) }()
	}
	for range 100 {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}

// A body that is larger than every window, in chunks that are larger than a frame.
func TestLargeChunks(t *testing.T) {
	s := start(t, config{plugins: capitals})
	call := open(t, soon(t), s.connect())
	call.exchange(streamed())
	chunk := bytes.Repeat([]byte("abcd"), 256*1024)
	for i := range 24 {
		answer := call.exchange(requestBody(chunk, i == 23))
		mutation := answer.GetRequestBody().GetResponse().GetBodyMutation()
		if !bytes.Equal(mutation.GetBody(), bytes.ToUpper(chunk)) {
			t.Fatalf("chunk %d came back as %d other bytes", i, len(mutation.GetBody()))
		}
	}
	call.finish()
}

// sizes notes what messages were on the wire.
type sizes struct {
	stats.Handler
	sent *stats.OutPayload
	in   *stats.InPayload
}

func (z *sizes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (z *sizes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (z *sizes) HandleConn(context.Context, stats.ConnStats)                       {}
func (z *sizes) HandleRPC(_ context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.OutPayload:
		z.sent = event
	case *stats.InPayload:
		z.in = event
	}
}

func TestGzipBothWays(t *testing.T) {
	s := start(t, config{plugins: capitals})
	var z sizes
	call := open(t, soon(t), s.connect(grpc.WithStatsHandler(&z)), grpc.UseCompressor(gzip.Name))
	if transport == "grpc" { // it cannot limit what a message unpacks to
		status := call.failure(streamed())
		if status.Code() != codes.Unimplemented {
			t.Errorf("%v, and not UNIMPLEMENTED", status)
		}
		return
	}
	call.exchange(streamed())
	chunk := bytes.Repeat([]byte("abcd"), 16*1024)
	answer := call.exchange(requestBody(chunk, true))
	if !bytes.Equal(answer.GetRequestBody().GetResponse().GetBodyMutation().GetBody(), bytes.ToUpper(chunk)) {
		t.Error("it came back as something else")
	}
	if z.sent.CompressedLength > z.sent.Length/10 || z.in.CompressedLength > z.in.Length/10 {
		t.Errorf("not compressed: %+v, %+v", z.sent, z.in)
	}
	call.finish()
}

func TestBinaryMetadata(t *testing.T) {
	s := start(t, config{plugins: tags})
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	ctx := metadata.AppendToOutgoingContext(soon(t), "x-test-bin", string(every), "x-test-bin", "", "x-text", "a")
	if err := transaction(ctx, s.connect()); err != nil {
		t.Error(err)
	}
}

func TestMoreMetadataThanTheServerTakes(t *testing.T) {
	s := start(t, config{plugins: tags, listener: "max_header_list = 4k"})
	conn := s.connect()
	ctx := metadata.AppendToOutgoingContext(soon(t), "x-test-bin", strings.Repeat("x", 5000))
	code := codes.ResourceExhausted
	if transport == "h2" { // it announces the limit, and grpc-go does not send what is over it
		code = codes.Internal
	}
	expectCode(t, transaction(ctx, conn), code)
	if err := transaction(soon(t), conn); err != nil { // its neighbours do not suffer
		t.Error(err)
	}
}
