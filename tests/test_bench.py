"""crumb bench: llama-bench's rows, latencies under load, memory, energy, and what of it is INVALID."""

import csv
import io
import json
import sqlite3
import time
import unittest

from harness import CrumbTest, run, run_json, tiny_model

# What llama-bench writes and we have, too.
LLAMA_BENCH = ["build_commit", "build_number", "cpu_info", "gpu_info", "backends", "model_filename", "model_type",
               "model_size", "model_n_params", "n_threads", "type_k", "type_v", "n_gpu_layers", "n_prompt", "n_gen",
               "n_depth", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts"]


class Rows(CrumbTest):
    ARGUMENTS = ("-p", 32, "-n", 8, "--repetitions", 5)

    def test_json_has_the_fields_of_llama_bench_and_all_samples(self):
        document = run_json("bench", tiny_model("stories260K"), *self.ARGUMENTS)
        prompt, generation = document["tests"]
        for row in (prompt, generation):
            self.assertEqual(list(row)[:len(LLAMA_BENCH)], LLAMA_BENCH)
            self.assertEqual(len(row["samples_ns"]), 5)
            self.assertAlmostEqual(row["avg_ts"], sum(row["samples_ts"]) / 5)
            tokens = row["n_prompt"] + row["n_gen"]
            for ns, rate in zip(row["samples_ns"], row["samples_ts"]):
                self.assertAlmostEqual(ns * rate / 1e9, tokens, delta=1e-3 * tokens)
            self.assertEqual(len(row["model_sha256"]), 64)
            self.assertEqual(row["valid"], row["reasons"] == [])
            self.assertIsNone(row["p99_ns"], "five repetitions have no p99")
            self.assertIn("clock_source", row["power"])
        self.assertEqual((prompt["n_prompt"], prompt["n_gen"]), (32, 0))
        self.assertEqual((generation["n_prompt"], generation["n_gen"]), (0, 8))
        self.assertEqual(generation["token_latency"]["n"], 40)

    def test_too_few_repetitions_are_invalid_and_no_failure(self):
        done = run("bench", tiny_model("stories260K"), "-p", 16, "-n", 4, "--repetitions", 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("INVALID: ", done.stdout)
        self.assertIn("2 repetitions; 5 are the least", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)

    def test_every_format_is_what_it_is_called(self):
        def text(form):
            done = run("bench", tiny_model("stories260K"), *self.ARGUMENTS, "--format", form)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout
        table = list(csv.DictReader(io.StringIO(text("csv"))))
        self.assertEqual([row["n_gen"] for row in table], ["0", "8"])
        self.assertEqual([row["n_gen"] for row in json.loads(text("json"))], [0, 8])
        self.assertEqual([json.loads(line)["n_gen"] for line in text("jsonl").splitlines()], [0, 8])
        self.assertIn("| tg8 |", text("md"))
        database = sqlite3.connect(":memory:")
        database.executescript(text("sql"))
        self.assertEqual(database.execute("SELECT n_gen FROM llama_bench").fetchall(), [(0,), (8,)])
        self.assertEqual(run("bench", tiny_model("stories260K"), "--format", "xml").returncode, 2)

    def test_ledger_gets_rows_with_their_verdict(self):
        place = self.folder / "ledger.db"
        run_json("bench", tiny_model("stories260K"), *self.ARGUMENTS, "--ledger", place)
        rows = run_json("ledger", "list", "--ledger", place)
        self.assertEqual([row["metric"] for row in rows],
                         ["prompt_tokens_per_second", "generation_tokens_per_second"])
        self.assertEqual(run("ledger", "verify", "--ledger", place).returncode, 0)
        detail = json.loads(run_json("ledger", "show", rows[0]["id"], "--ledger", place)["detail"])
        self.assertEqual(detail["valid"], detail["reasons"] == [])


class ServeLoad(CrumbTest):
    def load(self, *arguments):
        return run_json("bench", tiny_model("stories260K"), "--serve-load", "--input-len", 8, "--output-len", 4,
                        *arguments)

    def test_open_loop_has_the_names_of_vllm(self):
        document = self.load("--rate", 400, "--requests", 80, "--slo", "ttft:60000,tpot:60000")
        self.assertEqual(document["loop"], "open")
        result = document["results"][0]
        self.assertEqual((result["completed"], result["failed"]), (80, 0))
        self.assertEqual(result["total_output_tokens"], 320)
        for name in ("ttft_ms", "tpot_ms", "itl_ms", "e2el_ms"):
            for statistic in ("mean", "median", "std", "p50", "p90", "max"):
                self.assertIsInstance(result[f"{statistic}_{name}"], float, f"{statistic}_{name}")
        self.assertAlmostEqual(result["request_throughput"], 80 / result["duration"])
        self.assertAlmostEqual(result["output_throughput"], 320 / result["duration"])
        self.assertAlmostEqual(result["request_goodput"], result["request_throughput"])
        # Little: what is in the system is the rate times the mean stay.
        self.assertAlmostEqual(result["concurrency"],
                               result["request_throughput"] * result["mean_e2el_ms"] / 1000)
        for i in range(80):
            self.assertGreaterEqual(result["queue_times"][i], 0)
            self.assertGreaterEqual(result["latencies"][i], result["ttfts"][i])

    def test_a_p99_waits_for_662_requests(self):
        few = self.load("--rate", 2000, "--requests", 100)["results"][0]
        self.assertIsNone(few["p99_ttft_ms"])
        self.assertEqual(few["not_given"]["p99_ttft_ms"], "needs 662 samples, has 100")
        self.assertGreaterEqual(few["max_ttft_ms"], few["p90_ttft_ms"])
        enough = self.load("--rate", 2000, "--requests", 662)["results"][0]
        self.assertLessEqual(enough["p99_ttft_ms"], enough["p99_ttft_ms_at_most"])
        self.assertEqual(enough["p99_ttft_ms_at_most"], enough["max_ttft_ms"])

    def test_the_same_seed_is_the_same_schedule(self):
        def schedule(*seed):
            result = self.load("--rate", 4000, "--requests", 20, "--length-spread", 0.5, *seed)["results"][0]
            return result["start_times"], result["input_lens"], result["output_lens"]
        self.assertEqual(schedule(), schedule())
        self.assertNotEqual(schedule(), schedule("--seed", 5))

    def test_batch_limits_meet_the_same_requests_and_the_best_is_named(self):
        document = self.load("--rate", 4000, "--requests", 64, "--max-batch", "1,4")
        one, four = document["results"]
        self.assertEqual(one["start_times"], four["start_times"])
        self.assertEqual([result["good"] for result in document["results"]], [64, 64])
        self.assertEqual(document["best_max_batch"], 1, "the smallest of equals")

    def test_what_is_past_the_deadline_fails_and_is_infinite(self):
        result = self.load("--rate", 100000, "--requests", 70, "--max-batch", 1, "--deadline", 0.001)["results"][0]
        self.assertGreater(result["failed"], 0)
        self.assertEqual(result["completed"] + result["failed"], 70)
        self.assertEqual(result["errors"], ["past its deadline"])
        self.assertIsNone(result["mean_e2el_ms"])
        self.assertIn("infinite", result["not_given"]["mean_e2el_ms"])

    def test_a_closed_loop_is_named_as_such(self):
        document = self.load("--users", 2, "--requests", 20)
        self.assertEqual((document["loop"], document["users"]), ("closed", 2))
        self.assertNotIn("request_rate", document)
        self.assertLessEqual(document["results"][0]["max_concurrent_requests"], 2)

    def test_a_run_shorter_than_mlperf_wants_is_marked_with_the_numbers(self):
        place = self.folder / "ledger.db"
        run_json("bench", tiny_model("stories260K"), "--serve-load", "--input-len", 8, "--output-len", 4, "--rate", 400,
                 "--requests", 80, "--ledger", place)
        reasons = json.loads(run_json("ledger", "list", "--ledger", place)[0]["detail"])["validity"]["reasons"]
        self.assertIn("80 requests; a p99 needs 662", reasons)
        self.assertTrue(any(reason.endswith(" s; 600 are the least") for reason in reasons), reasons)
        # A trial may be shorter, and its rows say so.
        trial = self.load("--rate", 2000, "--requests", 662, "--min-duration", 0.01, "--ledger", place)
        reasons = trial["results"][0]["validity"]["reasons"]
        self.assertFalse([reason for reason in reasons if "the least" in reason or "needs" in reason], reasons)
        options = json.loads(run_json("ledger", "list", "--ledger", place)[-1]["options"])
        self.assertEqual(options["min_duration_seconds"], 0.01)
        # As many as both need.
        self.assertEqual(len(self.load("--rate", 4000, "--requests", 0, "--min-duration", 0.01)["results"][0]["ttfts"]), 662)

    def test_a_sweep_finds_the_rate_between_one_that_keeps_the_bounds_and_one_that_breaks_them(self):
        place = self.folder / "ledger.db"
        # A request takes some milliseconds; at 2000 a second the last of 64 waits for all others.
        document = run_json("bench", tiny_model("stories260K"), "--serve-load", "--input-len", 8, "--output-len", 32,
                            "--slo", "e2el:100", "--requests", 64, "--min-duration", 0.01, "--max-batch", 1,
                            "--rates", "50,2000", "--ledger", place)
        rates = [point["request_rate"] for point in document["sweep"]]
        self.assertEqual(rates, sorted(rates))
        self.assertTrue(all(point["percentile"] == 0.90 for point in document["sweep"]))
        if document["lowest_bad_rate"] is None:  # a machine that serves all 64 in 100 ms
            self.assertEqual(document["highest_rate"], 2000)
            return
        rows = run_json("ledger", "list", "--ledger", place)
        best = [row for row in rows if row["metric"] == "highest_rate_within_bounds"]
        if document["highest_rate"] is None:  # a machine so busy that nothing is done in 100 ms
            self.assertEqual(best, [])
            return
        self.assertLess(document["highest_rate"], document["lowest_bad_rate"])
        self.assertEqual([row["value"] for row in best], [document["highest_rate"]])
        detail = json.loads(best[0]["detail"])
        self.assertEqual(len(detail["curve"]), len(rates))
        self.assertEqual(best[0]["n"], len(rates))
        self.assertEqual({json.loads(row["options"])["request_rate"] for row in rows if row["metric"] == "ttft_ms"},
                         set(rates))
        self.assertEqual(run("ledger", "verify", "--ledger", place).returncode, 0)

    def test_a_sweep_without_bounds_or_with_a_closed_loop_is_refused(self):
        model = tiny_model("stories260K")
        for arguments, word in ((["--rates", "1,2"], "--slo"), (["--sweep", "--users", 2, "--slo", "ttft:9"], "--users"),
                                (["--rates", "1,1", "--slo", "ttft:9"], "--rates"),
                                (["--rates", "1,2", "--rate", 3, "--slo", "ttft:9"], "--rate"),
                                (["--sweep", "--slo", "ttft:9", "--max-batch", "1,2"], "--max-batch")):
            self.assert_refused(run("bench", model, "--serve-load", *arguments), 2, word)

    def test_a_rate_that_is_none_is_refused_with_one_line(self):
        model = tiny_model("stories260K")
        for rate in ("0", "-3"):
            self.assert_refused(run("bench", model, "--serve-load", f"--rate={rate}"), 2, "--rate", "above 0")
        self.assert_refused(run("bench", model, "--serve-load"), 2, "--rate")
        self.assert_refused(run("bench", model, "--serve-load", "--rate", 1, "--users", 2), 2, "give one")
        self.assert_refused(run("bench", model, "--serve-load", "--rate", 1, "--slo", "p99:5"), 2, "--slo")
        self.assert_refused(run("bench", model, "--serve-load", "--rate", 1, "--input-len", 5000), 2, "context")
        self.assert_refused(run("bench", model, model, "--serve-load", "--rate", 1), 2, "one model")

    def test_text_fits_the_terminal_and_ledger_rows_hold_the_goodput(self):
        place = self.folder / "ledger.db"
        done = run("bench", tiny_model("stories260K"), "--serve-load", "--rate", 4000, "--requests", 30, "--input-len",
                   8, "--output-len", 4, "--slo", "e2el:60000", "--max-batch", "1,2", "--ledger", place)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("open loop, Poisson", done.stdout)
        self.assertIn("most goodput with a batch limit of", done.stdout)
        lines = [line for line in done.stdout.splitlines() if str(tiny_model("stories260K")) not in line]
        self.assertLessEqual(max(map(len, lines)), 80)
        rows = run_json("ledger", "list", "--ledger", place, "--metric", "request_goodput")
        self.assertEqual(len(rows), 2)
        self.assertEqual({row["unit"] for row in rows}, {"requests/s"})


class Memory(CrumbTest):
    def test_key_value_cache_is_its_formula(self):
        document = run_json("bench", tiny_model("stories260K"), "--memory", "--context", 128, "--sequences", 2)
        parts = {part["name"]: part for part in document["parts"]}
        model = run_json("inspect", tiny_model("stories260K"))["model"]
        kv = 2 * model["layers"] * model["kv_heads"] * model["head_dim"] * 2 * 128 * 2
        self.assertEqual(parts["KV cache"]["computed_bytes"], kv)
        self.assertEqual(parts["KV cache"]["difference_bytes"], 0)
        self.assertEqual(parts["weights"]["measured_bytes"], model["weight_bytes"])
        for part in parts.values():
            self.assertEqual(part["difference_bytes"], part["measured_bytes"] - part["computed_bytes"])

    def test_whether_it_fits_is_told_before_anything_is_loaded(self):
        model = tiny_model("stories260K")
        fit = run_json("inspect", model, "--context", 256, "--batch", 3)
        self.assertTrue(fit["fits"])
        self.assertEqual((fit["context"], fit["sequences"]), (256, 3))
        # A little less than there is room for fits, and a little more does not.
        most = fit["largest_context"]
        self.assertTrue(run_json("inspect", model, "--context", int(0.9 * most), "--batch", 3)["fits"])
        self.assertFalse(run_json("inspect", model, "--context", int(1.1 * most), "--batch", 3)["fits"])
        self.assert_refused(run("inspect", "--context", 5), 2, "name it")
        self.assert_refused(run("inspect", self.folder / "gone", "--context", 5), 3, "gone")


class Energy(CrumbTest):
    def meter(self, text):
        path = self.folder / "meter.csv"
        path.write_text(text)
        return path

    def test_a_meter_of_fifty_watts_gives_fifty_watts(self):
        now = time.time()
        path = self.meter(f"time,watts\n{now - 60:.3f},50\n{now + 600:.3f},50\n")
        document = run_json("bench", tiny_model("stories260K"), "--energy", "--meter", path, "--idle-seconds", 0.2,
                            "--work-seconds", 0.3, "-p", 16, "-n", 4)
        rows = [row for row in document["energy"] if row["source"] == "meter"]
        self.assertEqual([row["work"] for row in rows], ["prompt", "generation"])
        for row in rows:
            self.assertAlmostEqual(row["busy"]["watts"], 50, places=3)
            self.assertAlmostEqual(row["idle"]["watts"], 50, places=3)
            self.assertAlmostEqual(row["joules_per_token"], 50 * row["busy"]["seconds"] / row["tokens"], places=5)
            self.assertAlmostEqual(row["kwh_per_million_tokens"], row["joules_per_token"] / 3.6)
            self.assertAlmostEqual(row["net_joules_per_token"], 0, places=5)
            self.assertEqual(row["scope"], "external meter meter.csv")
        self.assertFalse(document["validity"]["valid"], "0.3 s is no window for a counter")

    def test_a_source_that_is_not_there_says_why(self):
        document = run_json("bench", tiny_model("stories260K"), "--energy", "--idle-seconds", 0, "--work-seconds", 0,
                            "-p", 16, "-n", 4)
        told = {row["source"] for row in document["energy"]}
        for missing in document["not_measured"]:
            self.assertTrue(missing["why"].startswith("not measured: "), missing)
            told.add(missing["source"])
        self.assertEqual(told, {"rapl", "nvml", "battery", "meter"})

    def test_a_meter_that_does_not_cover_the_work_is_not_measured(self):
        path = self.meter("time,watts\n1000,50\n2000,50\n")
        document = run_json("bench", tiny_model("stories260K"), "--energy", "--meter", path, "--idle-seconds", 0,
                            "--work-seconds", 0, "-p", 16, "-n", 4)
        row = [row for row in document["energy"] if row["source"] == "meter"][0]
        self.assertIn("not measured: ", row["busy"]["not_measured"])
        self.assertNotIn("joules_per_token", row)

    def test_a_file_that_is_no_log_is_refused_with_its_line(self):
        for text, word in (("", "empty"), ("watt\n3\n", "line 1"), ("time,watts\n1,many\n", "line 2")):
            done = run("bench", tiny_model("stories260K"), "--energy", "--meter", self.meter(text))
            self.assert_refused(done, 4, "meter.csv", word)
        done = run("bench", tiny_model("stories260K"), "--energy", "--meter", self.folder / "gone.csv")
        self.assert_refused(done, 3, "gone.csv")


if __name__ == "__main__":
    unittest.main()
