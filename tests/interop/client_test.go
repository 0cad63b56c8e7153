package interop

import (
	"context"
	"io"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// soon is the context of one call: the test fails rather than hang.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// connect returns one connection of grpc-go.
func (s *service) connect(options ...grpc.DialOption) *grpc.ClientConn {
	s.t.Helper()
	options = append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, options...)
	conn, err := grpc.NewClient(s.address, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// stream is one call of Process.
type stream struct {
	t *testing.T
	extproc.ExternalProcessor_ProcessClient
}

func open(t *testing.T, ctx context.Context, conn *grpc.ClientConn, options ...grpc.CallOption) stream {
	t.Helper()
	call, err := extproc.NewExternalProcessorClient(conn).Process(ctx, options...)
	if err != nil {
		t.Fatal(err)
	}
	return stream{t, call}
}

// exchange sends a message, and returns its answer.
func (s stream) exchange(request *extproc.ProcessingRequest) *extproc.ProcessingResponse {
	s.t.Helper()
	if err := s.Send(request); err != nil && err != io.EOF { // Recv() tells what it was
		s.t.Fatal(err)
	}
	answer, err := s.Recv()
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// finish half-closes; the stream has to end with OK, and without an answer more.
func (s stream) finish() {
	s.t.Helper()
	s.CloseSend()
	if answer, err := s.Recv(); err != io.EOF {
		s.t.Fatalf("not the end: %v, %v", answer, err)
	}
}

// failure is the status of a stream that has to fail after this message.
func (s stream) failure(request *extproc.ProcessingRequest) *status.Status {
	s.t.Helper()
	s.Send(request) // Recv() tells what it was
	answer, err := s.Recv()
	if err == nil || err == io.EOF {
		s.t.Fatalf("it does not fail: %v", answer)
	}
	return status.Convert(err)
}

func expectCode(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("%v, and not %s", err, code)
	}
}

func headers(pairs ...string) *extproc.HttpHeaders {
	fields := &core.HeaderMap{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Headers = append(fields.Headers, &core.HeaderValue{Key: pairs[i], RawValue: []byte(pairs[i+1])})
	}
	return &extproc.HttpHeaders{Headers: fields}
}

func requestHeaders() *extproc.ProcessingRequest {
	return &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_RequestHeaders{
		RequestHeaders: headers(":method", "POST", ":path", "/a", ":scheme", "http", ":authority", "test")}}
}

func responseHeaders() *extproc.ProcessingRequest {
	return &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_ResponseHeaders{
		ResponseHeaders: headers(":status", "200")}}
}

// streamed are request headers, with word that bodies will be STREAMED.
func streamed() *extproc.ProcessingRequest {
	request := requestHeaders()
	request.ProtocolConfig = &extproc.ProtocolConfiguration{RequestBodyMode: filter.ProcessingMode_STREAMED}
	return request
}

func requestBody(bytes []byte, last bool) *extproc.ProcessingRequest {
	return &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_RequestBody{
		RequestBody: &extproc.HttpBody{Body: bytes, EndOfStream: last}}}
}

// expectSet: the answer sets one header.
func expectSet(t *testing.T, answer *extproc.ProcessingResponse, name, value string) {
	t.Helper()
	common := answer.GetRequestHeaders().GetResponse()
	if answer.GetResponseHeaders() != nil {
		common = answer.GetResponseHeaders().GetResponse()
	}
	set := common.GetHeaderMutation().GetSetHeaders()
	if len(set) != 1 || set[0].Header.Key != name || string(set[0].Header.RawValue) != value {
		t.Errorf("not one header %s: %s in %v", name, value, answer)
	}
}
