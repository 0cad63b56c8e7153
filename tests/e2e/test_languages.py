"""Plugins in other languages: the examples of sdk/languages, built as their first lines say, in the service."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness.case import Case
from harness.messages import request_headers, response_headers, sets
from harness.places import SANITIZED

SDK = pathlib.Path(__file__).resolve().parents[2] / "sdk"
LANGUAGES = SDK / "languages"


PKG_CONFIG = f"""#!/bin/sh
case $1 in --cflags) echo -I{SDK}/include -fvisibility=hidden ;; --variable=includedir) echo {SDK}/include ;; esac
"""


def commands(source):
    """Those that the first comment of an example shows, indented."""
    return re.findall(r"^(?://!?|\s?\*)(?:\t| {4,})(.+)$", source.read_text().split("\n\n")[0], re.MULTILINE)


@unittest.skipIf(SANITIZED, "the examples are built without a sanitizer")
class Languages(Case):
    def build(self, language, tool, source):
        if not shutil.which(tool):
            self.skipTest(f"{language}: there is no {tool}")
        folder = pathlib.Path(self.folder) / language
        shutil.copytree(LANGUAGES / language, folder)
        (folder / "pkg-config").write_text(PKG_CONFIG)
        (folder / "pkg-config").chmod(0o755)
        lines = commands(folder / source)
        self.assertIn(tool, "\n".join(lines))
        for line in lines:
            subprocess.run(["env", f"PATH={folder}:{os.environ['PATH']}", "sh", "-euc", line], cwd=folder, check=True)
        return folder / "hello.so"

    def try_out(self, plugin, name, **failures):
        """Requests with x-fail: KEY fail with the text that belongs to the key."""
        service = self.launch(f"[plugin:hello]\nfile = {plugin}\n[plugin:other]\nfile = {plugin}\ngreeting = again").wait_ready()
        client = self.client(service)
        self.assertIn(("x-hello", f"hello from {name}"), sets(client.answers(request_headers(), response_headers())[-1]))

        for asked, why in {"yes": "asked to fail", **failures}.items():
            answer = client.answers(request_headers(("x-fail", asked)))[0]
            self.assertEqual(answer.immediate_response.status.code, 500)
            service.wait_line(f"plugin=hello phase=request_headers: request_headers failed: {re.escape(why)}$")
        self.assertEqual(service.stop(), 0, service.log()[-4000:])

    def test_cpp(self):
        self.try_out(self.build("cpp", "c++", "hello.cpp"), "C++", panic="as asked")

    def test_rust(self):
        self.try_out(self.build("rust", "rustc", "hello.rs"), "Rust", panic="panic")

    def test_go(self):
        self.try_out(self.build("go", "go", "extproc.go"), "Go", panic="as asked")

    def test_zig(self):
        self.try_out(self.build("zig", "zig", "hello.zig"), "Zig")

    def test_the_binding_of_rust_has_every_slot_in_order(self):
        def slots(text, pattern):
            return re.findall(pattern, text, re.MULTILINE)
        table = re.search(r"struct extproc_api \{(.*?)\n\};", (SDK / "include/extproc/plugin.h").read_text(), re.DOTALL)[1]
        binding = re.search(r"pub struct Api \{(.*?)\n\}", (LANGUAGES / "rust/extproc.rs").read_text(), re.DOTALL)[1]
        self.assertEqual(slots(table, r"^    \w[^(\n]*\(\*(\w+)\)\("), slots(binding, r"^    pub (\w+): (?:unsafe|VaList)"))

    def test_the_binding_of_rust_has_every_constant(self):
        header, binding = (SDK / "include/extproc/plugin.h").read_text(), (LANGUAGES / "rust/extproc.rs").read_text()
        expected = dict(re.findall(r"^#define EXTPROC_(\w+) +(\d+)u(?: /\*.*)?$", header, re.MULTILINE))
        for enumerators in re.findall(r"^enum EXTPROC_ENUM\(\w+\) \{(.*?)\n\};", header, re.MULTILINE | re.DOTALL):
            value = -1
            for name, given in re.findall(r"EXTPROC_(\w+)(?: = (\d+))?", re.sub(r"/\*.*?\*/", "", enumerators, flags=re.DOTALL)):
                value = int(given or value + 1)
                expected[name] = str(value)
        found = dict(re.findall(r"^pub const (\w+): u(?:32|64) = (\d+);", binding, re.MULTILINE))
        self.assertEqual({name: found.get(name) for name in expected}, expected)
