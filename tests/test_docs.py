"""Paths, make targets, commands and flags that the documents name are there."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import check_docs

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked_files():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / name for name in done.stdout.split("\0") if name] if done.returncode == 0 else []


class Docs(unittest.TestCase):
    def test_paths_and_make_targets_are_there(self):
        self.assertEqual(check_docs.check(ROOT), [])

    def test_commands_and_flags_are_there(self):
        binary = os.environ.get("CRUMB_BINARY", "")
        if not os.access(binary, os.X_OK):
            self.skipTest("the program is not built (CRUMB_BINARY)")
        self.assertEqual(check_docs.check(ROOT, binary), [])

    def findings(self, text, binary=None):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "README.md").write_text(text)
            (root / "Makefile").write_text("demo:\n\ttrue\n")
            return check_docs.check(root, binary)

    def test_checker_notices_what_is_not_there(self):
        found = self.findings("See [this](gone.md), `src/gone.cc` and `make gone`; `make demo` is.\n")
        self.assertEqual(len(found), 3, found)

    def test_checker_notices_unknown_commands_and_flags(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder) / "crumb"
            fake.write_text("#!/bin/sh\necho 'Options:'\necho '  --good'\n"
                            "echo 'Subcommands:'\necho '  study  does it'\n")
            fake.chmod(0o755)
            text = "```\ncrumb study --good \\\n  --bad\nbuild/release/crumb unheard\n```\n"
            found = self.findings(text, str(fake))
        self.assertEqual(len(found), 2, found)
        self.assertIn("--bad", found[0])
        self.assertIn("unheard", found[1])


class Words(unittest.TestCase):
    """What is tracked names no place outside the repository."""

    # Written in pieces, so that this file does not name what it forbids.
    FORBIDDEN = [r"/" + r"work/", r"/" + r"tmp/(?:peers|models|build|brief)", r"/" + r"root/",
                 r"/" + r"home/[a-z]"]

    def test_no_absolute_path_of_a_machine(self):
        pattern = re.compile("|".join(self.FORBIDDEN))
        files = tracked_files()
        if not files:
            self.skipTest("not a git checkout")
        found = []
        for path in files:
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue  # binary fixtures
            found += [f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
                      for number, line in enumerate(lines, 1) if pattern.search(line)]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
