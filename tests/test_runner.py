"""The test runner counts what happened: a crash is a failure, a skip has its reason."""

import contextlib
import io
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import run_tests

ROOT = pathlib.Path(__file__).resolve().parent.parent

REPORT = """<?xml version="1.0"?><testsuites><testsuite name="S">
<testcase classname="S" name="A" status="run"/>
<testcase classname="S" name="B" status="run"><failure message="no"/></testcase>
<testcase classname="S" name="C" status="run"><skipped message="x.cc:3&#10;no data"/></testcase>
<testcase classname="S" name="D" status="notrun"/>
</testsuite></testsuites>"""


class Runner(unittest.TestCase):
    def run_program(self, script):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "program"
            program.write_text(f"#!/bin/sh\nreport=${{1#--gtest_output=xml:}}\n{script}\n")
            program.chmod(0o755)
            totals = run_tests.Totals()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                run_tests.run_gtest_programs([("p", [str(program)])], dict(os.environ), totals)
            return totals.line(), printed.getvalue()

    def test_cases_are_counted_and_skips_have_reasons(self):
        line, printed = self.run_program(f"cat > \"$report\" <<'X'\n{REPORT}\nX\nexit 1")
        self.assertEqual(line, "1 passed, 1 failed, 1 skipped")
        self.assertIn("skipped p: S.C: no data", printed)

    def test_program_that_dies_without_a_report_failed(self):
        line, printed = self.run_program("echo last words; kill -SEGV $$")
        self.assertEqual(line, "0 passed, 1 failed, 0 skipped")
        self.assertIn("last words", printed)

    def test_sanitizer_report_after_good_cases_is_a_failure(self):
        good = REPORT.replace('<failure message="no"/>', "")
        line, _ = self.run_program(f"cat > \"$report\" <<'X'\n{good}\nX\nexit 23")
        self.assertEqual(line, "2 passed, 1 failed, 1 skipped")

    def test_missing_programs_are_a_failure(self):
        totals = run_tests.Totals()
        with contextlib.redirect_stdout(io.StringIO()):
            run_tests.stage_programs("no-such-preset", {}, totals)
        self.assertEqual(totals.failed, 1)


class Packages(unittest.TestCase):
    def test_every_package_stands_once_in_a_known_group(self):
        lines = [line.split("#")[0].strip() for line in (ROOT / "packages.txt").open()]
        names = [line for line in lines if line and not line.startswith("[")]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([line for line in lines if line.startswith("[")],
                         ["[demo]", "[test]", "[bench]", "[check]", "[article]"])
        self.assertTrue(all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in names))

    def test_unknown_group_is_refused(self):
        done = subprocess.run([str(ROOT / "tools" / "install_packages.sh"), "unheard"],
                              capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
