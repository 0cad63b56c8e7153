#!/usr/bin/env python3
"""One dialect of C, where clang-format sees two: see "How we write" in host/README.md.

    tests/dialect.py    refuses an empty line after the declarations that a function begins with, and a result that is
                        not called r
"""
import re
import subprocess
import sys

TYPE = r"(?:(?:const|static|unsigned|struct|enum|union|long) )*[A-Za-z_]\w* "
DECLARATION = re.compile(rf"    {TYPE}\(?\**(?:const )?\w+\)?(?:\[[^\]]*\]|\([^)]*\))*(?: = .*|,.*|;)")
STATEMENT = re.compile(r"    (?:return|goto|else|case|break|continue|do|typedef)\b")
RESULT = re.compile(r"\s+(?:int|ssize_t) (?:rc|ret|err|res|result|retval)\b(?! *\()")
COMMENT = re.compile(r"/\*.*?\*/")


def complain(path, number, what):
    complaints.append(f"{path}:{number}: {what}")


def after_declarations(lines, at):
    """The first line of a function's body that declares nothing; None: it begins with no declaration."""
    first = at
    while DECLARATION.match(lines[at]) and not STATEMENT.match(lines[at]):
        while not COMMENT.sub("", lines[at]).rstrip().endswith(";") and lines[at] != "}":
            at += 1
        at += 1
    return at if at > first else None


def look(path):
    lines = open(path, encoding="utf-8").read().split("\n")
    for i, line in enumerate(lines):
        if RESULT.match(line):
            complain(path, i + 1, "a result is called r")
        if line != "{":
            continue
        at = after_declarations(lines, i + 1)
        if at and lines[at] == "":
            complain(path, at + 1, "an empty line after declarations")


complaints = []
for name in subprocess.check_output(["git", "ls-files", "*.c", "*.h"], text=True).split():
    if re.match(r"(?:host|plugins|tests)/", name):
        look(name)
print("\n".join(complaints))
sys.exit(bool(complaints))
