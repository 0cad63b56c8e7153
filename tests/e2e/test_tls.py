"""TLS: who gets in, who does not and what the log says of it, and certificates that change meanwhile."""
import contextlib
import re
import signal
import ssl
import unittest

import grpc

from harness import http1
from harness.case import Case
from harness.client import SERVING
from harness.command import Command
from harness.envoy import cluster_of, ext_proc, printed, upstream_tls
from harness.load import Load
from harness.messages import request_headers, response_headers, sets
from harness.places import TRANSPORT
from harness.raw import RawClient, connect
from harness.service import ini
from harness.tls import Authority, context, credentials
from harness.wait import wait_until

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"
LOCAL = ["DNS:localhost", "IP:127.0.0.1"]
CLOSED = r" warn  .*listener=main peer=127\.0\.0\.1:\d+: connection closed: TLS: "
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE

needs_tls = unittest.skipIf(TRANSPORT == "grpc", "transport = grpc has no TLS")


class Tls(Case):
    """A service with a certificate, and a CA that all clients trust."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.new_folder())
        self.certificate = self.authority.issue(*LOCAL)

    def listener(self, *lines):
        return "\n".join([f"tls_cert = {self.certificate.cert}", f"tls_key = {self.certificate.key}", *lines])

    def start_mutual(self, *names):
        """A service whose clients need a certificate, for one of these names."""
        lines = [f"tls_client_ca = {self.authority.cert}"]
        if names:
            lines.append(f"tls_client_names = {', '.join(names)}")
        service = self.start(TAGS, listener=self.listener(*lines))
        mine = self.authority.issue("DNS:proxy.test", "URI:spiffe://test/ns/a/sa/proxy")
        self.neighbour(service, credentials(self.authority, mine))
        return service

    def check_served(self, service, own=None):
        client = self.client(service, credentials(self.authority, own))
        answers = client.answers(request_headers(), response_headers())
        self.assertEqual([sets(answer) for answer in answers], [[("x-a", "1")], [("x-b", "2")]])

    def check_refused(self, service, own, why):
        client = self.client(service, credentials(self.authority, own))
        self.assertEqual(client.health(), UNAVAILABLE)
        service.wait_line(CLOSED + why)


@needs_tls
class Servers(Tls):
    def test_a_transaction(self):
        service = self.start(TAGS, listener=self.listener())
        self.check_served(service)

    def test_a_transaction_through_a_unix_socket(self):
        service = self.start(TAGS, address=f"unix:{self.folder}/socket", listener=self.listener())
        self.check_served(service)

    def test_a_client_that_does_not_trust_us(self):
        service = self.start(TAGS, listener=self.listener())
        with self.assertRaises(ssl.SSLCertVerificationError):
            RawClient(service.address, context(Authority(self.new_folder())))
        service.wait_line(CLOSED + "the client does not trust the certificate of this listener")
        self.check_served(service)

    def test_a_client_that_speaks_no_tls(self):
        service = self.start(TAGS, listener=self.listener())
        self.assertEqual(self.client(service).health(), UNAVAILABLE)
        service.wait_line(CLOSED + "the client does not speak TLS")
        self.check_served(service)

    def test_a_client_that_speaks_no_http2(self):
        service = self.start(TAGS, listener=self.listener())
        for protocols in [], ["http/1.1"]:
            with self.assertRaises(ssl.SSLError):
                RawClient(service.address, context(self.authority, protocols=protocols))
        wait_until(lambda: len(service.lines(CLOSED + r"the client does not ask for HTTP/2 \(ALPN h2\)")) == 2,
                   "a line for each")
        self.check_served(service)

    def test_a_client_that_speaks_tls_to_a_cleartext_listener(self):
        service = self.start(TAGS)
        self.neighbour(service)
        self.assertEqual(self.client(service, credentials(self.authority)).health(), UNAVAILABLE)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            RawClient(service.address, context(self.authority))

    def test_refusals_are_counted(self):
        service = self.start(TAGS, listener=self.listener())
        for _ in range(2):
            with contextlib.closing(connect(service.address)) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while plain.recv(100):
                    """Its alert, and the end."""
        self.assertEqual(service.stop(), 0)
        service.wait_line(r" info  counters: .*\btls_failed=2\b")


@needs_tls
class Clients(Tls):
    def test_one_with_a_certificate_of_the_ca(self):
        self.check_served(self.start_mutual(), self.authority.issue("DNS:anything"))

    def test_one_without(self):
        self.check_refused(self.start_mutual(), None, "the client has no certificate$")

    def test_one_of_another_ca(self):
        other = Authority(self.new_folder())
        self.check_refused(self.start_mutual(), other.issue("DNS:proxy.test"),
                           "the client's certificate is not signed by a CA of tls_client_ca$")

    def test_one_that_has_expired(self):
        self.check_refused(self.start_mutual(), self.authority.issue("DNS:proxy.test", days=-1),
                           "the client's certificate has expired$")

    def test_names(self):
        service = self.start_mutual("proxy.test", "spiffe://test/ns/b/*", "edge-*")
        for name in ("DNS:proxy.test", "DNS:PROXY.test", "DNS:edge-1.test", "URI:spiffe://test/ns/b/sa/any"):
            with self.subTest(name):
                self.check_served(service, self.authority.issue("DNS:first", name))

    def test_other_names(self):
        service = self.start_mutual("proxy.test", "spiffe://test/ns/b/*")
        for name in ("DNS:proxy.test.evil", "DNS:a.proxy.test", "URI:spiffe://test/ns/c/sa/any", "email:proxy.test@a"):
            with self.subTest(name):
                said = "nothing" if name.startswith("email") else re.escape(name)
                self.check_refused(service, self.authority.issue(name),
                                   f"the client's certificate has none of tls_client_names; it has {said}$")


@needs_tls
class BehindEnvoy(Tls):
    def envoy(self, service, own):
        tls = upstream_tls(self.authority, own)
        return self.run_envoy(ext_proc({}), cluster_of(service.address, **tls), self.upstream())

    def test_a_transaction(self):
        service = self.start_mutual("spiffe://test/ns/*")
        envoy = self.envoy(service, self.authority.issue("URI:spiffe://test/ns/envoy"))
        for _ in range(3):
            answer = http1.request(envoy.port)
            self.assertEqual((answer.status, answer.get("x-b")), (200, "2"))
        self.assertEqual(envoy.stat("cluster.extprocd.upstream_cx_total"), 1)

    def test_as_printed(self):
        """Only what is in capitals has to be filled in."""
        service = self.start_mutual("spiffe://test/ns/*")
        answer = http1.request(self.filled_in_envoy(*printed(service)).port)
        self.assertEqual((answer.status, answer.get("x-b")), (200, "2"))

    def test_as_printed_another_certificate_of_the_ca_is_refused(self):
        """Else everyone with a certificate of that CA could answer in place of extprocd."""
        service = self.start_mutual("spiffe://test/ns/*")
        self.certificate = self.authority.issue("DNS:other.test")
        other = self.start(TAGS, listener=self.listener(f"tls_client_ca = {self.authority.cert}"))
        listener, filters, clusters = printed(service)
        envoy = self.filled_in_envoy(listener, filters, clusters.replace(str(service.port), str(other.port)))
        self.assertEqual(http1.request(envoy.port).status, 500)
        self.assertGreater(envoy.stat("cluster.extprocd.ssl.fail_verify_san"), 0)

    def filled_in_envoy(self, listener, filters, clusters):
        own = self.authority.issue("URI:spiffe://test/ns/envoy")
        for name, path in [("CA_OF_TLS_CERT", self.authority.cert), ("CERTIFICATE_OF_ENVOY", own.cert),
                           ("KEY_OF_ENVOY", own.key)]:
            self.assertIn(name, clusters)
            clusters = clusters.replace(name, str(path))
        return self.run_envoy(filters, clusters, self.upstream(), listener)

    def test_an_envoy_that_may_not_come_in(self):
        service = self.start_mutual("spiffe://test/ns/*")
        envoy = self.envoy(service, self.authority.issue("URI:spiffe://other/ns/envoy"))
        self.assertEqual(http1.request(envoy.port).status, 500)
        service.wait_line(CLOSED + "the client's certificate has none of tls_client_names; it has .*URI:spiffe://other/ns/envoy$")


@needs_tls
class Changes(Tls):
    """Certificates that change while the service runs: it looks once a second, when somebody comes."""

    def shown(self, service):
        with contextlib.closing(RawClient(service.address, context(self.authority))) as client:
            return client.channel.server_certificate()

    def wait_shown(self, service, certificate):
        wanted = ssl.PEM_cert_to_DER_cert(certificate.cert.read_text())
        wait_until(lambda: self.shown(service) == wanted, "connections see this certificate")

    def test_new_connections_see_the_new_one(self):
        service = self.start(TAGS, listener=self.listener())
        self.neighbour(service, credentials(self.authority))
        self.wait_shown(service, self.certificate)
        new = self.authority.issue(*LOCAL)
        self.certificate.become(new)
        self.wait_shown(service, new)
        service.wait_line(r" info  listener main: TLS certificate read again \(expires \d{4}-\d\d-\d\d ")
        self.check_served(service)

    def test_a_broken_one_leaves_the_old_one_in_use(self):
        service = self.launch(TAGS, listener=self.listener()).wait_ready()
        self.neighbour(service, credentials(self.authority))
        before, new = self.shown(service), self.authority.issue(*LOCAL)
        self.certificate.key.write_bytes(new.key.read_bytes())
        said = (rf" error listener main: TLS: {re.escape(str(self.certificate.key))}: the private key does not match the "
                rf"certificate in {re.escape(str(self.certificate.cert))}; keeping the previous certificate$")
        wait_until(lambda: self.shown(service) == before and service.lines(said), "it is said")
        self.check_served(service)
        self.certificate.become(new)
        self.wait_shown(service, new)

    def test_another_client_ca(self):
        service = self.start_mutual()
        authority = Authority(self.new_folder())
        own, before = authority.issue("DNS:proxy.test"), self.authority.issue("DNS:proxy.test")
        self.check_refused(service, own, "the client's certificate is not signed by a CA of tls_client_ca$")
        self.authority.cert.write_bytes(self.authority.cert.read_bytes() + authority.cert.read_bytes())
        client = self.client(service, credentials(self.authority, own))
        wait_until(lambda: client.health() == SERVING, "the other CA's client comes in")
        self.check_served(service, before)


@needs_tls
class Drain(Tls):
    def test_no_stream_is_lost_under_load(self):
        """What the service has served to its end, its clients have seen, and nothing else."""
        said = self.folder / "transactions"
        service = self.launch(TAGS + f"[plugin:access]\nfile = log.so\nto = {said}\n",
                              listener=self.listener()).wait_ready()
        load = Load([self.client(service, credentials(self.authority)) for _ in range(4)])
        service.send(signal.SIGTERM)
        load.join()
        self.assertEqual(service.wait(), 0, service.log())
        self.assertEqual(load.others((2, grpc.StatusCode.OK), (0, UNAVAILABLE)), [])
        self.assertEqual(len(said.read_text().splitlines()), load.count(2, grpc.StatusCode.OK))

    def test_an_open_stream_finishes(self):
        service = self.launch(TAGS, listener=self.listener()).wait_ready()
        self.neighbour(service, credentials(self.authority))
        service.send(signal.SIGTERM)
        service.wait_line("open streams may finish")


@needs_tls
class Files(Command):
    """extprocd -t, with invalid files."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.new_folder())
        self.good = self.authority.issue(*LOCAL)

    def check(self, listener, *wanted, **config):
        """wanted: the lines it says, each a pattern, without the file's name."""
        path = self.write(ini(TAGS, listener=listener, **config))
        code, out, err = self.run_with("-t", "-c", path)
        first = 1 + path.read_text().splitlines().index(listener.splitlines()[0])
        self.assertEqual((code, len(err.splitlines())), (1 if wanted else 0, len(wanted)), err)
        for line, (n, words) in zip(err.splitlines(), wanted):
            self.assertRegex(line, re.escape(f"{path}:{first + n}: [listener:main] ") + words)
        self.assertEqual(out, "" if wanted else f"{path}: ok\n")

    def test_good_ones(self):
        listener = (f"tls_cert = {self.good.cert}\ntls_key = {self.good.key}\n"
                    f"tls_client_ca = {self.authority.cert}\ntls_client_names = a, spiffe://b/*")
        self.check(listener)
        self.check(listener, address=f"unix:{self.folder}/socket")

    def test_a_key_that_is_not_the_certificates(self):
        other = self.authority.issue(*LOCAL)
        listener = f"tls_cert = {self.good.cert}\ntls_key = {other.key}"
        wanted = 1, f"tls_key: {other.key}: the private key does not match the certificate in {self.good.cert}"
        self.check(listener, wanted)
        self.check(listener, wanted, address=f"unix:{self.folder}/socket")

    def test_missing_files(self):
        gone, listener = self.folder / "gone.pem", "tls_cert = {}\ntls_key = {}\ntls_client_ca = {}"
        cert, key, ca = self.good.cert, self.good.key, self.authority.cert
        why = f"{gone}: No such file or directory"
        self.check(listener.format(gone, key, ca), (0, f"tls_cert: {why}"))
        self.check(listener.format(cert, gone, ca), (1, f"tls_key: {why}"))
        self.check(listener.format(cert, key, gone), (2, f"tls_client_ca: {why}"))

    def test_a_client_ca_without_certificates(self):
        for text in "", "no certificate\n", self.good.key.read_text():
            empty = self.write(text, "empty.pem")
            self.check(f"tls_cert = {self.good.cert}\ntls_key = {self.good.key}\ntls_client_ca = {empty}",
                       (2, f"tls_client_ca: {empty}: no CA certificate found"))

    def test_one_without_the_other(self):
        self.check(f"tls_cert = {self.good.cert}", (0, "tls_cert: .*tls_key"))
        self.check(f"tls_key = {self.good.key}", (0, "tls_key: .*tls_cert"))
        self.check(f"tls_client_ca = {self.authority.cert}", (
            0, "tls_client_ca: .*tls_cert and tls_key"))
        self.check(f"tls_cert = {self.good.cert}\ntls_key = {self.good.key}\ntls_client_names = a", (
            2, "tls_client_names: .*tls_client_ca"))

    def test_the_service_does_not_start_with_them(self):
        gone = self.folder / "gone.pem"
        service = self.launch(TAGS, listener=f"tls_cert = {gone}\ntls_key = {gone}")
        self.assertEqual(service.wait(), 1)
        self.assertIn(f"[listener:main] tls_cert: {gone}: No such file or directory\n", service.log())


@unittest.skipUnless(TRANSPORT == "grpc", "about transport = grpc")
class Without(Command):
    def test_it_says_what_has(self):
        path = self.write(ini(TAGS, listener="tls_cert = a.pem\ntls_key = a.key"))
        line = 1 + path.read_text().splitlines().index("tls_cert = a.pem")
        code, out, err = self.run_with("-t", "-c", path)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, re.escape(f"{path}:{line}: [listener:main] tls_cert: ") + ".*transport = h2")
