"""Bad input gets one line that names the file, the place and what to do, and nothing half-written."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

from harness import (CrumbTest, data_file, read_safetensors, run, tiny_model, write_safetensors)

MODEL = "stories260K"
Q = "model.layers.0.self_attn.q_proj.weight"


class BadInput(CrumbTest):
    def setUp(self):
        super().setUp()
        self.model = self.copy_of(MODEL)
        self.weights = self.model / "model.safetensors"

    def quantize(self, **options):
        return run("quantize", self.model, "--bits", "4", "--method", "rtn", "-o", self.folder / "out",
                   **options)

    def refuse(self, code, *words):
        self.assert_refused(self.quantize(), code, *words)
        left = [p.name for p in self.folder.iterdir() if p.name != "model"]
        self.assertEqual(left, [], "something was left behind")

    def patch_header(self, change):
        write_safetensors(self.weights, read_safetensors(self.weights), change)

    def test_truncated_weights(self):
        raw = self.weights.read_bytes()
        self.weights.write_bytes(raw[:len(raw) // 2])
        self.refuse(4, "model.safetensors")

    def test_header_longer_than_the_file(self):
        self.weights.write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
        self.refuse(4, "model.safetensors")

    def test_overlapping_tensors(self):
        def change(header):
            first, second = list(header)[:2]
            size = header[second]["data_offsets"][1] - header[second]["data_offsets"][0]
            start = header[first]["data_offsets"][0]
            header[second]["data_offsets"] = [start, start + size]
        self.patch_header(change)
        self.refuse(4, "model.safetensors")

    def test_offset_past_the_end(self):
        def change(header):
            last = list(header)[-1]
            begin, end = header[last]["data_offsets"]
            header[last]["data_offsets"] = [begin + (1 << 30), end + (1 << 30)]
        self.patch_header(change)
        self.refuse(4, "model.safetensors")

    def test_negative_and_huge_dimensions(self):
        for shape in ([-1, 64], [1 << 62, 1 << 62]):
            with self.subTest(shape=shape):
                self.patch_header(lambda header, s=shape: header[Q].update(shape=s))
                self.refuse(4, "model.safetensors", Q)

    def test_wrong_dtype(self):
        self.patch_header(lambda header: header[Q].update(dtype="F7"))
        self.refuse(4, "model.safetensors", "F7")

    def test_integer_weights(self):
        tensors = read_safetensors(self.weights)
        dtype, shape, data = tensors[Q]
        tensors[Q] = ("I32", shape, data)
        write_safetensors(self.weights, tensors)
        self.refuse(4, Q)

    def test_missing_tensor(self):
        tensors = read_safetensors(self.weights)
        del tensors[Q]
        write_safetensors(self.weights, tensors)
        done = self.quantize()
        self.assertIn(done.returncode, (3, 4))
        self.assertIn(Q, done.stderr)

    def test_nan_and_infinity_in_the_weights(self):
        for bad in (float("nan"), float("inf")):
            with self.subTest(value=bad):
                tensors = read_safetensors(tiny_model(MODEL) / "model.safetensors")
                dtype, shape, data = tensors[Q]
                tensors[Q] = (dtype, shape, data[:400] + struct.pack("<f", bad) + data[404:])
                write_safetensors(self.weights, tensors)
                self.refuse(4, Q)

    def test_duplicate_names(self):
        raw = self.weights.read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        header = raw[8:8 + size].decode()
        entry = json.dumps(json.loads(header)[Q])
        doubled = header.rstrip()[:-1] + f',"{Q}":{entry}}}'
        self.weights.write_bytes(struct.pack("<Q", len(doubled)) + doubled.encode() + raw[8 + size:])
        self.refuse(4, "model.safetensors", "twice")

    def test_unknown_family(self):
        config = json.loads((self.model / "config.json").read_text())
        config.update(model_type="perceiver", architectures=["PerceiverModel"])
        (self.model / "config.json").write_text(json.dumps(config))
        self.refuse(4, "config.json", "perceiver")

    def test_broken_config(self):
        (self.model / "config.json").write_text("{\"model_type\": ")
        self.refuse(4, "config.json")

    def test_tokenizer_that_does_not_match_the_vocabulary(self):
        config = json.loads((self.model / "config.json").read_text())
        config["vocab_size"] = 100
        tensors = read_safetensors(self.weights)
        name = "model.embed_tokens.weight"
        dtype, shape, data = tensors[name]
        tensors[name] = (dtype, [100, shape[1]], data[:100 * shape[1] * 4])
        write_safetensors(self.weights, tensors)
        (self.model / "config.json").write_text(json.dumps(config))
        self.refuse(4, "512", "100")

    def test_no_such_model(self):
        done = run("inspect", self.folder / "nothing here")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)

    def test_a_file_that_is_no_model(self):
        (self.folder / "x.gguf").write_bytes(b"GGUF" + b"\0" * 10)
        self.assert_refused(run("inspect", self.folder / "x.gguf"), 4, "x.gguf")

    def test_text_too_short_for_a_window(self):
        (self.folder / "short.txt").write_text("Too short.")
        done = run("eval", self.model, "--text", self.folder / "short.txt")
        self.assert_refused(done, 2, "short.txt", "tokens")

    def test_text_that_is_not_utf8(self):
        (self.folder / "latin.txt").write_bytes("caf\xe9 ".encode("latin-1") * 4000)
        self.assert_refused(run("eval", self.model, "--text", self.folder / "latin.txt"), 4, "latin.txt")

    def test_output_that_exists_is_not_overwritten_without_force(self):
        self.assertEqual(self.quantize().returncode, 0)
        before = (self.folder / "out" / "model.safetensors").read_bytes()
        self.assert_refused(self.quantize(), 2, "--force")
        self.assertEqual(before, (self.folder / "out" / "model.safetensors").read_bytes())
        done = run("quantize", self.model, "--bits", "2", "--method", "rtn", "-o", self.folder / "out", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_output_that_can_not_be_written(self):
        done = run("quantize", self.model, "--bits", "4", "--method", "rtn", "-o", "/proc/crumb-out")
        self.assertEqual(done.returncode, 5 if os.geteuid() else done.returncode)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/proc", done.stderr)

    def test_disk_full(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        small = self.folder / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small],
                                 capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no small file system can be mounted here")
        try:
            done = run("quantize", self.model, "--bits", "8", "--method", "rtn", "-o", small / "out", "--quiet")
            self.assert_refused(done, 5, "room")
            self.assertEqual(list(small.iterdir()), [])
        finally:
            subprocess.run(["umount", small], check=False)

    def test_a_packed_model_is_not_quantized_again(self):
        self.assertEqual(self.quantize().returncode, 0)
        done = run("quantize", self.folder / "out", "--bits", "2", "--method", "rtn", "-o", self.folder / "again")
        self.assertIn(done.returncode, (2, 4))
        self.assertIn("already", done.stderr)

    def test_a_packed_model_with_a_changed_byte_count_is_refused(self):
        self.assertEqual(self.quantize().returncode, 0)
        weights = self.folder / "out" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        self.assert_refused(run("inspect", self.folder / "out"), 4, "model.safetensors")

    def test_a_packed_model_with_a_nan_scale_is_refused(self):
        self.assertEqual(self.quantize().returncode, 0)
        weights = self.folder / "out" / "model.safetensors"
        raw = bytearray(weights.read_bytes())
        size = struct.unpack("<Q", raw[:8])[0]
        header = json.loads(raw[8:8 + size])
        begin = header[Q + ".scales"]["data_offsets"][0] + 8 + size
        raw[begin:begin + 2] = struct.pack("<H", 0x7e00)
        weights.write_bytes(raw)
        self.assert_refused(run("inspect", self.folder / "out"), 4, Q)

    def test_a_study_of_a_text_that_is_not_there(self):
        done = run("study", self.model, "-o", self.folder / "s", "--text", self.folder / "none.txt")
        self.assert_refused(done, 3, "none.txt")

    def test_a_ledger_that_is_none(self):
        (self.folder / "ledger.db").write_text("not a database, but long enough to be read as one " * 20)
        self.assert_refused(run("ledger", "list", "--ledger", self.folder / "ledger.db"), 4, "ledger.db")

    def test_widths_that_do_not_exist(self):
        done = run("quantize", self.model, "--bits", "5", "-o", self.folder / "out")
        self.assert_refused(done, 2, "5", "8")


if __name__ == "__main__":
    unittest.main()
