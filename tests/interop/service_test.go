// Package interop has extprocd talk to gRPC and HTTP/2 clients that others wrote, all of them in Go:
// grpc-go with Envoy's published types, grpcurl, h2spec.
//
// What they need is built by run.sh, which says where extprocd is, and which transport to test.
package interop

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is what anything may take.
const patience = 30 * time.Second

var transport = os.Getenv("EXTPROCD_TRANSPORT")

// config is what a test adds to the ini file; each is text of one section.
type config struct {
	service, listener, plugins string
}

const tags = `
[chain:main]
plugins = tags
[plugin:tags]
file = headers.so
request.set = x-request: 1
response.set = x-response: 2
`

const capitals = `
[chain:main]
plugins = upper
[plugin:upper]
file = upper.so
direction = both
`

// service is extprocd as a process.
type service struct {
	t       *testing.T
	command *exec.Cmd
	address string
	ended   chan struct{}

	lock sync.Mutex
	more *sync.Cond // the log has grown
	log  []string
}

func (c config) write(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "extprocd.ini")
	text := fmt.Sprintf("[extprocd]\nplugin_dir = %s\ntransport = %s\nlame_duck = 0s\n%s\n[listener:main]\naddress = 127.0.0.1:0\n%s\n%s",
		os.Getenv("EXTPROCD_PLUGIN_DIR"), transport, c.service, c.listener, c.plugins)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start returns a service that is ready; at the test's end it has to stop well.
func start(t *testing.T, c config) *service {
	t.Helper()
	s := &service{t: t, ended: make(chan struct{})}
	s.more = sync.NewCond(&s.lock)
	s.command = exec.Command(os.Getenv("EXTPROCD"), "-c", c.write(t))
	stderr, err := s.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(bufio.NewScanner(stderr))
	t.Cleanup(s.end)
	s.await("is ready")
	s.address = regexp.MustCompile(`listener main: listening on (\S+)`).FindStringSubmatch(s.text())[1]
	return s
}

// follow reads the log until the process ends.
func (s *service) follow(log *bufio.Scanner) {
	for log.Scan() {
		s.lock.Lock()
		s.log = append(s.log, log.Text())
		s.lock.Unlock()
		s.more.Broadcast()
	}
	s.command.Wait()
	close(s.ended)
	s.more.Broadcast()
}

func (s *service) text() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return strings.Join(s.log, "\n")
}

// await waits for a line of the log.
func (s *service) await(what string) {
	s.t.Helper()
	limit := time.Now().Add(patience)
	defer time.AfterFunc(patience, s.more.Broadcast).Stop()
	s.lock.Lock()
	defer s.lock.Unlock()
	for !strings.Contains(strings.Join(s.log, "\n"), what) {
		select {
		case <-s.ended:
			s.t.Fatalf("extprocd has ended before %q:\n%s", what, strings.Join(s.log, "\n"))
		default:
		}
		if time.Now().After(limit) {
			s.t.Fatalf("waited in vain for %q:\n%s", what, strings.Join(s.log, "\n"))
		}
		s.more.Wait()
	}
}

// terminate asks it to end, and returns at once.
func (s *service) terminate() {
	s.command.Process.Signal(syscall.SIGTERM)
}

// end asks it to end, and waits; an error in its log, or in how it ends, is the test's.
func (s *service) end() {
	s.terminate()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.command.Process.Kill()
		<-s.ended
		s.t.Errorf("extprocd did not end:\n%s", s.text())
	}
	if status := s.command.ProcessState; !status.Success() {
		s.t.Errorf("extprocd ended with %s:\n%s", status, s.text())
	}
	if regexp.MustCompile(`(?m)^\S+ error `).MatchString(s.text()) {
		s.t.Errorf("errors in the log:\n%s", s.text())
	}
}
