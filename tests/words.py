#!/usr/bin/env python3
"""Plain words in what people read: the strings of the program, the documents, the sample files, comments, and the
names of tests.

    tests/words.py            refuses each word of the list below, and says which one is meant; in comments `lane` is
                              a type, and capitals are a state's name
    tests/words.py FILE...    the same for all text of these files, comments too
"""
import ast
import io
import pathlib
import re
import sys
import tokenize

TOP = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "sdk/README.md", "host/README.md", "tests/README.md", "plugins/README.md", "etc/README.md",
             "etc/KEYS.md", "etc/CHANGELOG.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", "etc/extprocd.ini",
             "etc/extprocd.service.in", "etc/man/extprocd.8.in", "etc/man/extprocd.ini.5.in", "sdk/templates/plugin.c",
             "sdk/templates/plugin.ini", "sdk/templates/Makefile", "sdk/include/extproc/plugin.h",
             "sdk/include/extproc/text.h", "sdk/include/extproc/old_names.h")
WORDS = {  # what is not said, and what is said in its place
    r"(?<!there )(?:is|are|was|were) no(?= \w)(?! longer\b)": "is not a",
    r"tells?|telling|told": "report, log, show, return",
    r"gives?|giving|gave": "return",
    r"behind": "after; in mode; with",
    r"in front of": "before",
    r"no more|any ?more": "at most; no longer",
    r"(?:in the )?midst": "inside, before the end of",
    r"stead": "immediate response; instead of",
    r"whoever|nobody|everybody": "a noun: a client, no process, all users",
    r"at once": "immediately, at a time",
    r"wholes?": "complete",
    r"shall": "must, should",
    r"(?<!`)origins?(?!`| =)": "upstream",
    r"lanes?": "direction",
    r"(?:il)?legal(?! instruction)": "valid, invalid",
    r"cut short": "truncated",
    r"go(?:es)? away|goes? by": "close, end",
    r"become of": "happen to, be modified",
    r"worth": "value, valid",
    r"mend(?:s|ed)?": "correct, repair",
    r"takes? it for": "treat as",
    r"to be had": "available",
    r"(?<!than )(?<!least )(?<!on )the one that": "the noun: the plugin that",
}
ORIGIN = re.compile(r'(tests/)?plugins?/cors\.c:\d+: "origins?"', re.IGNORECASE)  # the word of CORS
IN_NAMES = {  # and what names of tests do not say
    r"given": "passed, returned, set",
    r"(?:for|to|of|by) who": "a noun: the plugin that",
    r"at once": "immediately, concurrent",
}


def pattern(words):
    return re.compile(r"(?<![\w-])(?:" + "|".join(f"({word})" for word in words) + r")(?![\w-])", re.IGNORECASE)


PATTERN = pattern(WORDS)
LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|\'(?:\\.|[^\'\\])*\'|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def strings(text):
    """The string literals of C: where each begins, and adjacent ones as the one string that they are."""
    begin, whole, end = 0, "", None
    for found in LITERAL.finditer(text):
        literal = found.group()
        if literal[0] != '"':
            continue
        if end is not None and not text[end:found.start()].strip():
            whole += literal[1:-1]
        else:
            if end is not None:
                yield begin, whole
            begin, whole = found.start(), literal[1:-1]
        end = found.end()
    if end is not None:
        yield begin, whole


def comments(text):
    """The comments of C, of which the first words name the file."""
    for found in LITERAL.finditer(text):
        if found.group()[0] == "/":
            yield found.start(), re.sub(r"^/\* \w+:|──\w+──|\blanes?\b|\b[A-Z]{2,}\b", lambda m: " " * len(m.group()), found.group())


def python_words(text):
    """The comments and docstrings of Python."""
    lines = [0]
    for line in text.splitlines(True):
        lines.append(lines[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield lines[token.start[0] - 1] + token.start[1], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield lines[node.lineno - 1], node.value.value


def script_comments(text):
    """Those of shell and CMake."""
    for found in re.finditer(r"(?:^|(?<=\s))#[^\n]*", text):
        yield found.start(), found.group().replace("$ORIGIN", " " * 7)


def test_names(text):
    for found in re.finditer(r"^(?:Test\(\w+, (\w+)| *def test_(\w+))", text, re.MULTILINE):
        yield found.start(), (found.group(1) or found.group(2)).replace("_", " ")


def sentences(text):
    return ((begin, part) for begin, part in strings(text) if " " in part)


def prose(text):
    """Without the names of files."""
    return re.sub(r"`[^`\n]*\.[ch]`", lambda found: " " * len(found.group()), text)


def complaints(path, parts, text, words=WORDS, regex=PATTERN):
    for begin, part in parts:
        for found in regex.finditer(part.replace("\\n", "  ")):
            preferred = list(words.values())[found.lastindex - 1]
            line = text.count("\n", 0, begin if begin else found.start()) + 1
            yield f'{path.relative_to(TOP)}:{line}: "{found.group()}" (say: {preferred})'


def of_tests():
    """Comments and names of tests, and comments of scripts."""
    names = {**WORDS, **IN_NAMES}
    for path in sorted(path for kind in ("*.[ch]", "*.py") for path in (TOP / "tests").rglob(kind)):
        text = path.read_text()
        if path != pathlib.Path(__file__).resolve():
            yield from complaints(path, (python_words if path.suffix == ".py" else comments)(text), text)
        yield from complaints(path, test_names(text), text, names, pattern(names))
    tracked = [path for folder in ("etc", "host", "plugins", "proto", "sdk", "tests") for path in (TOP / folder).rglob("*")]
    for path in sorted([TOP / "CMakeLists.txt", *tracked]):
        if path.name == "CMakeLists.txt" or path.suffix in (".sh", ".cmake"):
            yield from complaints(path, script_comments(path.read_text()), path.read_text())


def main():
    found = []
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            path = pathlib.Path(name).resolve()
            found += complaints(path, [(0, path.read_text())], path.read_text())
    else:
        for path in sorted(path for folder in ("host", "plugins") for path in (TOP / folder).rglob("*.[ch]")):
            text = path.read_text()
            found += complaints(path, [*sentences(text), *comments(text)], text)
        found += of_tests()
        for path in (TOP / name for name in DOCUMENTS):
            found += complaints(path, [(0, prose(path.read_text()))], path.read_text())
    found = [line for line in found if not ORIGIN.match(line)]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
