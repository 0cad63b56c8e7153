"""extprocd, with a configuration that is written for one test."""
import pathlib
import re

from harness.places import EXTPROCD, PLUGIN_DIR, TRANSPORT
from harness.process import Process


def ini(plugins, address="127.0.0.1:0", listener="", service=""):
    """A complete configuration: the given [plugin:NAME] sections in one chain, where they come without [chain:NAME]
    sections, with one listener. A lame duck is for those tests alone that ask for one."""
    names = ", ".join(re.findall(r"^\[plugin:(.+)\]", plugins, re.MULTILINE))
    chain = f"[chain:main]\nplugins = {names}\n" if names and "[chain:" not in plugins else ""
    if TRANSPORT:
        service = f"transport = {TRANSPORT}\n{service}"
    if "lame_duck" not in service:
        service = f"lame_duck = 0s\n{service}"
    return (f"[extprocd]\nplugin_dir = {PLUGIN_DIR}\n{service}\n"
            f"[listener:main]\naddress = {address}\n{listener}\n{chain}{plugins}\n")


class Extprocd(Process):
    """Runs the service; knows where it listens once it is ready."""

    def __init__(self, folder, config, prefix=()):
        self.ini = folder / "extprocd.ini"
        self.ini.write_text(config)
        super().__init__("extprocd", [*prefix, EXTPROCD, "-c", self.ini], folder / "extprocd.log")
        self.address = None

    def wait_ready(self):
        self.wait_line(r"is ready")
        self.address = re.search(r"listener main: listening on (\S+)", self.log()).group(1)
        return self

    def n_connections(self):
        """Those that are established, as the kernel counts them; of IPv4."""
        lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()]
        return len([1 for line in lines if line[1].endswith(f":{self.port:04X}") and line[3] == "01"])

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])
