"""Plugins in other languages: the examples of sdk/languages, built as their first lines say, in the service."""
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
FLAGS = f"-I{SDK}/include"


@unittest.skipIf(SANITIZED, "the examples are built without a sanitizer")
class Languages(Case):
    def build(self, language, tool, *command, env=()):
        if not shutil.which(tool):
            self.skipTest(f"{language}: there is no {tool}")
        folder = pathlib.Path(self.folder) / language
        shutil.copytree(LANGUAGES / language, folder)
        subprocess.run(["env", *env, tool, *command, "-o", "hello.so"], cwd=folder, check=True)
        return folder / "hello.so"

    def try_out(self, plugin, name, panic):
        service = self.launch(f"[plugin:hello]\nfile = {plugin}\n[plugin:other]\nfile = {plugin}\ngreeting = again").wait_ready()
        client = self.client(service)
        self.assertIn(("x-hello", f"hello from {name}"), sets(client.answers(request_headers(), response_headers())[-1]))

        for asked, why in ("yes", "asked to fail"), ("panic", panic):
            answer = client.answers(request_headers(("x-fail", asked)))[0]
            self.assertEqual(answer.immediate_response.status.code, 500)
            service.wait_line(f"plugin=hello phase=request_headers: request_headers failed: {re.escape(why)}$")
        self.assertEqual(service.stop(), 0, service.log()[-4000:])

    def test_cpp(self):
        self.try_out(self.build("cpp", "c++", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-z,defs",
                                "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", FLAGS, "hello.cpp"), "C++", "as asked")

    def test_rust(self):
        self.try_out(self.build("rust", "rustc", "--edition", "2021", "-O", "--crate-type", "cdylib",
                                "-C", "link-arg=-Wl,-z,defs", "hello.rs"), "Rust", "panic")

    def test_go(self):
        self.try_out(self.build("go", "go", "build", "-buildmode=c-shared", env=(f"CGO_CFLAGS={FLAGS}",)), "Go", "as asked")

    def test_the_binding_of_rust_has_every_slot_in_order(self):
        def slots(text, pattern):
            return re.findall(pattern, text, re.MULTILINE)
        table = re.search(r"struct extproc_api \{(.*?)\n\};", (SDK / "include/extproc/plugin.h").read_text(), re.DOTALL)[1]
        binding = re.search(r"pub struct Api \{(.*?)\n\}", (LANGUAGES / "rust/extproc.rs").read_text(), re.DOTALL)[1]
        self.assertEqual(slots(table, r"\(\*(\w+)\)\((?!void)"), slots(binding, r"^    pub (\w+): (?:unsafe|VaList)"))
