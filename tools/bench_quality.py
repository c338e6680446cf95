#!/usr/bin/env python3
"""Measures what quantized models keep, and prints one table (docs/results.md holds a copy).

usage: bench_quality.py [--crumb PATH] [--work DIR] [--windows N | --full] [--only NAME,...]
                        [--peer-python PYTHON]

Everything is measured on the data that CRUMB_DATA names (default: ../shared/data):
  SmolLM2-135M  WikiText-2 raw test, windows of 512 tokens, second half scored; the first 100
                windows, --full for all; calibration on calibration/wiki_demo.txt ("all text" rows:
                and on the documents of calibration/c4_demo.jsonl)
  BabyLlama     TinyStories validation text, 40 windows
  MiniLM        STS-B test set, Spearman's correlation
Models that --work holds from an earlier run are used again; their time is then not shown.
--peer-python: a Python that has llama-cpp-python; its llama.cpp makes a Q2_0 file from the same
weights, which crumb then measures on the same windows. Only the standard library is used here.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Name, what crumb quantize gets. The embedding and the head stand at 4 bits.
SMOLLM2 = [
    ("trellis 3", ["--bits", "3", "--embedding-bits", "4"]),
    ("trellis 2", ["--bits", "2", "--embedding-bits", "4"]),
    ("mixed 2.5", ["--matrix-bits", "2.5", "--embedding-bits", "4"]),
    ("mixed 3", ["--matrix-bits", "3", "--embedding-bits", "4", "--calibration-windows", "192"]),
    ("mixed 3 tuned", ["--matrix-bits", "3", "--embedding-bits", "4", "--calibration-windows", "376",
                       "--tune-epochs", "1", "--tune-windows", "64"]),
    ("mixed 3 all text", ["--matrix-bits", "3", "--embedding-bits", "4", "--calibration-windows",
                          "600", "--tune-epochs", "1", "--tune-windows", "128"]),
    ("rtn 3", ["--bits", "3", "--method", "rtn", "--embedding-bits", "4"]),
    ("rtn 2", ["--bits", "2", "--method", "rtn", "--embedding-bits", "4"]),
    ("ternary", ["--bits", "1.58", "--embedding-bits", "4"]),
    ("trellis 1", ["--bits", "1", "--embedding-bits", "4"]),
    ("trellis 4", ["--bits", "4", "--embedding-bits", "4"]),
    ("gptq 3", ["--bits", "3", "--method", "gptq", "--embedding-bits", "4"]),
    ("ldlq 3", ["--bits", "3", "--method", "ldlq", "--embedding-bits", "4"]),
    ("ldlq 2", ["--bits", "2", "--method", "ldlq", "--embedding-bits", "4"]),
]
FLOAT_MODELS = [
    ("4", ["--bits", "4", "--embedding-bits", "4"]),
    ("3", ["--bits", "3", "--embedding-bits", "4"]),
    ("2", ["--bits", "2", "--embedding-bits", "4"]),
]

PEER = """
import ctypes, sys
import llama_cpp.llama_cpp as L
source, plain, packed = (name.encode() for name in sys.argv[1:4])
def run(source, target, ftype, table):
    p = L.llama_model_quantize_default_params()
    p.nthread, p.ftype, p.allow_requantize = 2, ftype, True
    p.token_embedding_type = p.output_tensor_type = table
    if L.llama_model_quantize(source, target, ctypes.byref(p)) != 0:
        sys.exit("llama_model_quantize failed")
run(source, plain, L.LLAMA_FTYPE_ALL_F32, L.GGML_TYPE_F32)
run(plain, packed, L.LLAMA_FTYPE_MOSTLY_Q2_0, L.GGML_TYPE_Q4_0)
"""


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crumb", default=str(ROOT / "build" / "release" / "crumb"))
    parser.add_argument("--work", default=str(ROOT / "build" / "bench-quality"))
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="", help="names of rows, separated by commas")
    parser.add_argument("--peer-python", default="")
    return parser.parse_args()


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = pathlib.Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.data = pathlib.Path(os.environ.get("CRUMB_DATA", ROOT.parent / "shared" / "data"))
        self.only = [name for name in arguments.only.split(",") if name]
        if not self.data.is_dir():
            sys.exit(f"{self.data}: no data; set CRUMB_DATA")

    def crumb(self, *words):
        """Runs crumb with --json and returns what it printed."""
        command = [self.arguments.crumb, *map(str, words), "--json", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr.strip()}")
        return json.loads(done.stdout)

    def wanted(self, name):
        return not self.only or name in self.only

    def calibration_texts(self, name=""):
        """Wikipedia's training text, as peers use it for this test; not a line of it is tested on."""
        folder = self.data / "calibration"
        texts = ["--calibration-text", folder / "wiki_demo.txt"]
        if "all text" not in name:
            return texts
        documents = self.work / "c4_demo.txt"
        lines = (folder / "c4_demo.jsonl").read_text(encoding="utf-8").splitlines()
        documents.write_text("\n\n".join(json.loads(line)["text"] for line in lines if line),
                             encoding="utf-8")
        return [*texts, "--calibration-text", documents]

    def quantize(self, model, name, options, texts):
        """The folder, the two figures of bits and the seconds (None: it was there before)."""
        folder = self.work / name.replace(" ", "-")
        seconds = None
        if not folder.exists():
            started = time.monotonic()
            self.crumb("quantize", model, "-o", folder, *options, *texts)
            seconds = time.monotonic() - started
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return folder, manifest["matrix_bits_per_weight"], manifest["total_bits_per_weight"], seconds

    def eval(self, model, reference, text, windows):
        result = self.crumb("eval", model, "--reference", reference, "--text", text, "--windows",
                            windows, "--activations", "float32")
        return result[0]


def interval(value, low, high, digits=3):
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def header(*cells):
    row(*cells)
    row(*["---"] * len(cells))


def scores(score):
    def between(key, digits):
        return interval(score[key], score[key + "_low"], score[key + "_high"], digits)
    return (f"{score['perplexity']:.2f}", between("perplexity_ratio", 3), between("kl_divergence", 4),
            f"{100 * score['top_token_agreement']:.1f} %")


def smollm2(bench):
    windows = 0 if bench.arguments.full else bench.arguments.windows
    text = bench.data / "wikitext-2-raw" / "wiki.test.raw"
    print(f"\nSmolLM2-135M-Instruct, WikiText-2 raw test, {windows or 'all'} windows; the reference is "
          "a 4-bit file decoded to float16; float activations\n")
    header("blocks, table at 4 bits", "matrix bits", "total bits", "perplexity", "ratio",
           "KL, nats", "same top token", "seconds to make")
    for name, options in SMOLLM2:
        if not bench.wanted(name):
            continue
        texts = bench.calibration_texts(name)
        folder, matrix, total, seconds = bench.quantize("smollm2", name, options, texts)
        score = bench.eval(folder, "smollm2", text, windows)
        row(name, f"{matrix:.3f}", f"{total:.3f}", *scores(score),
            "-" if seconds is None else f"{seconds:.0f}")
    if bench.wanted("peer"):
        peer(bench, text, windows)


def peer(bench, text, windows):
    if not bench.arguments.peer_python:
        row("llama.cpp Q2_0", "not measured: no --peer-python", *[""] * 6)
        return
    source = bench.crumb("pull", "smollm2")["path"]
    plain, packed = bench.work / "plain.gguf", bench.work / "q2_0.gguf"
    if not packed.exists():
        subprocess.run([bench.arguments.peer_python, "-c", PEER, source, plain, packed], check=True,
                       capture_output=True)
        plain.unlink()
    score = bench.eval(packed, "smollm2", text, windows)
    total = 8 * packed.stat().st_size / bench.crumb("inspect", packed)["model"]["parameters"]
    # 64 weights in 18 bytes.
    row("llama.cpp Q2_0, table Q4_0", f"{8 * 18 / 64:.3f}", f"{total:.3f}", *scores(score), "-")


def babyllama(bench):
    model = bench.data.parent / "models" / "babyllama-tok105-0.94M"
    if not model.is_dir():
        print(f"\nBabyLlama: not measured, there is no {model.name} beside the data")
        return
    text = bench.data / "tinystories" / "tinystories_val.txt"
    texts = ["--calibration-text", bench.data / "tinystories" / "tinystories_10k.txt"]
    print("\nBabyLlama (float32 file), TinyStories validation, 40 windows; float activations\n")
    header("blocks, table at 4 bits", "matrix bits", "total bits", "perplexity", "ratio",
           "KL, nats", "same top token", "seconds to make")
    for width, options in FLOAT_MODELS:
        name = f"babyllama {width}"
        if not bench.wanted(name):
            continue
        folder, matrix, total, seconds = bench.quantize(model, name, options, texts)
        score = bench.eval(folder, model, text, 40)
        row(width, f"{matrix:.3f}", f"{total:.3f}", *scores(score),
            "-" if seconds is None else f"{seconds:.0f}")


def minilm(bench):
    output = bench.work / "minilm-study"
    widths = [width for width, _ in FLOAT_MODELS if bench.wanted(f"minilm {width}")]
    if not widths:
        return
    # Calibrated on the default text: it has the lines that sentences are made of.
    bench.crumb("study", "minilm", "-o", output, "--quick", "--bits", ",".join(widths))
    print("\nMiniLM (float32 file), STS-B test set, 1379 pairs\n")
    header("variant", "Spearman")
    study = json.loads((output / "study.json").read_text(encoding="utf-8"))
    for subject in study["subjects"]:
        for one in subject["rows"]:
            if one["metric"] == "stsb_spearman":
                row(one["subject"], interval(one["value"], one["low"], one["high"]))


def main():
    bench = Bench(parse())
    smollm2(bench)
    babyllama(bench)
    minilm(bench)


if __name__ == "__main__":
    main()
