package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const serverName = "extprocd.test"

// authority is a CA of the test's own.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

// pair is a certificate and its key, as PEM files.
type pair struct{ certificate, key string }

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate of this template, valid now.
func sign(t *testing.T, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	template.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	bytes, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func writePem(t *testing.T, name, kind string, bytes []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	template.Subject.CommonName = "a test's CA"
	bytes := sign(t, template, template, key, key)
	certificate, err := x509.ParseCertificate(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key, writePem(t, "ca.pem", "CERTIFICATE", bytes)}
}

// issue certifies a name.
func (a *authority) issue(t *testing.T, name string) pair {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	bytes, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{writePem(t, "cert.pem", "CERTIFICATE", sign(t, template, a.certificate, key, a.key)),
		writePem(t, "key.pem", "EC PRIVATE KEY", bytes)}
}

// serverKeys are a listener's keys for TLS.
func (a *authority) serverKeys(t *testing.T) string {
	t.Helper()
	p := a.issue(t, serverName)
	return fmt.Sprintf("tls_cert = %s\ntls_key = %s\n", p.certificate, p.key)
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// load returns what a client shows.
func (p pair) load(t *testing.T) tls.Certificate {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(p.certificate, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
