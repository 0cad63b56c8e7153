package interop

import (
	"crypto/tls"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

func needsTLS(t *testing.T) {
	if transport != "h2" {
		t.Skip("only h2 has TLS")
	}
}

// connectTLS returns a connection to a server of the CA's, with these client certificates.
func (s *service) connectTLS(ca *authority, shown ...tls.Certificate) *grpc.ClientConn {
	trust := &tls.Config{RootCAs: ca.pool(), ServerName: serverName, Certificates: shown}
	return s.connect(grpc.WithTransportCredentials(credentials.NewTLS(trust)))
}

func TestTLS(t *testing.T) {
	needsTLS(t)
	ca := newAuthority(t)
	s := start(t, config{plugins: tags, listener: ca.serverKeys(t)})
	if err := transaction(soon(t), s.connectTLS(ca)); err != nil {
		t.Error(err)
	}
	expectCode(t, transaction(soon(t), s.connect()), codes.Unavailable) // in cleartext
}

func TestClientCertificates(t *testing.T) {
	needsTLS(t)
	ca, another := newAuthority(t), newAuthority(t)
	s := start(t, config{plugins: tags, listener: ca.serverKeys(t) + "tls_client_ca = " + ca.file})
	if err := transaction(soon(t), s.connectTLS(ca, ca.issue(t, "proxy.test").load(t))); err != nil {
		t.Error(err)
	}
	expectCode(t, transaction(soon(t), s.connectTLS(ca)), codes.Unavailable)
	stranger := another.issue(t, "proxy.test").load(t)
	expectCode(t, transaction(soon(t), s.connectTLS(ca, stranger)), codes.Unavailable)
}

func TestNamesOfClients(t *testing.T) {
	needsTLS(t)
	ca := newAuthority(t)
	s := start(t, config{plugins: tags, listener: ca.serverKeys(t) + "tls_client_ca = " + ca.file +
		"\ntls_client_names = proxy.test, other.test"})
	for _, name := range []string{"proxy.test", "other.test"} {
		if err := transaction(soon(t), s.connectTLS(ca, ca.issue(t, name).load(t))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	conn := s.connectTLS(ca, ca.issue(t, "proxy.test.evil").load(t))
	expectCode(t, transaction(soon(t), conn), codes.Unavailable)
}
