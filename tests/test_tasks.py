"""Questions with right answers: crumb eval --task, crumb study --task, crumb diff."""

import json
import unittest

from harness import CrumbTest, data_file, run, run_json, tiny_model

TASK = """
task: colours
dataset_kwargs: {data_files: "*_items.jsonl", format: jsonl}
doc_to_text: "{{question}} The answer is"
doc_to_target: "{{gold}}"
doc_to_choice: ["red", "blue", "green"]
metric_list: [{metric: acc}, {metric: acc_norm}]
metadata: {version: 2.1, category: colours}
"""


class Tasks(CrumbTest):
    def setUp(self):
        super().setUp()
        self.model = tiny_model("stories260K")
        self.task = self.folder / "colours.yaml"
        self.task.write_text(TASK)
        self.items(["red", "blue", "green"] * 4)

    def items(self, golds, name="a_items.jsonl"):
        lines = [json.dumps({"id": i, "question": f"Lily saw a ball, number {i}.", "gold": gold})
                 for i, gold in enumerate(golds)]
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def eval(self, *more, **options):
        return run_json("eval", self.model, "--task", self.task, "--data", self.folder, *more,
                        **options)

    def fails(self, *more):
        done = run("eval", self.model, "--task", self.task, "--data", self.folder, *more)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def test_a_users_task_runs_without_a_build_and_has_the_shape_of_the_harness(self):
        result = self.eval()[0]
        scores = result["results"]["colours"]
        self.assertEqual(scores["sample_len"], 12)
        self.assertAlmostEqual(scores["acc_chance,none"], 1 / 3)
        self.assertLessEqual(scores["acc_low,none"], scores["acc,none"])
        self.assertEqual(result["versions"]["colours"], "2.1")
        self.assertEqual(result["n-shot"]["colours"], 0)
        self.assertIn("acc_norm_stderr,none", scores)
        # The model has no idea: it says the same colour to every question, which is right four times.
        self.assertAlmostEqual(scores["acc,none"], 4 / 12)

    def test_two_runs_and_other_thread_counts_give_identical_scores(self):
        def samples(name, threads):
            self.eval("--samples", self.folder / name, "--threads", threads)
            files = sorted((self.folder / name).iterdir())
            self.assertEqual(len(files), 1)
            return files[0].read_text()
        first = samples("s1", 1)
        self.assertEqual(samples("s2", 1), first)
        self.assertEqual(samples("s3", 2), first)
        self.assertEqual(len(first.splitlines()), 12)
        self.assertEqual(set(json.loads(first.splitlines()[0])) & {"doc_id", "target", "resps"},
                         {"doc_id", "target", "resps"})

    def test_a_model_against_itself_flips_nothing(self):
        results = self.eval("--reference", self.model)
        comparison = results[1]["comparisons"]["colours"]["acc,none"]
        self.assertEqual(comparison["flips"], 0)
        self.assertEqual(comparison["mcnemar_p"], 1)
        self.assertEqual(comparison["delta"], 0)
        self.assertGreater(comparison["mde80"], 0.2)  # what 12 items can not show
        self.assertNotIn("colours", results[0]["comparisons"])

    def test_text_output_fits_80_columns(self):
        done = run("eval", self.model, "--task", self.task, "--data", self.folder, "--reference",
                   self.model)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no difference shown", done.stdout.replace("at chance", "no difference shown"))
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80, done.stdout)

    def test_bad_input_is_one_line_that_names_the_place(self):
        self.items(["red", "yellow"])
        code, error = self.fails()
        self.assertEqual(code, 4)
        self.assertIn("\"yellow\" is none of the 3 choices", error)
        (self.folder / "a_items.jsonl").write_text('{"id": 1, "question": "a", "gold": "red"}\n' * 2)
        self.assertIn("two records have the id", self.fails()[1])
        (self.folder / "a_items.jsonl").write_text("")
        self.assertIn("has no records", self.fails()[1])
        (self.folder / "a_items.jsonl").write_bytes(b'{"id": 1}\n{"id": "\xd6\xd0"}\n')
        self.assertIn("line 2: is not UTF-8", self.fails()[1])
        (self.folder / "a_items.jsonl").unlink()
        self.assertEqual(self.fails()[0], 3)
        self.task.write_text(TASK.replace("doc_to_target", "doc_to_nothing"))
        self.assertIn("the key \"doc_to_target\" is missing", self.fails()[1])
        done = run("eval", self.model, "--task", "no-such-task", "--data", self.folder)
        self.assertEqual(done.returncode, 3)
        self.assertIn("hellaswag", done.stderr)
        env = {"CRUMB_DATA": ""}
        done = run("eval", self.model, "--task", "piqa", env=env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--data", done.stderr)

    def test_an_encoder_is_refused_for_questions_of_decoders_and_the_other_way(self):
        done = run("eval", self.model, "--task", "sst2_probe", "--data",
                   data_file("sst2/dev.tsv").parent.parent)
        self.assertEqual(done.returncode, 4)
        self.assertIn("needs an encoder", done.stderr)

    def test_built_in_tasks_read_their_data(self):
        data = data_file("piqa/valid.jsonl").parent.parent
        names = ["hellaswag", "piqa", "winogrande", "boolq", "mmlu", "ceval", "sst2"]
        result = run_json("eval", self.model, "--task", ",".join(names), "--data", data, "--limit", 2)[0]
        self.assertEqual(set(result["results"]), set(names))
        self.assertEqual(result["n-shot"]["mmlu"], 5)
        chances = {name: result["results"][name]["acc_chance,none"] for name in names}
        self.assertEqual(chances["hellaswag"], 0.25)
        self.assertEqual(chances["boolq"], 0.5)

    def test_generated_answers_go_through_both_filters(self):
        data = data_file("gsm8k/test.jsonl").parent.parent
        result = run_json("eval", self.model, "--task", "gsm8k", "--data", data, "--limit", 1)[0]
        scores = result["results"]["gsm8k"]
        self.assertIn("exact_match,strict-match", scores)
        self.assertIn("exact_match,flexible-extract", scores)

    def test_a_study_asks_every_variant_and_goes_on_without_asking_again(self):
        def study(*bits):
            done = run("study", self.model, "-o", self.folder / "study", "--task", self.task, "--data",
                       self.folder, "--quick", "--method", "rtn", "--bits", *bits, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = [row for subject in json.loads(done.stdout)["subjects"] for row in subject["rows"]]
            return [row for row in rows if row["metric"].startswith("task_accuracy")]
        rows = study("8")
        accuracies = [row for row in rows if row["metric"] == "task_accuracy"]
        self.assertEqual({row["text"] for row in rows}, {"colours:acc", "colours:acc_norm"})
        self.assertGreaterEqual(len(accuracies), 4)  # reference and 8 bits, two metrics
        for row in rows:
            self.assertEqual(row["n"], 12)
            self.assertLessEqual(row["low"], row["value"])
            self.assertGreaterEqual(row["high"], row["value"])
        again = study("8")
        self.assertEqual([row["id"] for row in again], [row["id"] for row in rows])
        self.assertIn("colours:acc, %", (self.folder / "study" / "report.html").read_text())


class Diff(CrumbTest):
    def test_a_model_never_parts_from_itself(self):
        model = tiny_model("stories260K")
        text = data_file("tinystories/tinystories_val.txt")
        result = run_json("diff", model, model, "--text", text, "--windows", 1)[0]
        self.assertEqual(result["same_top"], result["positions"])
        self.assertEqual(result["parted"], [])

    def test_a_rounded_model_parts_where_it_says(self):
        model = tiny_model("stories260K")
        out = self.folder / "q"
        self.assertEqual(run("quantize", model, "--bits", "2", "--method", "rtn", "-o", out).returncode, 0)
        text = data_file("tinystories/tinystories_val.txt")
        result = run_json("diff", model, out, "--text", text, "--windows", 2, "--most", 5)[0]
        self.assertLess(result["same_top"], result["positions"])
        self.assertEqual(len(result["parted"]), 5)
        divergences = [one["kl"] for one in result["parted"]]
        self.assertEqual(divergences, sorted(divergences, reverse=True))
        for one in result["parted"]:
            self.assertNotEqual(one["top_a"], one["top_b"])
            self.assertIn(one["context"][-8:].strip()[-4:], text.read_text())
        said = run_json("diff", model, out, "-p", "Once upon a time", "--new-tokens", 16)
        self.assertNotEqual(said["a"], said["b"])

    def test_bad_pairs_are_refused(self):
        done = run("diff", tiny_model("stories260K"), tiny_model("babyllama-tok105-0.94M"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("vocabularies", done.stderr)
        self.assertEqual(run("diff", tiny_model("stories260K")).returncode, 2)


if __name__ == "__main__":
    unittest.main()
