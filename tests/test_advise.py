"""crumb advise and crumb cost: from typed-in figures, and from a small study."""

import pathlib
import shutil
import sqlite3
import tempfile
import unittest

from harness import CrumbTest, data_file, run, run_json, tiny_model

BANDS = ((35, "强烈推荐INT2"), (25, "可尝试INT2/INT4"), (15, "建议INT4/INT8"),
         (0, "不建议极低比特"))


class Advise(CrumbTest):
    def typed(self, r, a, s, h, *more):
        return run_json("advise", "--r", r, "--a", a, "--s", s, "--h", h, *more)

    def test_the_matrix_is_the_notes(self):
        for r in (0, 5, 10):
            for a, s, h in ((0, 0, 0), (5, 5, 5), (10, 10, 10), (10, 10, 5), (5, 0, 10)):
                advice = self.typed(r, a, s, h)
                total = r + a + s + h
                self.assertEqual(advice["total"], total)
                self.assertEqual(advice["advice"], next(t for n, t in BANDS if total >= n))

    def test_a_field_with_high_risk_stands_beside_the_total(self):
        advice = self.typed(10, 10, 10, 10, "--field", "medical")
        self.assertEqual(advice["total"], 40)
        self.assertEqual(advice["advice"], "强烈推荐INT2")
        applies = [o["name"] for o in advice["overrides"] if o["state"] == "applies"]
        self.assertEqual(applies, ["high-risk-field"])
        self.assertIn("8 bits", advice["contradiction"])
        self.assertEqual(advice["contradiction"].count(". "), 0)

    def test_chinese_output_is_chinese(self):
        done = run("advise", "--r", 10, "--a", 0, "--s", 10, "--h", 10, "--lang", "zh")
        self.assertIn("可尝试INT2/INT4", done.stdout)
        self.assertIn("不低于8位", done.stdout)

    def test_scores_that_nothing_tells_are_asked_for(self):
        self.assert_refused(run("advise"), 2, "--memory")
        self.assert_refused(run("advise", "--r", 11, "--a", 0, "--s", 0, "--h", 0), 2, "0 to 10")
        self.assert_refused(run("advise", "--r", 1, "--accept-loss", -1, "--s", 0, "--h", 0), 2,
                            "--accept-loss")
        self.assert_refused(run("advise", "--r", 1, "--a", 1, "--s", 0, "--h", 0, "--price", -1), 2,
                            "--price")

    def test_scenarios_are_a_list_to_search(self):
        self.assertEqual(len(run_json("advise", "--scenarios")), 22)
        found = run_json("advise", "--scenarios", "unsuitable 医疗")
        self.assertEqual([s["id"] for s in found], ["medical"])
        self.assertIn("no scenario", run("advise", "--scenarios", "blockchain").stdout)


class AdviseStudy(CrumbTest):
    @classmethod
    def setUpClass(cls):
        text = data_file("tinystories/tinystories_val.txt")
        model = tiny_model("babyllama-tok105-0.94M")
        cls.kept = tempfile.TemporaryDirectory()
        cls.study = pathlib.Path(cls.kept.name) / "study"
        done = run("study", model, "-o", cls.study, "--text", text, "--windows", 3, "--repetitions", 2,
                   "--method", "rtn", "--bits", "8,4,2", "--activation-windows", 0)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.kept.cleanup()

    def test_scores_and_versions_are_rows_of_the_ledger(self):
        advice = run_json("advise", self.study, "--memory", "40MB", "--accept-loss", 5)
        rows = {row["id"]: row for row in run_json("ledger", "list", "--ledger", self.study)}
        size = next(score for score in advice["scores"] if score["key"] == "S")
        self.assertEqual(size["value"], 0)
        metrics = {rows[i]["metric"] for i in size["ledger_ids"]}
        self.assertEqual(metrics, {"weight_memory_bytes", "total_bits_per_weight"})
        for version in advice["versions"]:
            for axis in ("quality", "bytes", "speed"):
                if axis == "speed" and version[axis] is None:
                    continue  # two repetitions, or a busy machine
                row = rows[version[axis]["ledger_id"]]
                self.assertEqual(row["subject"], version["name"])
                self.assertEqual(row["value"], version[axis]["value"])
            self.assertIsNone(version["energy"])
        self.assertTrue(any(version["pareto"] for version in advice["versions"]))
        self.assertEqual([r["reader"] for r in advice["recommendations"]],
                         ["platform engineer", "IT manager", "frontline supervisor"])
        # A small model: nothing under 4 bits is recommended.
        for reader in advice["recommendations"]:
            self.assertNotIn("int2", reader["version"] or "")
        self.assertEqual(len(advice["pitfalls"]), 4)
        for line in run("advise", self.study, "--r", 5, "--a", 5).stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_a_broken_chain_is_refused_by_all_that_read_it(self):
        broken = self.folder / "ledger.db"
        shutil.copyfile(self.study / "ledger.db", broken)
        database = sqlite3.connect(broken)
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE evidence SET value = value * 2 WHERE metric = 'perplexity_ratio'")
        database.commit()
        database.close()
        for command in (["advise", broken, "--r", 5, "--a", 5],
                        ["claims", "check", "--ledger", self.folder],
                        ["cost", "--price", 1, "--ledger", broken, "--row", 1]):
            self.assert_refused(run(*command), 4, "ledger.db")

    def test_a_rate_is_taken_from_a_row(self):
        rows = run_json("ledger", "list", "--ledger", self.study, "--metric",
                        "generation_tokens_per_second")
        reference = next(row for row in rows if row["subject"] == "reference")
        version = next(row for row in rows if row["subject"] == "int4+embed8")
        report = run_json("cost", "--price", 0.5, "--utilization", 1, "--ledger", self.study, "--row",
                          version["id"], "--reference-row", reference["id"])
        priced = report["versions"][1]
        self.assertEqual(priced["ledger_id"], version["id"])
        self.assertAlmostEqual(priced["million_tokens_usd"], 0.5 / version["value"] / 3600 * 1e6)
        self.assert_refused(run("cost", "--price", 1, "--ledger", self.study, "--row", 100000), 3,
                            "row 100000")
        size = run_json("ledger", "list", "--ledger", self.study, "--metric", "weight_memory_bytes")[0]
        self.assert_refused(run("cost", "--price", 1, "--ledger", self.study, "--row", size["id"]), 2,
                            "no rate")


class Cost(CrumbTest):
    def machines(self, goodput, *more):
        report = run_json("cost", "--price", 2.466, "--qps", 1000, "--goodput", goodput, *more)
        return report["versions"][0]["machines"]

    def test_published_vectors(self):
        none = ("--redundancy", 0)
        self.assertEqual(self.machines(12, *none), 120)
        self.assertEqual(self.machines(68, *none), 22)
        self.assertEqual(self.machines(12, "--utilization", 1, *none), 84)
        self.assertEqual(self.machines(68, "--utilization", 1, *none), 15)
        self.assertEqual(self.machines(68), 23)  # one in reserve
        tokens = run_json("cost", "--price", 2.466, "--tokens-per-second", 1200, "--utilization", 1)
        self.assertAlmostEqual(tokens["versions"][0]["million_tokens_usd"], 0.5708, places=4)

    def test_the_notes_table_and_what_is_unfair_in_it(self):
        report = run_json("cost", "--note-table-14")
        self.assertEqual([v["machines"] for v in report["versions"]], [84, 27, 15, 20])
        self.assertEqual([round(v["month_usd"]) for v in report["versions"]],
                         [151200, 48600, 27000, 36000])
        self.assertEqual([round(100 * v["saving"]) for v in report["versions"]], [0, 68, 82, 76])
        remarks = " ".join(report["not_like_with_like"])
        for words in ("P99 of 1500 ms", "32 requests at once", "fully used", "in reserve"):
            self.assertIn(words, remarks)

    def test_a_table_of_ones_own_needs_a_load(self):
        table = self.folder / "rates.csv"
        table.write_text("name,goodput,p99_ms\nFP16,12,850\nINT4,40,840\n")
        self.assert_refused(run("cost", "--price", 1, "--table", table), 2, "--qps")
        report = run_json("cost", "--price", 1, "--table", table, "--qps", 100, "--latency", 900)
        self.assertEqual(report["not_like_with_like"], [])

    def test_what_can_not_be_meant_is_refused(self):
        for arguments, words in (
                (["--price", -1, "--goodput", 1, "--qps", 1], ["--price -1"]),
                (["--price", 1, "--goodput", 1, "--qps", 0], ["--qps 0"]),
                (["--price", 1, "--goodput", -2, "--qps", 1], ["above 0"]),
                (["--price", 1, "--goodput", 1, "--utilization", 0], ["--utilization"]),
                (["--price", 1, "--goodput", 1, "--redundancy", -1], ["--redundancy"]),
                (["--price", 1], ["nothing to price"])):
            self.assert_refused(run("cost", *arguments), 2, *words)


if __name__ == "__main__":
    unittest.main()
