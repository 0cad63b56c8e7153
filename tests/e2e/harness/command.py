"""The commands of extprocd that end by themselves."""
import subprocess

from harness.case import Case
from harness.places import EXTPROCD, PATIENCE


class Command(Case):
    def run_with(self, *arguments, stdout=subprocess.PIPE):
        """(exit code, standard output, standard error)"""
        done = subprocess.run([EXTPROCD, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def write(self, text, name="test.ini"):
        path = self.folder / name
        path.write_text(text)
        return path
