"""crumb score, crumb perplexity, crumb scale, and what crumb eval says beside a perplexity."""

import json
import math
import re
import unittest

from harness import CrumbTest, data_file, run, run_json, tiny_model


class Score(CrumbTest):
    def write(self, name, rows):
        path = self.folder / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
                        encoding="utf-8")
        return path

    def answers(self, name, right, items=100):
        """`items` questions of which those in `right` are answered as the reference says."""
        return self.write(name, [{"id": i, "prediction": f"The answer {i}" if i in right else "no",
                                  "reference": f"answer {i}."} for i in range(items)])

    def test_a_share_of_right_answers_has_wilsons_interval(self):
        path = self.answers("a.jsonl", range(81))
        metric = run_json("score", path, "--metric", "em")["metrics"][0]
        self.assertEqual(metric["value"], 0.81)
        self.assertEqual(metric["interval"], "wilson")
        self.assertAlmostEqual(metric["low"], 0.72221, 5)
        self.assertAlmostEqual(metric["high"], 0.87485, 5)

    def test_two_files_are_compared_item_by_item_whatever_their_order(self):
        reference = self.answers("a.jsonl", range(0, 80))
        model = self.answers("b.jsonl", range(15, 85))
        lines = model.read_text().splitlines()
        model.write_text("\n".join(reversed(lines)))
        metric = run_json("score", model, "--metric", "em", "--compare", reference)["metrics"][0]
        compared = metric["compared"]
        self.assertEqual((compared["lost"], compared["won"], compared["flips"]), (15, 5, 20))
        self.assertAlmostEqual(compared["mcnemar_p"], 0.04139, 5)
        self.assertAlmostEqual(compared["difference"], -0.1)
        self.assertGreater(compared["smallest_detectable"], 0.06)

    def test_metrics_looked_at_together_are_adjusted(self):
        reference = self.answers("a.jsonl", range(0, 80))
        model = self.answers("b.jsonl", range(15, 85))
        document = run_json("score", model, "--metric", "em,exact_match", "--compare", reference)
        p = {row["metric"]: row["compared"] for row in document["metrics"]}
        self.assertAlmostEqual(p["em"]["mcnemar_p_holm"], 2 * p["em"]["mcnemar_p"])

    def test_every_metric_of_the_help_runs_and_a_second_run_is_the_same(self):
        rows = [{"id": i, "prediction": f"今天 the {i} cat sat", "references": [f"今天 a {i} cat", "x y z"],
                 "label": i % 2, "score": i * 7 % 10, "verdicts": [i % 3 == 0, i % 2, 0]}
                for i in range(20)]
        path = self.write("all.jsonl", rows)
        listing = run("score", "--help").stdout.split('beside "id":')[1].split("Examples")[0]
        names = [re.match(r" +(\S+)", line).group(1).replace("@K", "@2")
                 for line in listing.strip("\n").splitlines()]
        self.assertGreaterEqual(len(names), 20)
        arguments = ("score", path, "--metric", ",".join(names), "--compare", path)
        first = run_json(*arguments)
        self.assertEqual([row["metric"] for row in first["metrics"]], names)
        for row in first["metrics"]:
            self.assertLessEqual(row["low"], row["value"], row)
            self.assertGreaterEqual(row["high"], row["value"], row)
            self.assertEqual(row["compared"]["difference"], 0, row)
        self.assertEqual(first, run_json(*arguments))

    def test_signatures_are_printed_as_sacrebleu_writes_them(self):
        path = self.answers("a.jsonl", range(50))
        done = run("score", path, "--metric", "bleu,bleu_zh,chrf++")
        self.assertIn("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp", done.stdout)
        self.assertIn("tok:zh", done.stdout)
        self.assertIn("nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines()[1:])), 80)

    def test_bad_files_are_refused_with_the_line(self):
        def refused(rows, metric, *words, code=4):
            path = self.write("bad.jsonl", rows) if isinstance(rows, list) else rows
            self.assert_refused(run("score", path, "--metric", metric), code, *words)
        good = {"id": 1, "prediction": "a", "reference": "a"}
        refused([good, {"id": 2, "reference": "a"}], "em", "bad.jsonl: line 2", "prediction", "em")
        refused([good, {"prediction": "a", "reference": "a"}], "em", "line 2", '"id"')
        refused([good, dict(good, prediction="b")], "em", "line 2", "line 1", '"1"')
        refused([dict(good, score="0.5", label=1)], "auc", "line 1", '"score"', "number")
        refused([dict(good, score=0.5, label=1)], "auc", "same class")
        refused([dict(good, verdicts=[1, 0])], "pass@3", "line 1", "2 verdicts")
        refused([], "em", "holds no items")
        mixed = self.folder / "mixed.jsonl"
        mixed.write_bytes(b'{"id": 1, "prediction": "\xe4\xb8\xad", "reference": "a"}\n'
                          b'{"id": 2, "prediction": "\xd6\xd0", "reference": "a"}\n')
        refused(mixed, "em", "line 2", "UTF-8")
        refused(self.folder / "none.jsonl", "em", "none.jsonl", code=3)
        refused([good], "blue", "blue", "bleu_zh", code=2)
        refused([good], "em,em", "twice", code=2)

    def test_files_with_other_ids_are_refused(self):
        two = self.answers("a.jsonl", [], items=2)
        three = self.answers("b.jsonl", [], items=3)
        self.assert_refused(run("score", two, "--metric", "em", "--compare", three), 4,
                            "a.jsonl: has no item \"2\"", "b.jsonl line 3")
        self.assert_refused(run("score", three, "--metric", "em", "--compare", two), 4,
                            "a.jsonl: has no item \"2\"")


class Perplexity(CrumbTest):
    def test_units_come_from_one_likelihood(self):
        units = run_json("perplexity", 16.5, "--per", "token", "--tokens", 1000, "--words", 700,
                         "--bytes", 4000)["units"]
        nll = 1000 * math.log(16.5)
        self.assertAlmostEqual(units["word"], math.exp(nll / 700))
        self.assertAlmostEqual(units["byte"], math.exp(nll / 4000))
        self.assertAlmostEqual(units["bits-per-byte"], nll / 4000 / math.log(2))
        self.assertIsNone(units["bits-per-character"])

    def test_a_text_gives_its_own_counts(self):
        path = self.folder / "t.txt"
        path.write_text("three short words\n中文", encoding="utf-8")
        document = run_json("perplexity", 2, "--per", "bits-per-byte", "--text", path)
        self.assertEqual((document["words"], document["bytes"], document["characters"]), (4, 24, 20))
        self.assertAlmostEqual(document["units"]["word"], 2 ** (2 * 24 / 4))
        self.assertIsNone(document["units"]["token"])

    def test_what_is_not_exact_is_refused(self):
        self.assert_refused(run("perplexity", 16.5, "--tokens", 1000, "--scored", 500, "--words", 700),
                            2, "500 tokens were scored", "1000")
        self.assert_refused(run("perplexity", 0.5, "--tokens", 10), 2, "no perplexity")
        self.assert_refused(run("perplexity", 16.5, "--words", 10), 2, "tokens is not known")
        self.assert_refused(run("perplexity", 16.5, "--per", "line", "--tokens", 10), 2, "bits-per-byte")


class Scale(CrumbTest):
    NOTE = [("BERT-tiny", 4e6, 9.7), ("BERT-base", 110e6, 5.5), ("BERT-large", 340e6, 4.4),
            ("RoBERTa-large", 355e6, 3.7)]

    def write(self, rows):
        path = self.folder / "losses.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def rows(self, **more):
        return [{"model": m, "parameters": p, "loss": loss, **more} for m, p, loss in self.NOTE]

    def test_each_group_has_its_fit_with_residuals(self):
        flat = [{"model": f"m{i}", "parameters": 10.0 ** (6 + i), "loss": 5, "group": "zh"} for i in range(4)]
        fits = run_json("scale", self.write(self.rows(group="en") + flat))
        self.assertAlmostEqual(fits["en"]["change_per_decade"], -0.36197523591534)
        self.assertAlmostEqual(fits["zh"]["slope"], 0)
        self.assertEqual(len(fits["en"]["models"]), 4)
        self.assertAlmostEqual(sum(m["residual"] for m in fits["en"]["models"]), 0)

    def test_a_model_that_guesses_is_a_floor(self):
        guess = {"model": "guess", "parameters": 1e6, "loss": 0.1, "accuracy": 0.26,
                 "accuracy_error": 0.01, "chance": 0.25}
        path = self.write(self.rows() + [guess])
        self.assertEqual(run_json("scale", path)["all"]["floors"], ["guess"])
        self.assertIn("at chance level", run("scale", path).stdout)

    def test_three_sizes_are_no_law(self):
        self.assert_refused(run("scale", self.write(self.rows()[:3])), 2, "at least 4 sizes", "there are 3")
        self.assert_refused(run("scale", self.write([{"model": "a", "loss": 1}])), 4, "line 1", "parameters")
        self.assert_refused(run("scale", self.write([])), 4, "no models")


class Eval(CrumbTest):
    def setUp(self):
        super().setUp()
        self.text = data_file("tinystories/tinystories_val.txt")
        self.model = tiny_model("babyllama-tok105-0.94M")

    def test_a_model_against_itself_has_no_divergence_at_any_percentile(self):
        result = run_json("eval", self.model, "--reference", self.model, "--text", self.text, "--windows", 2)[0]
        lines = {line["key"]: line for group in result["divergence"] for line in group["lines"]}
        for key in ("kld_mean", "kld_max", "kld_p99.9", "delta_p_max", "delta_p_rms", "ln_ppl_ratio"):
            self.assertEqual(lines[key]["value"], 0, key)
        self.assertEqual(lines["same_top_p"]["value"], 100)

    def test_llama_perplexitys_names_are_printed(self):
        quantized = self.folder / "q3"
        done = run("quantize", self.model, "--bits", "3", "--method", "rtn", "-o", quantized)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("eval", quantized, "--reference", self.model, "--text", self.text, "--windows", 3)
        for label in ("Mean PPL(Q)/PPL(base)         :", "Mean    KLD:", "99.9%   KLD:", "Median  KLD:", " 5.0%   KLD:",
                      "Minimum KLD:", "RMS Δp    :", "Same top p:"):
            self.assertIn(label, done.stdout)
        found = re.search(r"Mean +KLD: +([\d.]+) ± +([\d.]+)", done.stdout)
        self.assertGreater(float(found.group(1)), 0.01)

    def test_a_stride_scores_all_of_the_text_in_every_unit(self):
        text = self.folder / "t.txt"
        text.write_text("Once upon a time there was a little girl.\n" * 12)
        short = run_json("eval", self.model, "--text", text, "--stride", 32, "--context", 64, "--full")[0]
        units = short["units"]
        self.assertEqual(short["convention"], "sliding-windows")
        self.assertEqual(units["scored_bytes"], len(text.read_bytes()))
        nll = units["scored_tokens"] * math.log(units["token_perplexity"])
        self.assertAlmostEqual(units["bits_per_byte"], nll / units["scored_bytes"] / math.log(2))
        other = run_json("eval", self.model, "--text", text, "--stride", 63, "--context", 64, "--full")[0]
        self.assertEqual(other["units"]["scored_tokens"], units["scored_tokens"])
        self.assertNotEqual(other["perplexity"], short["perplexity"])

    def test_windows_without_overlap_give_no_figure_per_word(self):
        result = run_json("eval", self.model, "--text", self.text, "--windows", 2)[0]
        self.assertEqual(result["convention"], "llama-perplexity")
        self.assertIsNone(result["units"]["word_perplexity"])
        self.assertGreater(result["units"]["byte_perplexity"], 1)
        self.assert_refused(run("eval", self.model, "--text", self.text, "--stride", 256), 2, "stride of 256")

    def test_windows_and_noise_are_of_texts_and_not_of_tasks(self):
        for option in (["--stride", 8], ["--self-noise"]):
            self.assert_refused(run("eval", self.model, "--task", "piqa", *option), 2, "--task")

    def test_self_noise_of_other_threads_is_zero_as_designed(self):
        result = run_json("eval", self.model, "--text", self.text, "--windows", 2, "--self-noise")[0]
        ways = result["self_noise"]["ways"]
        self.assertTrue(ways[0]["identical_by_design"])
        self.assertTrue(ways[0]["identical"])
        for way in ways:
            self.assertLess(abs(way["kl_divergence"]), 1e-6, way)
        done = run("eval", self.model, "--text", self.text, "--windows", 2, "--self-noise")
        self.assertIn("the same bits, as designed", done.stdout)


if __name__ == "__main__":
    unittest.main()
