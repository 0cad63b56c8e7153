"""What -t reports of a configuration that is right, and will not do what it looks like."""
import re
import shutil

from harness.command import Command
from harness.places import PLUGIN_DIR
from harness.service import ini

TAGS = "[plugin:tags]\nfile = headers.so\nrequest.set = x-a: 1\n"


class Warnings(Command):
    def check(self, text, *patterns, code=0):
        """Each is one line of standard error, with its place, and there are no others."""
        path = self.write(text)
        got, _, err = self.run_with("-t", "-c", path)
        self.assertEqual(got, code, err)
        lines = err.splitlines()
        self.assertEqual(len(lines), len(patterns), err)
        for line, pattern in zip(lines, patterns):
            self.assertRegex(line, rf"^{re.escape(str(path))}:{pattern}")

    def test_a_socket_whose_folder_is_missing(self):
        self.check(ini(TAGS, address=f"unix:{self.folder}/none/sock"),
                   r'\d+: \[listener:main\] address: warning: the folder ".*/none" of the socket: No such file')

    def test_an_address_of_another_machine(self):
        self.check(ini(TAGS, address="192.0.2.7:50051"),
                   r'\d+: \[listener:main\] address: warning: "192\.0\.2\.7:50051" is not an address of this machine')
        self.check(ini(TAGS, address="[2001:db8::7]:50051"), r".*is not an address of this machine")

    def test_every_address_is_written_as_zeros(self):
        self.check(ini(TAGS, address="*:50051"), r'.*invalid value "\*:50051": expected 0\.0\.0\.0:PORT', code=1)
        self.check(ini(TAGS, address="[::]:50051"))

    def test_a_log_file_whose_folder_is_missing(self):
        self.check(ini(TAGS, service=f"log_file = {self.folder}/none/log"),
                   r"\d+: \[extprocd\] log_file: cannot open .*No such file", code=1)

    def test_a_mode_that_is_not_served(self):
        for mode in "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC":
            for key in "request_body_mode", "response_body_mode":
                self.check(ini(TAGS, listener=f"{key} = {mode}"),
                           rf"\d+: \[listener:main\] {key}: warning: {mode} is not supported")
        for mode in "NONE", "STREAMED", "BUFFERED":
            self.check(ini(TAGS, listener=f"request_body_mode = {mode}\nresponse_body_mode = {mode}"))

    def test_no_chain(self):
        self.check(ini(""), r".*warning: no \[chain:NAME\] section: every transaction passes as it is")

    def test_a_plugin_that_takes_part_in_nothing(self):
        self.check(ini("[plugin:tags]\nfile = headers.so\n"),
                   r'\d+: \[plugin:tags\] warning: the plugin "headers" takes part in no phase')

    def test_a_template_that_looks_at_the_response_in_a_request(self):
        self.check(ini(TAGS + "request.set = x-b: %STATUS%\nrequest_trailers.add = x-c: a%RESP(x)%\n"
                       "response.set = x-d: %STATUS%\n"),
                   *[rf"\d+: \[plugin:tags\] {key}: warning: x-\w: %RESP\(\)% and %STATUS% are absent in a request"
                     for key in (r"request\.set", r"request_trailers\.add")])

    def test_a_value_that_ends_in_a_comment(self):
        self.check(ini(TAGS + "response.set = set-cookie: a=1 ; Path=/\n"),
                   r'\d+: \[plugin:tags\] response\.set: warning: the value ends before " ;"')
        self.check(ini(TAGS + "response.set = set-cookie: a=1 \\; Path=/ ; a comment\n"))

    def test_paths_are_relative_to_the_file_that_names_them(self):
        """Whatever folder the program was started in: a plugin, the log, files of plugins, ${file:}."""
        conf = self.folder / "conf.d"
        conf.mkdir()
        shutil.copy(f"{PLUGIN_DIR}/respond.so", conf / "mine.so")
        (conf / "body.txt").write_text("hello")
        (conf / "secret").write_text("200\n")
        (conf / "p.ini").write_text("[plugin:r]\nfile = ./mine.so\nbody_file = body.txt\nstatus = ${file:secret}\n")
        self.check(f"[extprocd]\nplugin_dir = {PLUGIN_DIR}\ninclude = conf.d/*.ini\nlog_file = conf.d/log\n"
                   "[listener:main]\naddress = 127.0.0.1:0\n[chain:c]\nplugins = r\n")
        self.check(f"[extprocd]\nlog_file = none/log\n[listener:main]\naddress = 127.0.0.1:0\n[chain:c]\nplugins = r\n"
                   f"[plugin:r]\nfile = conf.d/mine.so\nbody_file = body.txt\n",
                   r".*log_file: cannot open none/log", r".*body_file: cannot read body\.txt", code=1)

    def test_a_long_line(self):
        self.check(ini(TAGS + f"response.set = content-security-policy: {'x' * 60000}\n"))
        self.check(ini(TAGS + f"response.set = x: {'x' * 66000}\n"), r".*line of \d+ bytes exceeds 65536", code=1)
