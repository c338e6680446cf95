"""The commands, on tiny models: what they print, in text and in JSON."""

import json
import unittest

from harness import CrumbTest, data_file, run, run_json, tiny_model


class Commands(CrumbTest):
    def test_version_is_one_line(self):
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^crumb \d+\.\d+\.\d+ \(")

    def test_every_command_has_help_with_an_example(self):
        for command in ["study", "inspect", "calibrate", "quantize", "eval", "score", "perplexity", "scale", "diff",
                        "bench", "generate", "chat",
                        "report", "ledger", "pull", "cache"]:
            done = run(command, "--help")
            self.assertEqual(done.returncode, 0, command)
            self.assertIn(f"crumb {command}", done.stdout)
            self.assertIn("Example", done.stdout, command)
            widest = max(done.stdout.splitlines(), key=len)
            self.assertLessEqual(len(widest), 80, f"{command}: {widest}")

    def test_unknown_option_is_wrong_usage(self):
        self.assertEqual(run("inspect", "--no-such-option").returncode, 2)
        self.assertEqual(run("no-such-command").returncode, 2)
        self.assertEqual(run().returncode, 2)

    def test_generate_gives_the_text_that_the_model_page_prints(self):
        page = (tiny_model("stories260K") / "stories260K.md").read_text()
        expected = page.split("-t 0.0\n")[1].split("```")[0].strip()
        done = run("generate", tiny_model("stories260K"), "-p", "", "-n", "256", "--activations",
                   "float32")
        self.assertEqual(done.returncode, 0, done.stderr)
        # The page ends in the middle of the story, where its context ended.
        self.assertTrue(done.stdout.strip().startswith(expected[:600]), done.stdout)

    def test_generate_with_a_seed_repeats_itself_and_another_seed_differs(self):
        def story(seed):
            return run_json("generate", tiny_model("stories260K"), "-p", "Once", "-n", 40,
                            "--temperature", "1.0", "--seed", seed)["text"]
        self.assertEqual(story(1), story(1))
        self.assertNotEqual(story(1), story(2))

    def test_generate_ends_before_a_stop_string(self):
        result = run_json("generate", tiny_model("stories260K"), "-p", "", "-n", 100, "--stop", "Lily")
        self.assertNotIn("Lily", result["text"])
        self.assertEqual(result["stop_reason"], "stop_string")

    def test_inspect_names_family_and_bytes_at_each_width(self):
        model = run_json("inspect", tiny_model("stories260K"))["model"]
        self.assertEqual(model["family"], "llama")
        self.assertEqual(model["layers"], 5)
        sizes = list(model["bytes_at_width"].values())
        self.assertEqual(sizes, sorted(sizes, reverse=True))

    def test_forced_kernel_set_runs_and_an_unknown_one_is_refused(self):
        machine = run_json("inspect", "--isa", "scalar")["machine"]
        self.assertEqual(machine["kernel_set"], "scalar")
        self.assertTrue(machine["cuda_found"] or "CUDA" in machine["cuda"], machine["cuda"])
        done = run("inspect", "--isa", "mmx")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("mmx", done.stderr)

    def test_quantized_folder_is_the_same_bytes_with_any_thread_count(self):
        hashes = []
        for threads in (1, 2, 3):
            out = self.folder / f"q{threads}"
            done = run("quantize", tiny_model("stories260K"), "--bits", "3", "--method", "rtn", "-o", out, "--threads",
                       threads)
            self.assertEqual(done.returncode, 0, done.stderr)
            hashes.append((out / "model.safetensors").read_bytes())
        self.assertEqual(hashes[0], hashes[1])
        self.assertEqual(hashes[0], hashes[2])

    def test_eval_of_a_model_against_itself_shows_no_difference(self):
        text = data_file("tinystories/tinystories_val.txt")
        model = tiny_model("babyllama-tok105-0.94M")
        result = run_json("eval", model, "--reference", model, "--text", text, "--windows", 3)[0]
        self.assertEqual(result["perplexity_ratio"], 1.0)
        self.assertEqual(result["top_token_agreement"], 1.0)
        # The divergence of a distribution from itself is rounding: 2^-24 a summand at most.
        self.assertLess(abs(result["kl_divergence"]), 1e-6)

    def test_fewer_bits_cost_more_quality(self):
        text = data_file("tinystories/tinystories_val.txt")
        model = tiny_model("babyllama-tok105-0.94M")
        divergences = []
        for bits in ("8", "4", "2", "1"):
            out = self.folder / f"q{bits}"
            self.assertEqual(run("quantize", model, "--bits", bits, "--method", "rtn", "-o", out).returncode, 0)
            result = run_json("eval", out, "--reference", model, "--text", text, "--windows", 4)[0]
            divergences.append(result["kl_divergence"])
        self.assertEqual(divergences, sorted(divergences))
        self.assertGreater(divergences[-1], 10 * divergences[0])

    def test_bench_gives_speeds_and_a_share_of_the_bandwidth(self):
        document = run_json("bench", tiny_model("stories260K"), "-p", 32, "-n", 8, "--repetitions", 3)
        row = document["models"][0]
        self.assertEqual(len(row["prompt_tokens_per_second"]["samples"]), 3)
        self.assertGreater(row["generation_tokens_per_second"]["median"], 0)

    def test_bench_of_batches_gives_speeds_whose_time_is_shared_out(self):
        document = run_json("bench", tiny_model("stories260K"), "--batches", "1,3", "--contexts", "16,40",
                            "--repetitions", 2)
        grid = document["grid"]
        self.assertEqual([(row["context"], row["batch"]) for row in grid],
                         [(context, batch) for context in (16, 40) for batch in (0, 1, 3)])
        for row in grid:
            self.assertEqual(len(row["tokens_per_second"]["samples"]), 2)
            self.assertAlmostEqual(sum(row["shares"].values()), 1)
            for kind in ("matrices", "attention", "norms"):
                self.assertGreater(row["shares"][kind], 0)

    def test_keys_and_values_in_int8_change_the_result_a_little(self):
        text = data_file("tinystories/tinystories_val.txt")
        model = tiny_model("babyllama-tok105-0.94M")
        result = run_json("eval", model, "--reference", model, "--text", text, "--windows", 3, "--kv", "int8")[0]
        self.assertGreater(result["kl_divergence"], 1e-7)
        self.assertLess(result["kl_divergence"], 0.01)
        document = run_json("bench", model, "--batches", "2", "--contexts", "16", "--repetitions", 1, "--kv", "int8")
        self.assertEqual(document["kv"], "int8")
        self.assertEqual(run("generate", model, "-p", "a", "--kv", "int9").returncode, 2)

    def test_chat_without_a_template_says_what_to_do(self):
        done = run("chat", tiny_model("stories260K"), "-p", "hello")
        self.assert_refused(done, 4, "chat template", "crumb generate")


if __name__ == "__main__":
    unittest.main()
