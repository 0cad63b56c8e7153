"""What comes from ${VAR} or ${file:PATH} is never printed, whatever key it is the value of."""
import os
import pathlib
import re
import signal
import subprocess
import unittest

from harness.command import Command
from harness.places import EXTPROCD, PATIENCE, PLUGIN_DIR, TRANSPORT
from harness.wait import wait_until

MARK = "Hunter2Hunter2"
TOP = pathlib.Path(__file__).resolve().parents[2]

# Shapes that get a value past the first check of its key, and into later ones.
SHAPES = ["{}", "/nowhere/{}.so", "unix:/nowhere/{}", "{}: %REQ({} x)%", "1 in {}", "spiffe://*{}\x1b"]

LISTENER = {"address": "127.0.0.1:0"}
PLUGINS = {
    "instructions": {}, "headers": {}, "respond": {}, "body": {}, "log": {}, "noop": {}, "upper": {},
}


def keys_in(path):
    """The keys of a table in C, and those of the macros that make one of a place and a verb."""
    text = (TOP / path).read_text()
    keys = set(re.findall(r'\{\.name = "([a-z_.]+)"', text))
    if "KEYS_OF(" in text or "KEY(" in text:
        places = "request", "response", "request_trailers", "response_trailers"
        keys |= {f"{place}.{verb}" for place in places
                 for verb in ("set", "append", "add", "replace", "remove", "clear", "prepend")}
    return sorted(keys)


def configuration(section, key, value):
    """One in which this key has this value, and all else is as it should be."""
    sections = {"extprocd": {"plugin_dir": PLUGIN_DIR}, "listener:main": dict(LISTENER), "chain:main": {"plugins": "p"},
                "plugin:p": {"file": "noop.so"}}
    if TRANSPORT:
        sections["extprocd"]["transport"] = TRANSPORT
    if section in PLUGINS:
        sections["plugin:p"] = {"file": f"{section}.so"}
        section = "plugin:p"
    sections[section][key] = value
    return "".join(f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
                   for name, keys in sections.items())


@unittest.skipIf(TRANSPORT == "grpc", "a configuration is read before there is a transport")
class Secrets(Command):
    def run_secret(self, arguments, secret):
        """All that is printed until it ends; the service is stopped once it is ready."""
        env = dict(os.environ, SECRET=secret)
        log, log_file = self.folder / "printed", self.folder / secret
        with log.open("wb") as out:
            process = subprocess.Popen([EXTPROCD, *arguments], env=env, stdout=out, stderr=out, cwd=self.folder)

        def over():
            logs = [path.read_bytes() for path in (log, log_file) if path.is_file()]
            return process.poll() is not None or any(b"is ready" in text for text in logs)
        wait_until(over, "it is ready or has ended")
        if process.poll() is None:
            process.send_signal(signal.SIGUSR1)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        log_file.unlink(missing_ok=True)
        return log.read_bytes().decode(errors="replace")

    def check_key(self, section, key, commands=(["-T"],)):
        for shape in SHAPES:
            secret = shape.format(MARK, MARK)
            path = self.write(configuration(section, key, "${SECRET}"))
            for command in commands:  # -t prints less than -T
                with self.subTest(section=section, key=key, secret=secret, command=command):
                    printed = self.run_secret([*command, "-c", str(path)], secret)
                    self.assertNotIn(MARK.lower(), printed.lower())

    def test_keys_of_the_service(self):
        for key in keys_in("host/process/setup/settings.c"):
            self.check_key("extprocd", key, (["-T"], []))

    def test_keys_of_a_listener(self):
        for key in keys_in("host/process/listen/listener.c"):
            self.check_key("listener:main", key, (["-T"], []))

    def test_keys_of_a_chain_and_of_any_plugin(self):
        self.check_key("chain:main", "plugins")
        self.check_key("plugin:p", "file")

    def test_keys_of_the_bundled_plugins(self):
        for plugin in PLUGINS:
            for key in keys_in(f"plugins/{plugin}.c"):
                self.check_key(plugin, key)

    def test_only_what_was_put_in_is_masked(self):
        path = self.write("[extprocd]\n" f"plugin_dir = {PLUGIN_DIR}\n[listener:main]\naddress = unix:/tmp/${{SECRET}}.sock\n")
        printed = self.run_secret(["-T", "-c", str(path)], MARK)
        self.assertIn("\naddress = unix:/tmp/********.sock\n", printed)

    def test_the_proxys_configuration(self):
        path = self.write(configuration("listener:main", "address", "unix:/tmp/${SECRET}.sock"))
        printed = self.run_secret(["--print-envoy-config", "-c", str(path)], MARK)
        self.assertIn("ADDRESS_OF_EXTPROCD", printed)
        self.assertNotIn(MARK, printed)
