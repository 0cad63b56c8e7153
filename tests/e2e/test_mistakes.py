"""What an operator gets wrong, each mistake by itself: -t names its line, section and key once, and says what to do."""
import re

from harness.command import Command
from harness.places import PLUGIN_DIR, TRANSPORT

HEAD = f"[extprocd]\nplugin_dir = {PLUGIN_DIR}\n" + (f"transport = {TRANSPORT}\n" if TRANSPORT else "")
LISTENER = "[listener:main]\naddress = 127.0.0.1:50051\n"
CHAIN = "[chain:main]\nplugins = tags\n"
PLUGIN = "[plugin:tags]\nfile = {}\n"

# In each table: a line, and the words that have to be in what is said of it.
SERVICE = {
    "log_level = verbose": 'log_level: .*"verbose".* debug, info, warn, error',
    "log_levl = info": "log_levl: .*did you mean log_level",
    "log_format = xml": 'log_format: .*"xml".* text, json',
    "log_file = /nonexistent/x.log": "log_file: .*/nonexistent/x.log: No such file",
    "log_file = /tmp": "log_file: .*/tmp: is a directory",
    "drain = 30": 'drain: .*"30".* 2s',
    "drain = 30 s": 'drain: .*"30 s".* 2s',
    "drain = -1s": 'drain: .*"-1s".* 2s',
    "lame_duck = 5sec": 'lame_duck: .*"5sec".* 2s',
    "max_held = 1k": 'max_held: .*"1k".* 1m or more',
    "max_held = 99999999999g": "max_held: .*at most 8589934591g",
    "drain = ${EXTPROCD_UNSET}": "drain: .*EXTPROCD_UNSET.*not set in the environment",
    "include = more.ini": "include: .*more.ini: No such file",
    "include = test.ini": "include: .*includes itself",
    "greeting = x": "greeting: unknown key",
    "verbose": "missing =",
    "// fast": "unexpected //: a comment starts with ; or #",
    "drain\u00a0= 5s": r"a no-break space \(U\+00A0\)",
    "drain =\u00a05s": r"a no-break space \(U\+00A0\)",
    "= 5": "missing key",
}
ADDRESS = {
    "localhost:50051": "host names are not resolved",
    "gateway.example:50051": "host names are not resolved",
    "50051": "HOST:PORT",
    ":50051": "HOST:PORT",
    "127.0.0.1": "HOST:PORT",
    "127.0.0.1:70000": "port from 0 to 65535",
    "127.0.0.1:http": "port from 0 to 65535",
    '"127.0.0.1:50051"': "without quotes",
    "\u201c127.0.0.1:50051\u201d": "without quotes",
    "127.0.0.1:50051 # here": 'comment.* starts with " ;"',
    "127.0.0.1:1, 127.0.0.1:2": "one address",
    "*:50051": r"0\.0\.0\.0:PORT",
    "systemd:extprocd.socket": "sockets of systemd are not supported",
    "::1:50051": r"\[HOST\]:PORT",
    "unix:run/x.sock": "absolute path",
    "/run/x.sock": "unix:PATH",
    "unix:/" + "a" * 150: "at most 107 bytes",
    "unix:/etc/hostname": "exists and is not a socket",
    "": "HOST:PORT",
}
OF_LISTENER = {
    "address = 127.0.0.1:2": r"address: duplicate.*test\.ini:\d+$",
    "socket_mode = rw": 'socket_mode: .*"rw".*octal',
    "socket_mode = 999": 'socket_mode: .*"999".*octal',
    "socket_group = nogrouphere": 'socket_group: .*"nogrouphere".*group',
    "max_mesage = 1m": "max_mesage: .*did you mean max_message",
    "max_message = 0": 'max_message: .*"0".* 1k to',
    "max_message = 10MB": 'max_message: .*"10MB".* 16m',
    "max_message = 1.5m": 'max_message: .*"1.5m".* 16m',
    "max_streams = many": 'max_streams: .*"many".* integer',
    "max_streams = 0": 'max_streams: .*"0".* 1 to',
    "request_body_mode = buffered": 'request_body_mode: .*"buffered".* BUFFERED,',
    "max_connection_age_grace = 5s": "max_connection_age_grace: warning: .*max_connection_age",
    "  max_streams = 5": "max_streams: .*indented.*address",
    "tls_client_ca = /nope/a.pem": "tls_client_ca: .*tls_cert and tls_key",
}
OF_H2_LISTENER = {
    "max_message = 200m": r"max_message: .*max_queued \(128m, its default\).*max_message \(200m\)",
    "max_queued = 1m": r"max_queued: .*max_queued \(1m\).*max_message \(16m, its default\)",
    "max_resets = 1000/10s": 'max_resets: .*"1000/10s".* 1000 in 10s',
    "max_resets = 1000": 'max_resets: .*"1000".* 1000 in 10s',
    "tls_cert = /etc/ssl/a.pem": "tls_cert: .*tls_key",
    "tls_key = /etc/ssl/a.key": "tls_key: .*tls_cert",
    "tls_cert = /nope/a.pem\ntls_key = /nope/a.key": "tls_cert: /nope/a.pem: No such file",
    "tls_client_names =": "tls_client_names: .*remove the key",
}
OF_CHAIN = {
    "tag": r"\[plugin:tag\].*did you mean tags",
    "tags, auth": r"\[plugin:auth\].*add it",
    "headers.so": r"\[plugin:headers.so\].*add it",
    "tags more": "separate names with commas",
    "tags;more": "separate names with commas",
    "tags, tags": "duplicate.*tags",
    "tags,": "empty plugin name",
}
FILE = {
    "header.so": "no such file.*did you mean headers.so",
    "headers": "no such file.*did you mean headers.so",
    "/opt/nonexistent/hello.so": "/opt/nonexistent/hello.so: no such file",
    "/etc/hostname": "not a shared object",
    "/etc": "is a directory.*name the .so file",
    "": "missing value",
}
OF_PLUGIN = {
    "headers": {
        "request.sett = x: 1": "request.sett: .*did you mean request.set",
        "request.set = x-a 1": "request.set: .*NAME: VALUE",
        "request.set = x-a = 1": "request.set: .*NAME: VALUE",
        "request.set = x a: 1": "request.set: .*name",
        "request.set = host: a": "request.set: host: ",
        "request.remove = content-length": "request.remove: content-length: ",
        "request.set = x: %REQ(a": r"request.set: at character 1: missing \)%",
        "request.set = x: %RQE(a)%": "request.set: at character 1: .*did you mean %REQ",
        "request.set = x: 100%": "request.set: at character 4: .*write %%",
        "request.set = x: %TIME(%q)%": "request.set: at character 1: .*%q",
        "request.set = x: ${HOME": "request.set: .*missing }",
        "request.set = x: ${file:/nope}": "request.set: .*/nope.*No such file",
        "request.set = x: " + "a" * 70000: "request.set: .*exceeds",
    },
    "respond": {
        "body = a\nbody_file = /etc/hostname": "body_file: .*body and body_file",
        "body_file = /nope": "body_file: .*/nope: No such file",
        "status = 99": 'status: .*"99".*200 to 599',
        "status = 204\nbody = x": "body: .*204.*remove",
        "phase = both": 'phase: .*"both".* request, response',
        "header = retry-after 120": "header: .*NAME: VALUE",
    },
    "body": {
        "request.replace = a\nrequest.clear = yes": "request.clear: .*request.replace",
        "request.clear = 1": 'request.clear: .*"1".* yes, no',
        "request.append = %NO%": "request.append: at character 1: ",
    },
    "log": {
        "to = /nonexistent/a.json": "to: .*/nonexistent/a.json: No such file",
        "body_limit = 1kb": 'body_limit: .*"1kb".* 64k',
        "request.header = user agent": 'request.header: .*"user agent"',
    },
    "instructions": {"invalid = drop": 'invalid: .*"drop".* respond, ignore', "strip = maybe": 'strip: .*"maybe".* yes, no'},
    "upper": {"direction = up": 'direction: .*"up".* request, response, both'},
    "noop": {"greeting = x": "greeting: unknown key.*file"},
}
STRUCTURE = {  # complete texts, and all that is said of them
    "": [": .*listener:NAME"],
    HEAD + CHAIN + PLUGIN.format("noop.so"): [": .*listener:NAME"],
    HEAD + "[listener:main\naddress = 127.0.0.1:1\n": [r":%d: missing \]"],
    HEAD + "[listener:main] address = 127.0.0.1:1\n": [r":%d: \[listener:main\] .*after \]"],
    HEAD + "[listener]\naddress = 127.0.0.1:1\n": [r":%d: \[listener\] .*\[listener:NAME\]"],
    HEAD + "[listner:main]\naddress = 127.0.0.1:1\n": [r":%d: \[listner:main\] .*did you mean \[listener:NAME\]"],
    HEAD + "[listener:my listener]\naddress = 127.0.0.1:1\n": [r":%d: \[listener:my listener\] invalid section name"],
    HEAD + "[listener:main]\nadress = 127.0.0.1:1\n": [r":%d+1: \[listener:main\] adress: .*did you mean address"],
    HEAD + "[listener:main]\n": [r":%d: \[listener:main\] address: missing required key"],
    HEAD + "[listener:main]\n  address = 127.0.0.1:1\n": [r":%d+1: \[listener:main\] .*indented"],
    HEAD + LISTENER + LISTENER: [r":%d+2: \[listener:main\] duplicate.*test\.ini:%d$"],
    HEAD + LISTENER + LISTENER.replace("main", "two"): [r":%d+3: \[listener:two\] address: .*\[listener:main\]"],
    "[exprocd]\n" + LISTENER + CHAIN + PLUGIN.format("noop.so"): [r":1: \[exprocd\] .*did you mean \[extprocd\]"],
    "[extprocd:main]\n" + LISTENER + CHAIN + PLUGIN.format("noop.so"): [r":1: \[extprocd:main\] .*expected \[extprocd\]"],
    "log_level = info\n" + HEAD + LISTENER: [":1: log_level: .*before the first section"],
    HEAD + LISTENER + "[chain]\nplugins = tags\n" + PLUGIN.format("noop.so"): [r":%d+2: \[chain\] .*\[chain:NAME\]"],
    HEAD + LISTENER + "[chian:main]\nplugins = tags\n" + PLUGIN.format("noop.so"): [
        r":%d+2: \[chian:main\] .*did you mean \[chain:NAME\]"],
    HEAD + LISTENER + "[chain:main]\n" + PLUGIN.format("noop.so"): [
        r":%d+2: \[chain:main\] plugins: missing required key"],
    HEAD + LISTENER + "[chain:main]\nplugin = tags\n" + PLUGIN.format("noop.so"): [
        r":%d+3: \[chain:main\] plugin: .*did you mean plugins"],
    HEAD + LISTENER + CHAIN + CHAIN.replace("main", "two") + PLUGIN.format("noop.so"): [
        r":%d+4: \[chain:two\] warning: never used: \[chain:main\]"],
    HEAD + LISTENER + CHAIN + "[plugin]\nfile = headers.so\n": [r":%d+4: \[plugin\] .*\[plugin:NAME\]"],
    HEAD + LISTENER + CHAIN + "[plugn:tags]\nfile = headers.so\n": [r":%d+4: \[plugn:tags\] .*\[plugin:NAME\]"],
    HEAD + LISTENER + CHAIN + "[plugin:tags]\nfil = headers.so\n": [r":%d+5: \[plugin:tags\] fil: .*did you mean file"],
    HEAD + LISTENER + CHAIN + "[plugin:tags]\n": [r":%d+4: \[plugin:tags\] file: missing required key"],
    HEAD + LISTENER + CHAIN + PLUGIN.format("noop.so") + PLUGIN.format("noop.so"): [
        r":%d+6: \[plugin:tags\] duplicate.*test\.ini:%d+4$"],
    HEAD + LISTENER + CHAIN + PLUGIN.format("noop.so") + PLUGIN.format("noop.so").replace("tags", "spare"): [
        r":%d+6: \[plugin:spare\] warning: .*not listed in any chain"],
    HEAD + LISTENER + "[server]\nport = 1\n": [r":%d+2: \[server\] unknown section"],
    HEAD + LISTENER + CHAIN + CHAIN + PLUGIN.format("noop.so"): [r":%d+4: \[chain:main\] duplicate section.*test\.ini:%d+2$"],
    HEAD + LISTENER + CHAIN + "  " + PLUGIN.format("noop.so"): [r":%d+4: \[chain:main\] .*indented.*plugins"],
    HEAD + LISTENER + LISTENER.replace("main", "two").replace("127.0.0.1", "0.0.0.0"): [
        r":%d+1: \[listener:main\] address: \[listener:two\] at line %d+2 .*every address"],
    HEAD + LISTENER.replace("127.0.0.1", "[::]") + LISTENER.replace("main", "two").replace("127.0.0.1", "0.0.0.0"): [
        r":%d+3: \[listener:two\] address: \[listener:main\] at line %d .*every address"],
    HEAD + LISTENER.replace("127.0.0.1:50051", "unix:/tmp/x.sock") + LISTENER.replace("main", "two").replace(
        "127.0.0.1:50051", "unix:/tmp/../tmp/./x.sock"): [r":%d+3: \[listener:two\] address: .*\[listener:main\]"],
    "[extprocd]\nplugin_dir = /nonexistent\n" + LISTENER + CHAIN + PLUGIN.format("noop.so"): [
        r":2: \[extprocd\] plugin_dir: /nonexistent: No such file"],
    "[extprocd]\nplugin_dir = /etc/hostname\n" + LISTENER + CHAIN + PLUGIN.format("noop.so"): [
        r":2: \[extprocd\] plugin_dir: /etc/hostname: Not a directory"],
    # in the order of the file, whatever is looked at first
    HEAD + "drain = x\n" + "[listener:main]\nfoo = 1\naddress = x\n" + CHAIN + PLUGIN.format("nope.so"): [
        r":%d: \[extprocd\] drain: ", r":%d+2: \[listener:main\] foo: ", r":%d+3: \[listener:main\] address: ",
        r":%d+7: \[plugin:tags\] file: "],
}


class Mistakes(Command):
    def check(self, text, patterns):
        path = self.write(text)
        with self.subTest(text[-300:]):
            code, _, err = self.run_with("-t", "-c", path)
            lines = err.splitlines()
            self.assertEqual((code, len(lines)), ("warning" not in err, len(patterns)), err)
            for line, pattern in zip(lines, patterns):
                self.assertRegex(line, rf"\A{re.escape(str(path))}{pattern}")

    def check_line(self, before, added, after, section, words):
        """The mistake is in the last added line."""
        last = before.count("\n") + added.count("\n") + 1
        self.check(f"{before}{added}\n{after}", [rf":{last}: \[{section}\] {words}"])

    def test_of_the_service(self):
        for added, words in SERVICE.items():
            self.check_line(HEAD, added, LISTENER + CHAIN + PLUGIN.format("noop.so"), "extprocd", words)

    def test_of_an_address(self):
        for address, words in ADDRESS.items():
            self.check_line(HEAD + "[listener:main]\n", f"address = {address}", CHAIN + PLUGIN.format("noop.so"),
                            "listener:main", "address: .*" + words)

    def test_of_a_listener(self):
        for added, words in (OF_LISTENER | ({} if TRANSPORT == "grpc" else OF_H2_LISTENER)).items():
            before, after = HEAD + LISTENER, CHAIN + PLUGIN.format("noop.so")
            if added.startswith("socket"):
                before = before.replace("127.0.0.1:50051", f"unix:{self.folder}/socket")
            if "\n" in added:
                self.check(f"{before}{added}\n{after}", [rf":{before.count(chr(10)) + 1}: \[listener:main\] {words}"])
            else:
                self.check_line(before, added, after, "listener:main", words)

    def test_of_a_chain(self):
        for names, words in OF_CHAIN.items():
            self.check_line(HEAD + LISTENER + "[chain:main]\n", f"plugins = {names}", PLUGIN.format("noop.so"),
                            "chain:main", "plugins: .*" + words)

    def test_of_a_plugins_file(self):
        for file, words in FILE.items():
            self.check_line(HEAD + LISTENER + CHAIN + "[plugin:tags]\n", f"file = {file}", "", "plugin:tags",
                            "file: .*" + words)

    def test_of_a_plugin(self):
        for plugin, cases in OF_PLUGIN.items():
            for added, words in cases.items():
                self.check_line(HEAD + LISTENER + CHAIN + PLUGIN.format(f"{plugin}.so"), added, "", "plugin:tags", words)

    def test_of_the_encoding(self):
        text = HEAD + LISTENER
        for encoding, expected in ("utf-16", r":1: .*UTF-16.*UTF-8"), ("utf-16-be", r":1: .*UTF-16.*UTF-8"):
            path = self.write("")
            path.write_bytes((b"\xfe\xff" if encoding.endswith("be") else b"") + text.encode(encoding))
            code, _, err = self.run_with("-t", "-c", path)
            self.assertEqual((code, err.count("\n")), (1, 1), err)
            self.assertRegex(err, expected)
        for prefix, end in (b"\xef\xbb\xbf", "\n"), (b"", "\r\n"):
            path.write_bytes(prefix + (text + "drian = 1s\n").replace("\n", end).encode())
            code, _, err = self.run_with("-t", "-c", path)
            self.assertEqual(code, 1)
            self.assertRegex(err, rf"\A{re.escape(str(path))}:{text.count(chr(10)) + 1}: .*drian: unknown key[^\n]*\n\Z")

    def test_of_the_structure(self):
        first = HEAD.count("\n") + 1  # the line after the head, which the patterns count from
        for text, patterns in STRUCTURE.items():
            self.check(text, [re.sub(r"%d(?:\+(\d))?", lambda found: str(first + int(found[1] or 0)), pattern)
                              for pattern in patterns])
