package interop

import (
	"io"
	"net"
	"testing"
	"time"
)

// quiet is how long a client says nothing when it has said what it had to say.
const quiet = 50 * time.Millisecond

// relay stands before a server, and hands on in one piece what a client sends in many. It returns its port.
//
// h2spec sends every frame in a packet of its own, and what it breaks with the second one is often a rule
// for streams that are open: chance would decide whether the first was answered before, and the stream
// closed. Its own side is cleartext; what the server's is, dial() decides.
func relay(t *testing.T, dial func() (net.Conn, error)) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go join(client, dial)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func join(client net.Conn, dial func() (net.Conn, error)) {
	defer client.Close()
	server, err := dial()
	if err != nil {
		return
	}
	go func() {
		gather(server, client)
		server.Close()
	}()
	io.Copy(client, server)
}

// gather copies until the end of what comes, a piece whenever there was a pause.
func gather(to io.Writer, from net.Conn) {
	var pending []byte
	buffer := make([]byte, 64*1024)
	for {
		limit := time.Time{}
		if len(pending) > 0 {
			limit = time.Now().Add(quiet)
		}
		from.SetReadDeadline(limit)
		n, err := from.Read(buffer)
		pending = append(pending, buffer[:n]...)
		if err == nil {
			continue
		}
		if _, failed := to.Write(pending); failed != nil {
			return
		}
		if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() {
			return
		}
		pending = pending[:0]
	}
}
