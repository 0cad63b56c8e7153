"""Plugins that are not as they should be: what -t and a start say of them."""
import re
import shutil
import subprocess
import unittest

from harness.command import Command
from harness.places import SANITIZED
from harness.service import ini

HEADER = [f"-I{__file__.rsplit('/tests/', 1)[0]}/sdk/include"]
PLUGIN = """
#include <extproc/plugin.h>
#include <stdlib.h>
%s
static enum extproc_action on(struct extproc_txn *x) { return EXTPROC_ACTION_CONTINUE; }
extern const struct extproc_plugin extproc_plugin_v1;
const struct extproc_plugin extproc_plugin_v1 = {.abi = EXTPROC_ABI, .name = "mine", %s .request_headers = on};
"""
CONSTRUCTOR = "__attribute__((constructor)) static void begin(void) { %s }"
INIT = "static int init(struct extproc_instance *instance) { %s }"


class Loading(Command):
    def build(self, before="", members="", flags=(), compiler="cc", suffix="c"):
        source = self.write(PLUGIN % (before, members), f"mine.{suffix}")
        subprocess.run([compiler, "-shared", "-fPIC", "-w", *HEADER, *flags, "-o", self.folder / "mine.so", source], check=True)
        return self.write(ini(f"[plugin:p]\nfile = {self.folder}/mine.so\n"))

    def place(self, path):
        line = path.read_text().split("\n").index(f"file = {self.folder}/mine.so") + 1
        return re.escape(f"{path}:{line}: [plugin:p] file: ")

    def expect(self, path, pattern, code=1):
        for command in ["-t"], []:
            with self.subTest(command=command):
                got, out, err = self.run_with(*command, "-c", path)
                self.assertEqual((got, out), (code, ""), err)
                self.assertRegex(err, rf"(?m)^{self.place(path)}.*{pattern}")
                self.assertIn("mine.so", err)


class Constructors(Loading):
    def test_that_exit(self):
        for status in 0, 1:
            path = self.build(CONSTRUCTOR % f"exit({status});")
            self.expect(path, rf"plugin p called exit\({status}\) in load")

    @unittest.skipIf(SANITIZED, "the sanitizer has handlers of its own")
    def test_that_crash(self):
        self.expect(self.build(CONSTRUCTOR % "abort();"), "plugin p aborted .* in load")
        self.expect(self.build(CONSTRUCTOR % "*(volatile int *)0 = 1;"), "plugin p crashed .SIGSEGV.* in load")

    @unittest.skipIf(SANITIZED, "the sanitizer has handlers of its own")
    def test_that_throw(self):
        path = self.build("struct begin { begin() { throw 1; } } thrower;", compiler="c++", suffix="cpp",
                          flags=["-std=c++20"])
        self.expect(path, "plugin p aborted .* in load")

    @unittest.skipIf(SANITIZED, "the sanitizer has handlers of its own")
    def test_that_use_the_stack_up(self):
        path = self.build("static int deep(int n) { volatile char c[65536]; c[0] = n; return deep(n + 1) + c[0]; }" +
                          CONSTRUCTOR % "deep(0);", flags=["-O0"])
        self.expect(path, "plugin p crashed .SIGSEGV.* in load")


class Inits(Loading):
    def test_that_exit(self):
        self.expect(self.build(INIT % "exit(0);", ".init = init,"), r"plugin p called exit\(0\) in init")

    @unittest.skipIf(SANITIZED, "the sanitizer has handlers of its own")
    def test_that_crash(self):
        self.expect(self.build(INIT % "abort();", ".init = init,"), "plugin p aborted .* in init")


class Builds(Loading):
    def with_needed(self, name):
        """A plugin that needs a library of this name."""
        (self.folder / "lib").mkdir(exist_ok=True)
        library = self.folder / "lib" / name
        empty = self.write("", "empty.c")
        subprocess.run(["cc", "-shared", f"-Wl,-soname,{name}", "-o", library, empty], check=True)
        return self.build(flags=["-Wl,--no-as-needed", library])

    def test_for_musl(self):
        for name in "libc.musl-x86_64.so.1", "libc.so":
            self.expect(self.with_needed(name), "built for musl.* glibc")

    @unittest.skipIf(SANITIZED, "has it from the start")
    def test_with_a_sanitizer(self):
        self.expect(self.with_needed("libasan.so.8"), "is built with a sanitizer \\(asan\\)")
        self.expect(self.with_needed("libtsan.so.2"), "is built with a sanitizer \\(tsan\\)")

    def test_with_too_much_static_tls(self):
        path = self.build("__thread char big[1 << 20] __attribute__((tls_model(\"initial-exec\")));"
                          "char *at(void) { return big; }")
        self.expect(path, "static TLS")


class Exports(Loading):
    CLASH = "char *strfry(char *s) { return s; }"
    HELPERS = """
        unsigned long crc32(unsigned long c, const unsigned char *b, unsigned n) { return 4711; }
        const char *zlibVersion(void) { return "mine"; }
        const char *nghttp2_strerror(int r) { return "mine"; }
        int SSL_library_init(void) { return 4711; }
        void *protobuf_c_message_unpack(void *a, void *b, unsigned long c, void *d) { return "mine"; }
        int ini_parse(const char *a, void *b, void *c) { return 4711; }
        int sd_notify(int u, const char *s) { return 4711; }
        void grpc_init(void);
        static int mine;
        void grpc_init(void) { mine = 4711; }
        """

    @unittest.skipIf(SANITIZED, "the sanitizer exports names of many libraries")
    def test_names_that_the_host_has_too(self):
        path = self.build(self.CLASH)
        code, out, err = self.run_with("-t", "-c", path)
        self.assertEqual((code, out), (0, f"{path}: ok\n"))
        self.assertRegex(err, rf"(?m)^{self.place(path)}warning: .*mine\.so: .*strfry.* libc\.so\.6 of the host")
        self.assertEqual(len(err.splitlines()), 1)

    @unittest.skipIf(SANITIZED, "the sanitizer exports names of many libraries")
    def test_helpers_that_are_named_as_those_of_the_host_s_libraries(self):
        """They are the plugin's, and they run: nothing of the host's is where plugins are linked."""
        path = self.build(self.HELPERS + INIT % """
            grpc_init();
            return crc32(0, 0, 0) == 4711 && *zlibVersion() == 'm' && *nghttp2_strerror(0) == 'm' && mine == 4711 &&
                    SSL_library_init() == 4711 && protobuf_c_message_unpack(0, 0, 0, 0) && ini_parse(0, 0, 0) == 4711 &&
                    sd_notify(0, "") == 4711 ? 0 : -1;""", ".init = init,")
        self.assertEqual(self.run_with("-t", "-c", path), (0, f"{path}: ok\n", ""))

    def test_names_that_stay_inside(self):
        for flags in ["-fvisibility=hidden"], ["-Wl,-Bsymbolic"]:
            visible = "\n#pragma GCC visibility push(default)\n"  # for the descriptor
            path = self.build(self.CLASH + visible, flags=flags)
            self.assertEqual(self.run_with("-t", "-c", path), (0, f"{path}: ok\n", ""))


class Descriptors(Loading):
    def test_unknown_needs(self):
        self.expect(self.build(members=".needs = 1ull << 40,"), "0x10000000000 in .needs")

    def test_choices_on_a_key_that_is_not_a_choice(self):
        path = self.build('static const struct extproc_key keys[] = {{.name = "k", .choices = "a|b"}, {0}};', ".keys = keys,")
        self.expect(path, "key k: .*choices")

    def test_without_callbacks(self):
        source = (PLUGIN % ("", "")).replace(",  .request_headers = on", "").replace("static enum", "enum")
        path = self.build()
        self.write(source, "mine.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-w", *HEADER, "-o", self.folder / "mine.so", self.folder / "mine.c"], check=True)
        self.expect(path, "no callback")

    def test_a_key_that_is_not_declared(self):
        path = self.build(INIT % 'return extproc_conf(instance, "colour", 0).ptr ? 0 : 0;', ".init = init,")
        for command in ["-t"], []:
            code, _, err = self.run_with(*command, "-c", path)
            self.assertEqual(code, 1)
            self.assertRegex(err, r'\[plugin:p\] .*"mine".*"colour".*declare')
