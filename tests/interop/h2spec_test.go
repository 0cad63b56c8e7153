package interop

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	h2config "github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// exceptions are the cases that do not pass, with the reason why not.
type exceptions map[string]string

func readExceptions(t *testing.T) exceptions {
	text, err := os.ReadFile("h2spec.expected")
	if err != nil {
		t.Fatal(err)
	}
	found := exceptions{}
	for _, line := range strings.Split(string(text), "\n") {
		if id, reason, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") {
			found[id] = strings.TrimSpace(reason)
		}
	}
	return found
}

// judge runs one case; that it fails is right only where the list says so.
func (e exceptions) judge(t *testing.T, c *h2config.Config, id string, test *spec.TestCase) {
	conn, err := spec.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = test.Run(c, conn)
	reason, listed := e[id]
	switch {
	case err != nil && !listed:
		t.Errorf("%s: %s\n%s\n%v", id, test.Desc, test.Requirement, err)
	case err == nil && listed:
		t.Errorf("%s: %s\npasses, and h2spec.expected says: %s", id, test.Desc, reason)
	}
}

// walk makes a test of every case of a group, and notes its name.
func (e exceptions) walk(t *testing.T, c *h2config.Config, group *spec.TestGroup, seen map[string]bool) {
	for i, test := range append(group.Tests, group.StrictTests...) {
		id := fmt.Sprintf("%s/%d", group.ID(), i+1)
		seen[id] = true
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			e.judge(t, c, id, test)
		})
	}
	for _, inner := range group.Groups {
		e.walk(t, c, inner, seen)
	}
}

func runH2spec(t *testing.T, dial func() (net.Conn, error)) {
	c := &h2config.Config{Host: "127.0.0.1", Port: relay(t, dial), Path: "/", Timeout: 2 * time.Second,
		MaxHeaderLen: 4000, Strict: true}
	e, seen := readExceptions(t), map[string]bool{}
	t.Run("cases", func(t *testing.T) { // returns when all that are parallel have ended
		for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
			e.walk(t, c, group, seen)
		}
	})
	for id := range e {
		if !seen[id] {
			t.Errorf("h2spec.expected: there is no case %s", id)
		}
	}
}

func TestH2spec(t *testing.T) {
	if transport != "h2" {
		t.Skip("it is the gRPC core's HTTP/2, and no matter of ours")
	}
	t.Run("cleartext", func(t *testing.T) {
		s := start(t, config{})
		runH2spec(t, func() (net.Conn, error) { return net.Dial("tcp", s.address) })
	})
	t.Run("tls", func(t *testing.T) {
		ca := newAuthority(t)
		s := start(t, config{listener: ca.serverKeys(t)})
		trust := &tls.Config{RootCAs: ca.pool(), ServerName: serverName, NextProtos: []string{"h2"}}
		runH2spec(t, func() (net.Conn, error) { return tls.Dial("tcp", s.address, trust) })
	})
}
