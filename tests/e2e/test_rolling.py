"""A rolling update: two instances of one Envoy, which looks at their health; each is replaced under load."""
import json
import signal

from harness.case import Case
from harness.envoy import cluster_of_all, ext_proc
from harness.messages import request_headers, response_headers
from harness.requests import Requests
from harness.wait import wait_until

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\nresponse.set = x-b: 2\n"
N_REQUESTS = 10000
# Two failures in a row, half a second apart, and Envoy has left: in less time than lame_duck has by default.
HEALTH = {"health_checks": [{"timeout": "1s", "interval": "0.5s", "no_traffic_interval": "0.5s",
                             "unhealthy_threshold": 2, "healthy_threshold": 1,
                             "grpc_health_check": {"service_name": "envoy.service.ext_proc.v3.ExternalProcessor"}}]}


class Rolling(Case):
    def roll(self, addresses, long_stream=False):
        """Replaces two instances, one after the other, under load. long_stream: each has a stream that is open
        until it drains."""
        instances = [self.launch(TAGS, address=address, service="lame_duck = 2s").wait_ready()
                     for address in addresses]
        envoy = self.run_envoy(ext_proc({}), cluster_of_all([i.address for i in instances], **HEALTH),
                               self.upstream())

        def healthy(n):
            wait_until(lambda: envoy.stat("cluster.extprocd.membership_healthy") == n, f"{n} are healthy")
        healthy(2)
        load = Requests(envoy.port)
        self.addCleanup(load.stop)
        for i, instance in enumerate(instances):
            stream = None
            if long_stream:
                stream = self.client(instance).stream(limit=60)
                stream.exchange(request_headers())
            instance.send(signal.SIGTERM)
            if stream:
                instance.wait_line("open streams may finish")
                stream.exchange(response_headers())
                stream.finish()
            self.assertEqual(instance.wait(), 0, instance.log())
            self.assertEqual(instance.lines(r"^\S+ error "), [])
            healthy(1)
            instances[i] = self.start(TAGS, address=instance.address)
            healthy(2)
        wait_until(lambda: load.total() >= N_REQUESTS, f"{N_REQUESTS} requests")
        lost = load.stop()
        print(json.dumps({"requests": load.total(), "lost": lost}))
        self.assertEqual(lost, {})

    def test_tcp(self):
        self.roll(["127.0.0.1:0", "127.0.0.1:0"])

    def test_tcp_with_a_long_stream(self):
        self.roll(["127.0.0.1:0", "127.0.0.1:0"], long_stream=True)

    def test_unix(self):
        self.roll([f"unix:{self.folder}/a", f"unix:{self.folder}/b"])

    def test_unix_with_a_long_stream(self):
        self.roll([f"unix:{self.folder}/a", f"unix:{self.folder}/b"], long_stream=True)
