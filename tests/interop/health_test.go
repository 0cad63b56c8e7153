package interop

import (
	"testing"

	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	health "google.golang.org/grpc/health/grpc_health_v1"
)

const nobody = "no.Service"

func TestHealthCheck(t *testing.T) {
	s := start(t, config{plugins: tags})
	client := health.NewHealthClient(s.connect())
	for _, name := range []string{"", extproc.ExternalProcessor_ServiceDesc.ServiceName} {
		answer, err := client.Check(soon(t), &health.HealthCheckRequest{Service: name})
		if err != nil || answer.Status != health.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", name, answer, err)
		}
	}
	_, err := client.Check(soon(t), &health.HealthCheckRequest{Service: nobody})
	expectCode(t, err, codes.NotFound)
}

// expectHealth reads the next answer of a Watch.
func expectHealth(t *testing.T, watch health.Health_WatchClient, want health.HealthCheckResponse_ServingStatus) {
	t.Helper()
	answer, err := watch.Recv()
	if err != nil || answer.Status != want {
		t.Errorf("%v, %v, and not %v", answer, err, want)
	}
}

func TestHealthWatch(t *testing.T) {
	s := start(t, config{plugins: tags})
	conn := s.connect()
	client := health.NewHealthClient(conn)
	known, _ := client.Watch(soon(t), &health.HealthCheckRequest{})
	unknown, _ := client.Watch(soon(t), &health.HealthCheckRequest{Service: nobody})
	call := open(t, soon(t), conn)
	expectHealth(t, known, health.HealthCheckResponse_SERVING)
	expectHealth(t, unknown, health.HealthCheckResponse_SERVICE_UNKNOWN)
	call.exchange(requestHeaders())
	s.terminate()
	expectHealth(t, known, health.HealthCheckResponse_NOT_SERVING)
	call.exchange(responseHeaders())
	call.finish()
}
