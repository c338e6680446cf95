#!/usr/bin/env python3
"""Times the same model and the same work with crumb and with llama.cpp, by turns, and prints one table.

usage: bench_peers.py --peer-python PYTHON [--crumb PATH] [--work DIR] [--rounds N] [--threads N]
                      [--only NAME,...] [--activations int8|float32] [--isa NAME] [--json FILE]

Model: SmolLM2-135M-Instruct. Work, as llama-bench's tg128 and pp512:
  generation  128 tokens, one at a time, each with logits, behind one token
  prompt      512 tokens at once, logits of the last
Rows compare a type of crumb with a type of llama.cpp; both were made from the same file, llama.cpp's by
its own llama_model_quantize. Embedding and head (one table) have the width of the blocks on both
sides, 4 bits for trellises; llama.cpp's own choice for Q4_0, a table at 8 bits, is a row of its own.

PYTHON is one that has llama-cpp-python, built on this machine for this machine:
  python3 -m venv VENV
  CMAKE_ARGS="-DGGML_NATIVE=ON" VENV/bin/pip install --no-binary llama-cpp-python llama-cpp-python
Where that crashes in its AMX code, build it without, and the table says so:
  CMAKE_ARGS="-DGGML_NATIVE=ON -DGGML_AMX_TILE=OFF -DGGML_AMX_INT8=OFF -DGGML_AMX_BF16=OFF" ...

--isa NAME has crumb use that kernel set. A fair partner is built for no more than it, for avx2:
  CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON" \
    VENV/bin/pip install --no-cache-dir --no-binary llama-cpp-python llama-cpp-python
(without --no-cache-dir pip takes a wheel that it built before for this machine). What llama.cpp says
it was built for stands under the table's heading.

In each round every model of both sides runs once, after a run to warm up, crumb and llama.cpp in
turns; a ratio is the median of the ratios within a round, with the quartiles. llama.cpp runs in one
process, driven by llama_decode on batches that were prepared before; only these calls are timed.
Only the standard library is used on this side.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GENERATED = 128
PROMPT = 512

# Speed does not depend on the values of the weights, so little is spent on choosing them.
QUICK = ["--calibration-windows", "8", "--no-tuning"]
# Name, what crumb quantize gets (None: the model as it is, decoded to float16), and the peer's type.
OURS = [
    ("f16", None, "F16"),
    ("int8", ["--bits", "8", "--method", "rtn", "--embedding-bits", "8"], "Q8_0"),
    ("int4", ["--bits", "4", "--method", "rtn", "--embedding-bits", "4"], "Q4_0"),
    ("trellis4", ["--bits", "4", "--embedding-bits", "4", *QUICK], "Q4_0"),
    ("trellis3", ["--bits", "3", "--embedding-bits", "4", *QUICK], "Q4_0"),
    ("trellis2", ["--bits", "2", "--embedding-bits", "4", *QUICK], "Q4_0"),
]
# Name, llama_ftype and ggml_type of the table by the names of llama.h; None: llama.cpp's choice.
PEERS = [
    ("F16", "LLAMA_FTYPE_MOSTLY_F16", "GGML_TYPE_F16"),
    ("Q8_0", "LLAMA_FTYPE_MOSTLY_Q8_0", "GGML_TYPE_Q8_0"),
    ("Q4_0", "LLAMA_FTYPE_MOSTLY_Q4_0", "GGML_TYPE_Q4_0"),
    ("Q4_0, table at 8 bits", "LLAMA_FTYPE_MOSTLY_Q4_0", None),
]


# --- the other side: runs under --peer-python with --serve ---------------------------------------


class PeerServer:
    """Answers requests, one JSON object a line: quantize, load, prompt, generation."""

    def __init__(self):
        import llama_cpp.llama_cpp as llama
        self.llama = llama
        self.log = llama.llama_log_callback(lambda level, text, data: None)
        llama.llama_log_set(self.log, None)
        llama.llama_backend_init()
        self.models = {}

    def quantize(self, source, target, ftype, table):
        import ctypes
        llama = self.llama
        options = llama.llama_model_quantize_default_params()
        options.ftype = getattr(llama, ftype)
        options.allow_requantize = True
        if table:
            options.token_embedding_type = options.output_tensor_type = getattr(llama, table)
        code = llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(options))
        if code != 0:
            raise RuntimeError(f"llama_model_quantize gave {code}")

    def load(self, path, threads):
        llama = self.llama
        model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not model:
            raise RuntimeError(f"{path} was not loaded")
        options = llama.llama_context_default_params()
        options.n_ctx = PROMPT + 64
        options.n_batch = options.n_ubatch = PROMPT
        options.n_threads = options.n_threads_batch = threads
        context = llama.llama_init_from_model(model, options)
        words = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        self.models[path] = context, words

    def batch(self, tokens, first):
        """A batch of one sequence with logits of the last token."""
        batch = self.llama.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = first + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = i + 1 == len(tokens)
        return batch

    def decode(self, path, batches):
        """Seconds that the batches take, one after another."""
        llama = self.llama
        context, _ = self.models[path]
        start = time.perf_counter()
        for batch in batches:
            if llama.llama_decode(context, batch) != 0:
                raise RuntimeError("llama_decode failed")
        llama.llama_synchronize(context)
        return time.perf_counter() - start

    def clear(self, path):
        context, _ = self.models[path]
        self.llama.llama_memory_clear(self.llama.llama_get_memory(context), True)

    def tokens(self, path, count):
        """Spread over the vocabulary as crumb bench does."""
        return [(i * 7919 + 17) % self.models[path][1] for i in range(count)]

    def prompt(self, path):
        batch = self.batch(self.tokens(path, PROMPT), 0)
        self.clear(path)
        seconds = self.decode(path, [batch])
        self.llama.llama_batch_free(batch)
        return PROMPT / seconds

    def generation(self, path):
        batches = [self.batch([token], i) for i, token in
                   enumerate(self.tokens(path, GENERATED + 1))]
        self.clear(path)
        self.decode(path, batches[:1])
        seconds = self.decode(path, batches[1:])
        for batch in batches:
            self.llama.llama_batch_free(batch)
        return GENERATED / seconds

    def about(self):
        import llama_cpp
        return {"version": llama_cpp.__version__,
                "system": self.llama.llama_print_system_info().decode()}

    def run(self):
        for line in sys.stdin:
            request = json.loads(line)
            result = getattr(self, request.pop("do"))(**request)
            print(json.dumps(result), flush=True)


# --- this side -----------------------------------------------------------------------------------


class Peer:
    """llama.cpp in a process of its own."""

    def __init__(self, python):
        self.process = subprocess.Popen([python, __file__, "--serve"], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, do, **arguments):
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            error = self.process.stderr.read().strip().splitlines() or ["no message"]
            sys.exit(f"llama.cpp ended with {self.process.wait()} in \"{do}\": {error[-1]}\n"
                     "If it crashed in AMX code, build it without (see --help).")
        return json.loads(line)


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = pathlib.Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.source = self.crumb("pull", "smollm2")["path"]
        self.bandwidth = []
        self.kernels = ""

    def crumb(self, *words):
        """Runs crumb with --json and returns what it printed."""
        command = [self.arguments.crumb, *map(str, words), "--json", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr.strip()}")
        return json.loads(done.stdout)

    def make_ours(self, name, options):
        if options is None:
            return "smollm2"
        folder = self.work / name
        if not folder.exists():
            say(f"making {name}")
            self.crumb("quantize", "smollm2", "-o", folder, *options)
        return folder

    def make_peers(self, peer, name, ftype, table):
        file = self.work / f"{name.replace(',', '').replace(' ', '-')}.gguf"
        if not file.exists():
            say(f"making {name}")
            peer.ask("quantize", source=str(self.source), target=str(file), ftype=ftype, table=table)
        return str(file)

    def run_ours(self, model):
        """Tokens a second: generation, prompt."""
        isa = ["--isa", self.arguments.isa] if self.arguments.isa else []
        result = self.crumb("bench", model, "-p", PROMPT, "-n", GENERATED, "--repetitions", 1, "--threads",
                            self.arguments.threads, "--activations", self.arguments.activations, *isa)
        self.bandwidth.append(result["read_bandwidth_bytes_per_second"])
        self.kernels = result["kernel_set"]
        row = result["models"][0]
        return (row["generation_tokens_per_second"]["median"], row["prompt_tokens_per_second"]["median"])

    def run_peer(self, peer, file):
        peer.ask("generation", path=file)  # to warm up
        peer.ask("prompt", path=file)
        return peer.ask("generation", path=file), peer.ask("prompt", path=file)


def say(text):
    print(text, file=sys.stderr, flush=True)


def spread(values, digits=2):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def ratio(ours, theirs):
    return spread([a / b for a, b in zip(ours, theirs)])


def cpu_name():
    fields = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name", "unknown CPU")
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']} model {fields.get('model', '?')})"
    has_amx = "amx_int8" in fields.get("flags", "").split()
    return name, has_amx


def measure(bench, peer):
    """Samples by name: (generation, prompt) tokens a second of each round."""
    arguments = bench.arguments
    only = [name for name in arguments.only.split(",") if name]
    ours = [one for one in OURS if not only or one[0] in only]
    theirs = [one for one in PEERS if any(one[0].startswith(mine[2]) for mine in ours)]
    models = {name: bench.make_ours(name, options) for name, options, _ in ours}
    files = {name: bench.make_peers(peer, name, ftype, table) for name, ftype, table in theirs}
    for file in files.values():
        peer.ask("load", path=file, threads=arguments.threads)
    runs = []
    for i in range(max(len(ours), len(theirs))):  # by turns
        if i < len(ours):
            runs.append((ours[i][0], lambda name: bench.run_ours(models[name])))
        if i < len(theirs):
            runs.append((theirs[i][0], lambda name: bench.run_peer(peer, files[name])))
    samples = {name: [] for name, _ in runs}
    for turn in range(arguments.rounds):
        say(f"round {turn + 1} of {arguments.rounds}")
        for name, run in runs if turn % 2 == 0 else reversed(runs):
            samples[name].append(run(name))
    return ours, samples, files


def print_table(bench, peer, ours, samples, files):
    about = peer.ask("about")
    name, has_amx = cpu_name()
    note = ", without AMX" if has_amx and "AMX_INT8 = 1" not in about["system"] else ""
    load = os.getloadavg()[0]
    print(f"\nSmolLM2-135M-Instruct, {name}, {bench.arguments.threads} threads, crumb's kernels: "
          f"{bench.kernels}, activations {bench.arguments.activations}; llama-cpp-python "
          f"{about['version']} built here{note}; {bench.arguments.rounds} rounds, median [quartiles]; read "
          f"bandwidth {spread([b / 1e9 for b in bench.bandwidth], 1)} GB/s; load average at the end {load:.1f}\n")
    print(f"llama.cpp: {about['system'].strip()}\n")
    print("| crumb | llama.cpp | generation, crumb | llama.cpp | ratio | prompt, crumb | llama.cpp | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")

    def column(of, which):
        return [sample[which] for sample in samples[of]]

    for mine, _, partner in ours:
        for other in files:
            if not other.startswith(partner):
                continue
            cells = [mine, other + note]
            for which in (0, 1):
                a, b = column(mine, which), column(other, which)
                cells += [spread(a, 1), spread(b, 1), ratio(a, b)]
            print("| " + " | ".join(cells) + " |")
    for mine, _, _ in ours:
        if mine.startswith("trellis") and "int4" in samples:
            print(f"\n{mine} against int4, generation: {ratio(column(mine, 0), column('int4', 0))}")
    return about


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default="")
    parser.add_argument("--crumb", default=str(ROOT / "build" / "release" / "crumb"))
    parser.add_argument("--work", default=str(ROOT / "build" / "bench-peers"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", default="", help="types of crumb, separated by commas")
    parser.add_argument("--activations", default="int8")
    parser.add_argument("--isa", default="", help="kernel set of crumb (its best)")
    parser.add_argument("--json", default="", help="file for all samples")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.serve:
        PeerServer().run()
        return
    if not arguments.peer_python:
        sys.exit(__doc__[__doc__.index("PYTHON is one"):__doc__.index("In each round")] +
                 "Then: make bench-peers PEERS=\"--peer-python VENV/bin/python\"")
    if arguments.rounds < 2:
        sys.exit(f"--rounds {arguments.rounds}: quartiles need at least 2 rounds")
    bench = Bench(arguments)
    peer = Peer(arguments.peer_python)
    ours, samples, files = measure(bench, peer)
    about = print_table(bench, peer, ours, samples, files)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(
            json.dumps({"cpu": cpu_name()[0], "threads": arguments.threads, "peer": about, "samples": samples,
                        "read_bandwidth_bytes_per_second": bench.bandwidth}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
