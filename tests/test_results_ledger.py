"""Results of crumb eval, score and perplexity as rows of a ledger."""

import json
import subprocess
import sys
import unittest

from harness import ROOT, CrumbTest, data_file, run, run_json, tiny_model

TASK = """
task: colours
dataset_kwargs: {data_files: "items.jsonl", format: jsonl}
doc_to_text: "{{question}} The answer is"
doc_to_target: "{{gold}}"
doc_to_choice: ["red", "blue", "green"]
metric_list: [{metric: acc}]
metadata: {version: 1.0, category: colours}
"""


class ResultsLedger(CrumbTest):
    def setUp(self):
        super().setUp()
        self.ledger = self.folder / "results.db"

    def rows(self, ledger=None):
        return run_json("ledger", "list", "--ledger", ledger or self.ledger)

    def verify(self, ledger=None):
        script = subprocess.run([sys.executable, ROOT / "tools" / "verify_ledger.py", ledger or self.ledger],
                                capture_output=True, text=True)
        self.assertEqual(script.returncode, 0, script.stderr)

    def done(self, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_eval_and_a_study_write_the_same_rows(self):
        model, text = tiny_model("babyllama-tok105-0.94M"), data_file("tinystories/tinystories_val.txt")
        task = self.folder / "colours.yaml"
        task.write_text(TASK)
        lines = [json.dumps({"id": i, "question": f"Lily saw a ball, number {i}.",
                             "gold": ["red", "blue", "green"][i % 3]}) for i in range(12)]
        (self.folder / "items.jsonl").write_text("\n".join(lines) + "\n")
        out = self.folder / "out"
        tasks = ["--task", task, "--data", self.folder]
        self.done("quantize", model, "--bits", 4, "--method", "rtn", "-o", self.folder / "int4")
        texts = ["--text", text, "--windows", 2]

        def evaluate(ledger, folder):
            first = self.done("eval", folder, "--reference", model, *texts, "--ledger", ledger)
            return first, self.done("eval", folder, "--reference", model, *tasks, "--ledger", ledger)

        # First eval, then a study that finds what it needs and adds the rest.
        out.mkdir()
        for printed, count in zip(evaluate(out, self.folder / "int4"), [7, 3]):
            self.assertIn(f"{count} rows written\n", printed)
        before = {row["id"]: row for row in self.rows(out)}
        self.done("study", model, "-o", out, *texts, *tasks, "--method", "rtn", "--bits", "4",
                  "--repetitions", 1, "--quiet")
        after = self.rows(out)
        self.assertEqual({row["id"]: row for row in after if row["id"] in before}, before)
        keys = [(row["metric"], row["subject"], row["text"], row["options"]) for row in after]
        self.assertEqual(len(keys), len(set(keys)))
        # Then eval again: nothing is new.
        for printed, count in zip(evaluate(out, out / "models" / "int4+embed8"), [7, 3]):
            self.assertIn(f"0 rows written, {count} were there", printed)
        self.assertEqual(self.rows(out), after)
        report = (out / "report.html").read_bytes()
        # Another number of windows must not stand in the report beside the study's.
        self.done("eval", out / "models" / "int4+embed8", "--reference", model, "--text", text,
                  "--windows", 3, "--ledger", out)
        added = self.rows(out)[len(after):]
        self.assertEqual(len(added), 7)
        self.assertTrue(all('"command":"eval"' in row["options"] for row in added))
        self.done("report", out)
        self.assertEqual((out / "report.html").read_bytes(), report)
        self.verify(out / "ledger.db")
        # A study is of one model.
        other = run("eval", tiny_model("stories260K"), *texts, "--ledger", out)
        self.assert_refused(other, 2, "stories260K", "babyllama")
        self.assertEqual(self.rows(out)[len(after):], added)
        # Advice and claims read them.
        self.done("advise", out, "--memory", "40MB", "--accept-loss", 5)
        self.done("claims", "check", "--ledger", out)

    def test_what_no_study_does_says_so_in_its_options(self):
        model, text = tiny_model("stories260K"), data_file("tinystories/tinystories_val.txt")
        for width in (4, 2):
            self.done("quantize", model, "--bits", width, "--method", "rtn", "-o", self.folder / f"int{width}")
        texts = ["--text", text, "--windows", 2, "--ledger", self.ledger]
        self.done("eval", self.folder / "int2", "--reference", self.folder / "int4", *texts)
        ratio = [row for row in self.rows() if row["metric"] == "perplexity_ratio"]
        self.assertEqual(len(ratio), 1)
        options = json.loads(ratio[0]["options"])
        self.assertEqual((options["reference"], options["command"]), ("int4+embed8", "eval"))
        self.done("eval", model, *texts, "--stride", 128)
        self.assertEqual(self.rows()[-1]["method"], "perplexity-sliding")
        self.done("eval", model, *texts, "--kv", "int8")
        self.assertEqual(json.loads(self.rows()[-1]["options"])["kv"], "int8")
        self.verify()

    def test_score_keeps_metric_variant_and_comparison(self):
        a, b = self.folder / "a.jsonl", self.folder / "b.jsonl"
        items = [("a cat", "a cat"), ("a dog", "a cat"), ("a red bird", "a red fish"), ("x", "x")]
        for path, shift in [(a, 0), (b, 1)]:
            path.write_text("".join(json.dumps({"id": i, "prediction": items[(i + shift) % 4][0],
                                                "reference": items[i][1]}) + "\n" for i in range(4)))
        printed = run_json("score", a, "--metric", "em,f1,chrf,rouge1,bleu", "--compare", b, "--ledger", self.ledger)
        rows = self.rows()
        self.assertEqual(len(rows), 15)
        for metric, name in [("exact_match", "em"), ("f1", "f1"), ("chrf", "chrf"), ("rouge", "rouge1"),
                             ("bleu", "bleu")]:
            of = [row for row in rows if row["metric"] == metric]
            self.assertEqual([row["subject"] for row in of], ["a.jsonl", "b.jsonl"])
            result = next(m for m in printed["metrics"] if m["metric"] == name)
            self.assertEqual(of[0]["value"], result["value"])
            self.assertEqual(json.loads(of[0]["options"])["metric"], name)
            self.assertEqual(json.loads(of[0]["options"])["signature"], result["signature"])
        changes = [row for row in rows if row["metric"] == "score_change"]
        self.assertEqual([row["value"] for row in changes],
                         [m["compared"]["difference"] for m in printed["metrics"]])
        self.assertIn("15 were there", self.done("score", a, "--metric", "em,f1,chrf,rouge1,bleu", "--compare", b,
                                                 "--ledger", self.ledger))
        # Another prediction in the file is another input, not a correction.
        a.write_text(a.read_text().replace("a dog", "a cat"))
        self.assertIn("1 rows written", self.done("score", a, "--metric", "em", "--ledger", self.ledger))
        self.assertEqual(self.rows()[-1]["supersedes"], "")
        self.verify()

    def test_every_metric_of_score_has_a_name_in_the_ledger(self):
        path = self.folder / "all.jsonl"
        path.write_text("".join(json.dumps({"id": i, "prediction": str(i % 2), "reference": "1", "label": i % 2,
                                            "score": i * 0.1, "verdicts": [True, False]}) + "\n" for i in range(6)))
        names = [line.split()[0] for line in run("score", "--help").stdout.split("Metrics and the keys")[1].splitlines()[1:]
                 if line.startswith("  ") and not line.strip().startswith("crumb")]
        names = [name.replace("pass@K", "pass@1") for name in names if name != "Examples:"]
        self.assertGreater(len(names), 15)
        self.done("score", path, "--metric", ",".join(names), "--ledger", self.ledger)
        self.assertEqual(len(self.rows()), len(names))

    def test_a_published_perplexity_needs_its_source(self):
        figure = ["perplexity", 16.5, "--per", "token", "--tokens", 341469, "--characters", 1300000, "--ledger",
                  self.ledger]
        self.assert_refused(run(*figure), 2, "--source")
        self.assert_refused(run(*figure, "--source", "model card of a model"), 2, "--quarter")
        self.assertFalse(self.ledger.exists())
        self.done(*figure, "--source", "model card of a model", "--subject", "fp16", "--quarter", "2024-Q2")
        rows = self.rows()
        self.assertEqual([(row["metric"], row["kind"]) for row in rows],
                         [("perplexity", "public"), ("bits_per_character", "public")])
        self.assertEqual(json.loads(rows[1]["detail"])["published"], 16.5)
        self.verify()


if __name__ == "__main__":
    unittest.main()
