"""TLS: certificates made to order by the openssl command, and clients that use them."""
import contextlib
import ssl
import subprocess

import grpc

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
RECEIVE = 65536


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Certificate:
    """One with its key: two PEM files."""

    def __init__(self, folder, name):
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"

    def become(self, other):
        """The other's, in the same places."""
        self.key.write_bytes(other.key.read_bytes())
        self.cert.write_bytes(other.cert.read_bytes())


class Authority(Certificate):
    """A CA in a folder of its own, and those that it signs."""

    def __init__(self, folder):
        super().__init__(folder, "ca")
        self.folder, self.n = folder, 0
        openssl("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.cert, "-days", 1,
                "-subj", f"/CN=CA in {folder.name}")

    def issue(self, *names, days=1):
        """For these names, as "DNS:localhost" or "URI:spiffe://a/b". days: -1, and it expired yesterday."""
        self.n += 1
        made = Certificate(self.folder, self.n)
        request, extensions = self.folder / f"{self.n}.csr", self.folder / f"{self.n}.ext"
        extensions.write_text(f"subjectAltName = {', '.join(names)}\n")
        openssl("req", "-new", *NEW_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={self.n}")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-set_serial", self.n,
                "-days", days, "-extfile", extensions, "-out", made.cert)
        return made


def credentials(authority, own=None):
    """For grpcio: trusts the CA's certificates, and shows its own."""
    return grpc.ssl_channel_credentials(authority.cert.read_bytes(), own and own.key.read_bytes(),
                                        own and own.cert.read_bytes())


def context(authority, own=None, protocols=("h2",)):
    """The same for RawClient."""
    made = ssl.create_default_context(cafile=authority.cert)
    if protocols:
        made.set_alpn_protocols(protocols)
    if own:
        made.load_cert_chain(own.cert, own.key)
    return made


class TlsSocket:
    """A socket's TLS whose records can be had before they are sent."""

    def __init__(self, sock, with_context):
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = with_context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.carry_on(self.tls.do_handshake)

    def carry_on(self, step, *arguments):
        """One step of TLS, with all that it has to say and to hear."""
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                self.take(self.sock.recv(RECEIVE))
            finally:
                self.flush()

    def flush(self):
        """If the peer no longer reads it, it is an alert, or irrelevant."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(self.outgoing.read())

    def take(self, data):
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def seal(self, data):
        self.tls.write(data)
        return self.outgoing.read()

    def end(self):
        """The record that says that we have finished sending."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()

    def sendall(self, data):
        self.sock.sendall(self.seal(data))

    def recv(self, size):
        try:
            return self.carry_on(self.tls.read, size)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def server_certificate(self):
        return self.tls.getpeercert(binary_form=True)
