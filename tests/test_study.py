"""crumb study from end to end: the report, the ledger, stopping and going on."""

import csv
import json
import re
import signal
import subprocess
import time
import unittest

from harness import BINARY, CrumbTest, data_file, run, run_json, tiny_model


class StudyTest(CrumbTest):
    def study(self, *more, out=None, method="rtn", **options):
        text = data_file("tinystories/tinystories_val.txt")
        return run("study", tiny_model("babyllama-tok105-0.94M"), "-o", out or self.folder / "out",
                   "--text", text, "--windows", 3, "--repetitions", 2, "--method", method, *more,
                   **options)

    def calibration_text(self):
        """Lines of the stories that the first windows of the text do not reach."""
        lines = data_file("tinystories/tinystories_val.txt").read_text().splitlines()
        text = self.folder / "calibration.txt"
        text.write_text("\n".join(lines[len(lines) // 2:]))
        evaluation = self.folder / "evaluation.txt"
        evaluation.write_text("\n".join(lines[:len(lines) // 2]))
        return text, evaluation

    def rows(self, **options):
        done = run("ledger", "export", "--ledger", self.folder / "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_study_writes_everything_and_a_second_run_measures_nothing_anew(self):
        done = self.study()
        self.assertEqual(done.returncode, 0, done.stderr)
        steps = [line.split(" left  ")[1] for line in done.stderr.splitlines()]
        self.assertTrue(steps)
        for step in steps:
            self.assertRegex(step, r"^[a-z][ -~]+$")
        out = self.folder / "out"
        for name in ["report.html", "study.json", "study.csv", "ledger.db"]:
            self.assertTrue((out / name).exists(), name)
        self.assertTrue(list((out / "plots").glob("*.svg")))
        self.assertTrue(list((out / "plots").glob("*.png")))
        first = self.rows()
        again = self.study()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual([r["id"] for r in first], [r["id"] for r in self.rows()])

        self.check_rows(first)
        self.check_report((out / "report.html").read_text(), first)
        anew = self.study("--speeds-again")
        self.assertEqual(anew.returncode, 0, anew.stderr)
        added = self.rows()[len(first):]
        self.assertTrue(added)
        for row in added:
            self.assertTrue("per_second" in row["metric"] or row["metric"] in
                            ("generation_bandwidth_share", "study_note"), row["metric"])
            replaced = [r for r in first if str(r["id"]) == row["supersedes"]]
            self.assertEqual([(r["metric"], r["subject"]) for r in replaced], [(row["metric"], row["subject"])])
        with open(out / "study.csv", newline="") as file:
            self.assertGreater(len(list(csv.reader(file))), 50)
        verified = run("ledger", "verify", "--ledger", out, "--input",
                       data_file("tinystories/tinystories_val.txt"))
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_energy_is_measured_by_a_meter_and_otherwise_a_note_says_why(self):
        now = time.time()
        meter = self.folder / "meter.csv"
        meter.write_text(f"time,watts\n{now - 60:.3f},50\n{now + 3600:.3f},50\n")
        done = self.study("--bits", 4, "--meter", meter, "--energy-seconds", 0.2)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.rows()
        energy = [row for row in rows if row["metric"] == "energy_joules_per_token" and row["method"] == "energy-meter"]
        net = [row for row in rows if row["metric"] == "net_energy_joules_per_token" and row["method"] == "energy-meter"]
        variants = {row["subject"] for row in rows if row["metric"] == "disk_bytes"}
        self.assertEqual({row["subject"] for row in energy}, variants)
        self.assertEqual(len(net), len(energy))
        for row in energy:
            detail = json.loads(row["detail"])
            self.assertAlmostEqual(row["value"], 50 * detail["busy"]["seconds"] / row["n"], places=6)
            self.assertFalse(detail["valid"], "0.2 s is no window for a counter")
        for row in net:
            self.assertAlmostEqual(row["value"], 0, places=6)
        again = self.study("--bits", 4, "--meter", meter, "--energy-seconds", 0.2)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual([r["id"] for r in rows], [r["id"] for r in self.rows()])
        other = self.study("--bits", 4, "--energy-seconds", 0, out=self.folder / "none")
        self.assertEqual(other.returncode, 0, other.stderr)
        notes = run_json("ledger", "list", "--ledger", self.folder / "none", "--metric", "study_note")
        self.assertTrue(any("--energy-seconds is 0" in row["detail"] for row in notes))
        self.assertIn("--energy-seconds is 0", (self.folder / "none" / "report.html").read_text())

    def check_rows(self, rows):
        def value(metric, subject):
            found = [r["value"] for r in rows if r["metric"] == metric and r["subject"] == subject
                     and '"axis"' not in r["options"]]
            self.assertEqual(len(found), 1, (metric, subject))
            return found[0]
        # Integers in groups of 64 with a float16 scale and, but for 1 bit, a zero byte. The widths of
        # this model (128, 352) are not all multiples of 64, so the last group of some rows is padded.
        self.assertAlmostEqual(value("matrix_bits_per_weight", "int8+embed8"), 8.375, delta=0.5)
        self.assertGreater(value("matrix_bits_per_weight", "int2+embed8"), 2.375 - 1e-9)
        self.assertGreater(value("kl_divergence", "int1+embed8"),
                           value("kl_divergence", "int8+embed8"))
        self.check_verdicts(rows)
        for row in rows:
            self.assertNotIn("/", row["model"])
            self.assertRegex(row["quarter"], r"^\d{4}-Q[1-4]$")

    def check_verdicts(self, rows):
        """Every speed says whether it should be believed, and the reader is told if one should not."""
        speeds = [r for r in rows if r["metric"] in ("prompt_tokens_per_second", "generation_tokens_per_second",
                                                     "generation_bandwidth_share", "read_bandwidth_bytes_per_second")]
        self.assertGreater(len(speeds), 4)
        details = [json.loads(row["detail"]) for row in speeds]
        for detail in details:
            self.assertEqual(detail["valid"], detail["reasons"] == [])
            self.assertGreater(len(detail["samples"]), 0)
        told = [r for r in rows if r["metric"] == "study_note" and "INVALID" in r["detail"]]
        self.assertEqual(bool(told), not all(detail["valid"] for detail in details))

    def check_report(self, html, rows):
        self.assertNotRegex(html, r"(?:src|href)=[\"']?(?:https?:)?//")
        ids = {int(i) for i in re.findall(r'href="#e(\d+)"', html)}
        self.assertGreater(len(ids), 40)
        self.assertLessEqual(ids, {r["id"] for r in rows})

    def test_killed_at_any_moment_it_goes_on_and_ends_with_a_whole_ledger(self):
        text = data_file("tinystories/tinystories_val.txt")
        command = [BINARY, "study", str(tiny_model("babyllama-tok105-0.94M")), "-o",
                   str(self.folder / "out"), "--text", str(text), "--windows", "3",
                   "--repetitions", "2", "--method", "rtn"]
        for delay in (0.15, 0.4, 0.8, 1.3, 2.0):
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
            child.wait()
            if (self.folder / "out" / "ledger.db").exists():
                verified = run("ledger", "verify", "--ledger", self.folder / "out")
                self.assertIn(verified.returncode, (0, 3, 4), verified.stderr)
                self.assertNotIn("differs", verified.stderr)
        done = self.study()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(run("ledger", "verify", "--ledger", self.folder / "out").returncode, 0)
        keys = [(r["metric"], r["subject"], r["text"], r["options"]) for r in self.rows()]
        self.assertEqual(len(keys), len(set(keys)))
        models = sorted(p.name for p in (self.folder / "out" / "models").iterdir())
        self.assertFalse([m for m in models if ".tmp-" in m])

    def test_stopped_by_the_user_it_says_so_with_exit_code_130(self):
        text = data_file("tinystories/tinystories_val.txt")
        child = subprocess.Popen(
            [BINARY, "study", str(tiny_model("babyllama-tok105-0.94M")), "-o",
             str(self.folder / "out"), "--text", str(text), "--full", "--repetitions", "50",
             "--method", "rtn"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, errors)
        self.assertIn("goes on", errors)

    def test_a_ledger_in_use_is_refused(self):
        text = data_file("tinystories/tinystories_val.txt")
        child = subprocess.Popen(
            [BINARY, "study", str(tiny_model("babyllama-tok105-0.94M")), "-o",
             str(self.folder / "out"), "--text", str(text), "--full", "--repetitions", "50",
             "--method", "rtn"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if (self.folder / "out" / "models").exists():
                    break
                time.sleep(0.05)
            done = self.study()
            self.assertEqual(done.returncode, 6, done.stderr)
            self.assertIn("ledger.db", done.stderr)
        finally:
            child.kill()
            child.wait()

    def test_rows_of_bench_in_its_ledger_are_no_version_of_the_study(self):
        self.assertEqual(self.study().returncode, 0)
        out = self.folder / "out"
        before = run("report", out).stdout
        done = run("bench", tiny_model("stories260K"), "-p", 8, "-n", 4, "--ledger", out)  # another model
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len([r for r in self.rows() if '"command":"bench"' in r["options"]]), 2)
        after = run("report", out)
        self.assertEqual(after.returncode, 0, after.stderr)
        self.assertEqual(after.stdout, before)

    def test_the_chinese_report_is_chinese(self):
        done = self.study("--lang", "zh", "--bits", "4")
        self.assertEqual(done.returncode, 0, done.stderr)
        html = (self.folder / "out" / "report.html").read_text()
        self.assertIn('lang="zh', html)
        self.assertGreater(len(re.findall(r"[\u4e00-\u9fff]", html)), 500)

    def test_another_ledger_may_be_named(self):
        done = self.study("--ledger", self.folder / "own.db", "--bits", "4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((self.folder / "out" / "ledger.db").exists())
        listed = run_json("ledger", "list", "--ledger", self.folder / "own.db")
        self.assertTrue(any(row["metric"] == "perplexity" for row in listed))

    def calibrated_study(self, *more):
        calibration, evaluation = self.calibration_text()
        return run("study", tiny_model("babyllama-tok105-0.94M"), "-o", self.folder / "out",
                   "--bits", "8,2", "--text", evaluation, "--windows", 3, "--repetitions", 2,
                   "--calibration-text", calibration, "--calibration-windows", 4,
                   "--activation-windows", 2, *more)

    def test_the_best_method_stands_beside_rounding_and_a_second_run_calibrates_nothing_anew(self):
        done = self.calibrated_study()
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.rows()
        subjects = {r["subject"] for r in rows} - {"machine"}
        self.assertEqual(subjects, {"reference", "int8+embed8", "trellis2+embed8", "int2+embed8"})
        again = self.calibrated_study()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual([r["id"] for r in rows], [r["id"] for r in self.rows()])

        def values(metric, subject, axis=None):
            found = {}
            for r in rows:
                options = json.loads(r["options"]) if r["options"] else {}
                if (r["metric"], r["subject"], options.get("axis")) == (metric, subject, axis):
                    found[options.get("activations")] = r["value"]
            return found
        best = values("kl_divergence", "trellis2+embed8")["int8"]
        self.assertLess(best, values("kl_divergence", "int2+embed8")["int8"])
        types = values("kl_divergence", "trellis2+embed8", "activations")
        self.assertEqual(set(types), {"float32", "int8", "int8-token"})
        self.assertEqual(values("kl_divergence", "int2+embed8", "activations"), {})
        html = (self.folder / "out" / "report.html").read_text()
        self.assertIn('id="activations-0"', html)
        self.assertIn("round to nearest", html)

    def test_rows_say_how_a_variant_was_made(self):
        done = self.calibrated_study()
        self.assertEqual(done.returncode, 0, done.stderr)
        for row in self.rows():
            options = json.loads(row["options"]) if row["options"] else {}
            if row["subject"] == "trellis2+embed8":
                self.assertEqual(options["method"], "trellis")
                self.assertEqual(options["embedding_method"], "rtn")
                self.assertEqual(options["embedding_codec"], "int8-g64")
                self.assertEqual(options["calibration_windows"], 4)
                self.assertRegex(options["calibration_sha256"], "^[0-9a-f]{64}$")
                self.assertIn("seed", options)
            elif row["subject"] == "int2+embed8":
                self.assertEqual(options["method"], "rtn")
                self.assertNotIn("calibration_sha256", options)

    def test_text_that_is_calibrated_on_is_refused_and_if_forced_marked(self):
        calibration, _ = self.calibration_text()
        command = ["study", tiny_model("babyllama-tok105-0.94M"), "-o", self.folder / "out",
                   "--bits", "2", "--text", calibration, "--windows", 2, "--repetitions", 1,
                   "--calibration-text", calibration, "--calibration-windows", 4,
                   "--activation-windows", 0]
        self.assert_refused(run(*command), 2, "calibration.txt", "--allow-overlap")
        forced = run(*command, "--allow-overlap")
        self.assertEqual(forced.returncode, 0, forced.stderr)
        marked = [r["subject"] for r in self.rows() if "calibration_overlap" in r["options"]]
        self.assertEqual(set(marked), {"trellis2+embed8"})
        html = (self.folder / "out" / "report.html").read_text()
        self.assertIn("were calibrated on", html)

    def test_a_method_without_a_width_is_refused_when_the_width_was_asked_for(self):
        done = self.study("--bits", "8", method="trellis")
        self.assert_refused(done, 2, "trellis", "8")
        self.assert_refused(self.study(method="magic"), 2, "magic", "best")

    def test_dry_run_measures_nothing(self):
        done = self.study("--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("estimate", done.stdout)
        self.assertFalse((self.folder / "out" / "models").exists())


if __name__ == "__main__":
    unittest.main()
