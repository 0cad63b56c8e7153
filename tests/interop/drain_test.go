package interop

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var errCutShort = errors.New("it was answered once, and then lost")

// transaction is a whole one; its error is that of the stream, or errCutShort.
func transaction(ctx context.Context, conn *grpc.ClientConn) error {
	call, err := extproc.NewExternalProcessorClient(conn).Process(ctx)
	if err != nil {
		return err
	}
	call.Send(requestHeaders()) // Recv() tells what it was
	if _, err := call.Recv(); err != nil {
		return err
	}
	call.Send(responseHeaders())
	if _, err := call.Recv(); err != nil {
		return errCutShort
	}
	call.CloseSend()
	if _, err := call.Recv(); err != io.EOF {
		return errCutShort
	}
	return nil
}

// A stream is served to its end or not at all; and one that is not may be sent elsewhere.
func TestTermUnderLoadLosesNoStream(t *testing.T) {
	const nClients, nCalls, enough = 4, 8, 500
	s := start(t, config{plugins: tags})
	ctx := soon(t)
	var nServed atomic.Int64
	begun, ends := make(chan struct{}), make(chan error)
	for range nClients {
		conn := s.connect()
		for range nCalls {
			go func() {
				var err error
				for err == nil {
					if err = transaction(ctx, conn); err == nil && nServed.Add(1) == enough {
						close(begun)
					}
				}
				ends <- err
			}()
		}
	}
	select {
	case <-begun:
	case <-ctx.Done():
		t.Fatal("waited in vain for the load")
	}
	s.terminate()
	for range nClients * nCalls {
		err := <-ends
		if code := status.Code(err); code == codes.Unavailable {
			continue
		} else if transport == "grpc" && code == codes.Canceled && err != errCutShort {
			continue // what the gRPC core gives those that come while it shuts down
		}
		t.Errorf("lost: %v", err)
	}
}
