package interop

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const transactionJSON = `
{"requestHeaders": {"headers": {"headers": [{"key": ":path", "rawValue": "L2E="}]}}}
{"responseHeaders": {"headers": {"headers": [{"key": ":status", "rawValue": "MjAw"}]}}}`

// grpcurl calls a method with these messages and our own .proto files, and returns what it prints.
func (s *service) grpcurl(proto, method, messages string, options ...string) string {
	s.t.Helper()
	arguments := append(options, "-max-time", "30", "-import-path", "../../proto", "-proto", proto, "-d", "@",
		s.address, method)
	command := exec.Command(os.Getenv("GRPCURL"), arguments...)
	command.Stdin = strings.NewReader(messages)
	output, err := command.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}

func (s *service) checkGrpcurl(options ...string) {
	s.t.Helper()
	said := s.grpcurl("grpc/health/v1/health.proto", "grpc.health.v1.Health/Check", "{}", options...)
	if !strings.Contains(said, `"status": "SERVING"`) {
		s.t.Errorf("no health: %s", said)
	}
	said = s.grpcurl("envoy/service/ext_proc/v3/external_processor.proto",
		"envoy.service.ext_proc.v3.ExternalProcessor/Process", transactionJSON, options...)
	if !strings.Contains(said, `"key": "x-request"`) || !strings.Contains(said, `"key": "x-response"`) {
		s.t.Errorf("no two answers: %s", said)
	}
}

func TestGrpcurl(t *testing.T) {
	s := start(t, config{plugins: tags})
	s.checkGrpcurl("-plaintext")
}

func TestGrpcurlWithClientCertificates(t *testing.T) {
	needsTLS(t)
	ca := newAuthority(t)
	s := start(t, config{plugins: tags, listener: ca.serverKeys(t) + "tls_client_ca = " + ca.file})
	own := ca.issue(t, "grpcurl.test")
	s.checkGrpcurl("-cacert", ca.file, "-servername", serverName, "-cert", own.certificate, "-key", own.key)
}
