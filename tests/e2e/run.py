"""Runs a folder's test modules with unittest, and closes with the line that tests/run.sh adds up.

run.py FOLDER [NAME...]"""
import pathlib
import sys
import unittest


def load(folder, names):
    sys.path.insert(0, folder)
    if not names:
        names = sorted(path.stem.removeprefix("test_") for path in pathlib.Path(folder).glob("test_*.py"))
    return unittest.defaultTestLoader.loadTestsFromNames([f"test_{name}" for name in names])


def main(folder, names):
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(load(folder, names))
    # What fails in a subTest is its test's failure.
    bad = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
    for test, why in result.skipped:
        print(f"skipped: {test.id()}: {why}")
    good = result.testsRun - bad - len(result.skipped)
    print(f"{good} passed, {bad} failed")
    return 0 if result.testsRun and not bad else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
