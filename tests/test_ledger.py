"""crumb ledger add: evidence that was not measured here."""

import json
import subprocess
import sys
import time
import unittest

from harness import BINARY, ROOT, CrumbTest, run, run_json

PUBLIC = {"--kind": "public", "--source": "Qwen2 technical report, table 9", "--metric": "task_accuracy",
          "--subject": "int4", "--value": 0.651, "--quarter": "2024-Q3"}
MANUAL = {**PUBLIC, "--kind": "manual", "--by-role": "hotline operations manager",
          "--reason": "requests of one day, counted", "--metric": "request_throughput",
          "--subject": "state hotline", "--value": 0.41}


class LedgerAdd(CrumbTest):
    def setUp(self):
        super().setUp()
        self.ledger = self.folder / "ledger.db"

    def arguments(self, options, **changes):
        merged = {**options, **{"--" + key.replace("_", "-"): value for key, value in changes.items()}}
        flat = ["ledger", "add", "--ledger", self.ledger]
        for key, value in merged.items():
            flat += [key] if value is True else [key, value] if value is not None else []
        return flat

    def add(self, options, **changes):
        return run_json(*self.arguments(options, **changes))

    def refused(self, options, *words, **changes):
        before = self.rows()
        self.assert_refused(run(*self.arguments(options, **changes)), 2, *words)
        self.assertEqual(before, self.rows())

    def rows(self):
        return run("ledger", "export", "--ledger", self.ledger).stdout if self.ledger.exists() else None

    def verify(self):
        verified = run("ledger", "verify", "--ledger", self.ledger)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        script = subprocess.run([sys.executable, ROOT / "tools" / "verify_ledger.py", self.ledger],
                                capture_output=True, text=True)
        self.assertEqual(script.returncode, 0, script.stderr)

    def test_a_row_of_each_kind_and_the_chain_is_whole_for_both_verifiers(self):
        self.assertEqual(self.add(PUBLIC)["id"], 1)
        self.assertEqual(self.add(PUBLIC, kind="deployment", source="某省政务热线运行记录")["id"], 2)
        self.assertEqual(self.add(PUBLIC, kind="audit", source="provincial audit office, finding 12",
                                  low=0.6, high=0.7, n=400, n_of="questions")["id"], 3)
        self.assertEqual(self.add({k: v for k, v in MANUAL.items() if k != "--source"})["id"], 4)
        self.verify()
        row = run_json("ledger", "show", 3, "--ledger", self.ledger)
        self.assertEqual((row["kind"], row["quarter"], row["low"], row["n_of"], row["method"]),
                         ("audit", "2024-Q3", 0.6, "questions", "external"))
        self.assertEqual(json.loads(row["options"])["source"], "provincial audit office, finding 12")
        self.assertEqual(json.loads(run_json("ledger", "show", 4, "--ledger", self.ledger)["detail"])["by_role"],
                         "hotline operations manager")
        plain = run(*self.arguments(PUBLIC, source="another report"))
        self.assertRegex(plain.stdout, r"^row +5\nhead +[0-9a-f]{64}\n$")

    def test_whoever_could_be_meant_is_named_in_the_refusal(self):
        for text, what in [("see https://example.org/a", "a URL"), ("ops@example.org", "an e-mail"),
                           ("run on gpu-node-07", "host"), ("/srv/data/run.log", "a path"),
                           ("report of June 2024", "quarter"), ("told by Alice Miller", "name"),
                           ("13912345678", "telephone"), ("10.1.2.3", "an IP address")]:
            self.refused(PUBLIC, "--source", what, source=text)
            self.refused(PUBLIC, "--subject", what, subject=text)
        self.refused(MANUAL, "--by-role", by_role="Alice Miller")
        self.refused(MANUAL, "--by-role", by_role=None)
        self.refused(PUBLIC, "--source", source=None)

    def test_what_can_not_be_meant_is_refused(self):
        self.refused(PUBLIC, "from 0 to 1", value=65.1)
        self.refused(PUBLIC, "finite", value="nan")
        self.refused(PUBLIC, "not between", low=0.7, high=0.8)
        self.refused(PUBLIC, "pure number", unit="%")
        self.refused(PUBLIC, "--quarter", quarter="2024-06")
        self.refused(PUBLIC, "still to come", quarter="9998-Q1")
        self.refused(PUBLIC, "--metric", metric="speedup")
        self.refused(PUBLIC, "--kind", kind="measured")
        bare = run("ledger", "add", *[x for pair in PUBLIC.items() for x in pair], cwd=self.folder)
        self.assert_refused(bare, 2, "--ledger")

    def test_an_example_of_the_specification_needs_a_confirmation_that_is_kept(self):
        for change in [{"value": 0.72}, {"source": "NIAQC 2024 Q2 audit finding #7"},
                       {"source": "National AI Testing Center 2024 internal report"},
                       {"source": "latency varied by ±18%"}]:
            self.refused(PUBLIC, "--confirm-own-source", **change)
        row = self.add(PUBLIC, value=0.72, confirm_own_source=True)
        detail = json.loads(run_json("ledger", "show", row["id"], "--ledger", self.ledger)["detail"])
        self.assertEqual(detail, {"confirmed_own_source": True, "equals_example": "72 %"})

    def test_a_correction_names_what_it_replaces(self):
        self.add(PUBLIC)
        self.refused(PUBLIC, "--supersedes 1", value=0.66)
        self.refused(PUBLIC, "no such row", value=0.66, supersedes=7)
        self.assertEqual(self.add(PUBLIC, value=0.66, supersedes=1)["supersedes"], "1")
        self.verify()

    def test_killed_at_any_moment_no_row_is_half_there(self):
        self.add(PUBLIC)
        for i in range(24):
            arguments = [str(a) for a in self.arguments(PUBLIC, source=f"report {'x' * (i + 1)}")]
            process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(0.002 * i)
            process.kill()
            process.wait()
        self.verify()
        rows = run_json("ledger", "list", "--ledger", self.ledger)
        self.assertEqual([row["id"] for row in rows], list(range(1, len(rows) + 1)))
        self.assertEqual(self.add(PUBLIC, source="the last report")["id"], len(rows) + 1)
        self.verify()

    def test_claims_and_reports_do_not_take_it_for_a_measurement(self):
        self.add(PUBLIC, metric="perplexity_ratio", value=1.5)
        done = run("claims", "check", "--ledger", self.ledger)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("measured here", done.stdout)


if __name__ == "__main__":
    unittest.main()
