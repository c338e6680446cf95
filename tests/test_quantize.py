"""crumb quantize with calibration, and mixed widths under a budget."""

import json
import os
import signal
import subprocess
import time
import unittest

from harness import BINARY, CrumbTest, data_file, run, run_json, tiny_model



def story(lines):
    return "".join(f"Day {i}: the boat went down the river and the children sang about it.\n\n"
                   for i in range(lines))


class Quantize(CrumbTest):
    def setUp(self):
        super().setUp()
        self.model = tiny_model("stories260K")
        self.text = self.folder / "text.txt"
        self.text.write_text(story(400))
        # Sensitivities of mixed plans go to the cache.
        self.cache = {"CRUMB_CACHE": str(self.folder / "cache")}

    def arguments(self, output, *options):
        return ["quantize", self.model, "-o", self.folder / output, "--calibration-text", self.text,
                "--calibration-windows", 4, *options]

    def quantize(self, output, *options):
        return run_json(*self.arguments(output, *options), env=self.cache)

    def assert_refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_default_method_is_told_and_the_manifest_names_the_text(self):
        result = self.quantize("two", "--bits", 2)
        self.assertEqual(result["method"], "trellis")
        self.assertEqual(result["codec"], "trellis2")
        manifest = json.loads((self.folder / "two" / "manifest.json").read_text())
        self.assertEqual(manifest["calibration"]["texts"][0]["name"], "text.txt")
        self.assertGreater(len(manifest["calibration"]["line_hashes"]), 10)
        self.assertFalse((self.folder / "two.partial").exists())

    def test_fewer_bits_leave_the_head_further_from_the_float_model(self):
        errors = [self.quantize("out", "--bits", bits, "--force")["head_error"] for bits in (4, 2, 1)]
        self.assertEqual(errors, sorted(errors))
        self.assertGreater(errors[0], 0)
        self.assertLess(errors[-1], 1)

    def test_a_model_of_which_something_is_left_gets_no_warning(self):
        done = run(*self.arguments("one", "--bits", 1), env=self.cache)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("WARNING", done.stdout)

    def test_same_bytes_with_any_thread_count(self):
        self.quantize("one", "--bits", 2, "--threads", 1)
        self.quantize("two", "--bits", 2, "--threads", 2)
        for name in ["model.safetensors", "manifest.json"]:
            self.assertEqual((self.folder / "one" / name).read_bytes(),
                             (self.folder / "two" / name).read_bytes(), name)

    def test_killed_run_goes_on_to_the_same_bytes(self):
        self.quantize("whole", "--bits", 3)
        target = self.folder / "killed"
        command = [BINARY, *map(str, self.arguments("killed", "--bits", 3)), "--quiet"]
        child = subprocess.Popen(command, env=dict(os.environ, **self.cache))
        block = self.folder / "killed.partial" / "block-0001.safetensors"
        deadline = time.time() + 100
        while not block.exists() and child.poll() is None and time.time() < deadline:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if target.exists():
            self.skipTest("the run was done before it could be killed")
        result = self.quantize("killed", "--bits", 3)
        self.assertGreaterEqual(result["layers_resumed"], 2)
        self.assertEqual((self.folder / "killed" / "model.safetensors").read_bytes(),
                         (self.folder / "whole" / "model.safetensors").read_bytes())

    def test_mixed_plan_keeps_its_budget_and_fits_a_terminal(self):
        done = run(*self.arguments("none", "--matrix-bits", 3, "--dry-run"), env=self.cache)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("predicted", done.stdout)
        self.assertIn("rule", done.stdout)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)
        self.assertFalse((self.folder / "none").exists())
        result = self.quantize("mixed", "--matrix-bits", 3)
        self.assertLessEqual(result["matrix_bits_per_weight"], 3)
        self.assertAlmostEqual(result["matrix_bits_per_weight"], result["plan"]["matrix_bits_per_weight"], 3)
        self.assertLessEqual(result["plan"]["predicted_loss_nats"],
                             result["rule_of_thumb"]["predicted_loss_nats"])

    def test_plan_is_measured_on_windows_held_out(self):
        result = self.quantize("mixed", "--matrix-bits", 2.5)
        check = result["plan_check"]
        self.assertEqual(check["windows"], 8)
        self.assertEqual(check["predicted_loss_nats"], result["plan"]["predicted_loss_nats"])
        self.assertGreater(check["measured_kl_nats"], 0)
        low, high = check["measured_ppl_ratio_interval"]
        self.assertTrue(low < check["measured_ppl_ratio"] < high)
        # Four windows are little text: much is fitted to them alone.
        self.assertEqual(check["fitted_windows"], 4)
        self.assertLess(check["fitted_kl_nats"], check["measured_kl_nats"])
        manifest = json.loads((self.folder / "mixed" / "manifest.json").read_text())
        self.assertEqual(manifest["plan_check"], check)
        self.assertEqual(manifest["calibration"]["held_out"], 8)
        self.assertEqual(manifest["calibration"]["windows"], 4)

    def test_plan_is_not_measured_where_that_is_not_wanted_or_there_is_no_text(self):
        result = self.quantize("asked", "--matrix-bits", 2.5, "--no-check")
        self.assertIsNone(result["plan_check"])
        self.assertNotIn("plan_check", json.loads((self.folder / "asked" / "manifest.json").read_text()))
        lines = self.text.read_text().splitlines(keepends=True)
        for keep in range(2, len(lines), 2):  # until 4 windows fit
            self.text.write_text("".join(lines[:keep]))
            done = run(*self.arguments("short", "--matrix-bits", 2.5), env=self.cache)
            if done.returncode == 0:
                break
        self.assertIn("no windows left", done.stdout)

    def test_a_ratio_that_is_missed_is_planned_again_and_then_told(self):
        # A loss scale that is far too small makes the first plan far too optimistic.
        done = run(*self.arguments("kept", "--max-ppl-ratio", 1.2, "--loss-scale", 0.01), env=self.cache)
        self.assertIn("once more with a loss scale", done.stdout)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)
        check = json.loads((self.folder / "kept" / "manifest.json").read_text())["plan_check"]
        self.assertGreater(check["loss_scale"], 0.01)
        self.assertEqual(done.returncode, 0 if check["measured_ppl_ratio"] <= 1.2 else 2, done.stderr)
        done = run(*self.arguments("missed", "--max-ppl-ratio", 1.0001, "--loss-scale", 1e-4, "--quiet"),
                   env=self.cache)
        self.assert_refused(done, 2, "above the 1.0001", "is not possible", "the least that is predicted")
        self.assertTrue((self.folder / "missed" / "manifest.json").exists())

    def test_size_budget_is_kept_by_the_folder(self):
        result = self.quantize("small", "--size", "170kB")
        model = (self.folder / "small" / "model.safetensors").stat().st_size
        self.assertLessEqual(model, 170_000)
        self.assertGreater(model, 0.9 * 170_000)
        self.assertEqual(result["plan"]["bytes"] >= model, True)

    def test_impossible_budgets_say_what_is_possible(self):
        done = run(*self.arguments("none", "--matrix-bits", 0.5, "--dry-run", "--quiet"), env=self.cache)
        self.assert_refused(done, 2, "at least")
        done = run(*self.arguments("none", "--size", "1kB", "--dry-run", "--quiet"), env=self.cache)
        self.assert_refused(done, 2, "at least")

    def test_short_text_is_refused_with_its_length(self):
        self.text.write_text("Too short.\n")
        done = run(*self.arguments("none", "--bits", 2))
        self.assert_refused(done, 2, "tokens")
        self.assertFalse((self.folder / "none").exists())

    def test_options_that_do_not_go_together_are_refused(self):
        done = run("quantize", self.model, "-o", self.folder / "none")
        self.assert_refused(done, 2, "--bits", "--matrix-bits")
        done = run("quantize", self.model, "--bits", 2)
        self.assert_refused(done, 2, "-o")
        done = run(*self.arguments("none", "--bits", 2, "--matrix-bits", 2))
        self.assertNotEqual(done.returncode, 0)

    def test_tuning_has_windows_of_its_own_where_it_was_asked_for(self):
        self.quantize("own", "--bits", 3, "--tune-epochs", 1, "--tune-windows", 4)
        manifest = json.loads((self.folder / "own" / "manifest.json").read_text())
        self.assertEqual(manifest["calibration"]["windows"], 4)
        self.assertEqual(manifest["calibration"]["tuning_windows"], 4)
        tuning = manifest["end_to_end"]
        self.assertEqual(tuning["windows"] + tuning["held_out"], 4)
        # A budget's plan is still measured on windows that nothing was fitted to.
        result = self.quantize("mixed", "--matrix-bits", 3, "--tune-epochs", 1, "--tune-windows", 3)
        self.assertGreater(result["plan_check"]["windows"], 0)
        self.assertEqual(result["end_to_end"]["windows"] + result["end_to_end"]["held_out"], 3)

    def test_windows_for_tuning_that_are_not_there_or_not_used_are_refused(self):
        done = run(*self.arguments("none", "--bits", 3, "--tune-epochs", 1, "--tune-windows", 9999))
        self.assert_refused(done, 2, "--tune-windows", "9999")
        done = run(*self.arguments("none", "--bits", 3, "--tune-windows", 4))
        self.assert_refused(done, 2, "--tune-epochs")

    def test_text_of_calibration_is_refused_for_evaluation(self):
        self.quantize("two", "--bits", 2)
        done = run("eval", self.folder / "two", "--text", self.text, "--windows", 2)
        self.assert_refused(done, 2, "calibrated")

    def test_two_bits_by_trellis_lose_far_less_than_rounding(self):
        text = data_file("tinystories/tinystories_10k.txt")
        judged = data_file("tinystories/tinystories_val.txt")
        ratios = {}
        for method in ["best", "rtn"]:
            run_json("quantize", self.model, "-o", self.folder / method, "--bits", 2, "--method", method,
                     "--calibration-text", text, "--calibration-windows", 16)
            ratios[method] = run_json("eval", self.folder / method, "--reference", self.model, "--text",
                                      judged, "--windows", 8)[0]["perplexity_ratio"]
        self.assertLess(ratios["best"], 0.25 * ratios["rtn"])


if __name__ == "__main__":
    unittest.main()
