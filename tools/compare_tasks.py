#!/usr/bin/env python3
"""Answers the items of `crumb eval --task ... --samples DIR` with llama.cpp and compares item by item.

usage: compare_tasks.py --peer-python PYTHON --model FILE.gguf [--crumb PATH] [--data DIR]
                        [--tasks NAME,...] [--limit N] [--work DIR]

Both sides read the same GGUF file. crumb runs first (float activations, keys and values in float32,
as llama.cpp is told to) and writes its items: contexts, continuations, log-likelihoods. The other
side makes tokens of the texts with llama.cpp's own tokenizer by lm-evaluation-harness's rules (the
whole at once, scored from the length of the context's tokens on), takes log-softmax of llama.cpp's
logits and chooses by acc and acc_norm. Printed: accuracies of both, items decided differently, each
with its margin (by how much crumb's choice leads the other's, in nats) beside the largest difference
of a log-likelihood; a different decision whose margin is over twice that difference is an error and
the exit code is 1.

PYTHON has llama-cpp-python and numpy; tools/bench_peers.py says how to build it.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


# --- the other side: runs under --peer-python with --serve ---------------------------------------

class LlamaCpp:
    """llama.cpp on a GGUF file, keys and values in float32."""

    def __init__(self, model, threads):
        import llama_cpp

        self.llm = llama_cpp.Llama(model_path=model, n_ctx=4096, n_batch=512, logits_all=True, verbose=False,
                                   n_threads=threads, n_threads_batch=threads,
                                   type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32)
        vocab = llama_cpp.llama_model_get_vocab(self.llm.model)
        self.adds_bos = llama_cpp.llama_vocab_get_add_bos(vocab)

    def tokens(self, text):
        return self.llm.tokenize(text.encode(), add_bos=self.adds_bos, special=False)

    def log_likelihood(self, whole, first):
        """That of the tokens from `first` on behind those before, and whether each is the likeliest."""
        import numpy

        self.llm.reset()
        self.llm.eval(whole[:-1])
        logits = numpy.array(self.llm.scores[first - 1:len(whole) - 1], dtype=numpy.float64)
        top = logits.max(axis=1, keepdims=True)
        log_sum = numpy.log(numpy.exp(logits - top).sum(axis=1)) + top[:, 0]
        rows = numpy.arange(len(whole) - first)
        greedy = bool((logits.argmax(axis=1) == whole[first:]).all())
        return float((logits[rows, whole[first:]] - log_sum).sum()), greedy


def serve(model, threads):
    peer = LlamaCpp(model, threads)
    for line in sys.stdin:
        context, continuation = json.loads(line)
        whole = peer.tokens(context + continuation)
        print(peer.log_likelihood(whole, len(peer.tokens(context.rstrip())))[0], flush=True)


# --- this side ------------------------------------------------------------------------------------

def pick(likelihoods, lengths):
    scores = [value / length for value, length in zip(likelihoods, lengths)]
    return scores.index(max(scores))


def run_crumb(arguments, folder):
    command = [arguments.crumb, "eval", arguments.model, "--task", arguments.tasks, "--limit",
               str(arguments.limit), "--samples", folder, "--activations", "float32", "--kv", "float32",
               "--quiet"]
    if arguments.data:
        command += ["--data", arguments.data]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def compare(items, ask):
    """Returns a report of one task: counts, largest difference, decisions that differ."""
    report = {"items": len(items), "largest": 0.0, "differ": []}
    right = {"acc": [0, 0], "acc_norm": [0, 0]}
    for item in items:
        ours = [likelihood for likelihood, _ in item["resps"]]
        theirs = [ask(argument) for argument in item["arguments"]]
        report["largest"] = max([report["largest"]] + [abs(a - b) for a, b in zip(ours, theirs)])
        lengths = [len(continuation) - 1 for _, continuation in item["arguments"]]
        for metric, by in (("acc", [1] * len(ours)), ("acc_norm", lengths)):
            if metric not in item:
                continue
            choices = pick(ours, by), pick(theirs, by)
            for side in (0, 1):
                right[metric][side] += choices[side] == item["target"]
            assert (choices[0] == item["target"]) == bool(item[metric]), item["doc_id"]
            if choices[0] != choices[1]:
                margin = (ours[choices[0]] / by[choices[0]] - ours[choices[1]] / by[choices[1]])
                margin *= min(by[choices[0]], by[choices[1]])
                report["differ"].append((metric, item["doc_id"], margin))
    report["right"] = {metric: counts for metric, counts in right.items() if metric in items[0]}
    return report


def parse_arguments(description, tasks):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--crumb", default=str(ROOT / "build/release/crumb"))
    parser.add_argument("--data", default=os.environ.get("CRUMB_DATA"),
                        help="folder of the data sets; default CRUMB_DATA")
    parser.add_argument("--tasks", default=tasks)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--work", help="folder to keep the items in")
    return parser.parse_args()


def main():
    arguments = parse_arguments(__doc__.splitlines()[0], "hellaswag,piqa,winogrande")

    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.work or scratch
        run_crumb(arguments, folder)
        peer = subprocess.Popen([arguments.peer_python, __file__, "--serve", arguments.model,
                                 str(arguments.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)

        def ask(argument):
            peer.stdin.write(json.dumps(argument) + "\n")
            peer.stdin.flush()
            answer = peer.stdout.readline()
            if not answer:
                sys.exit("compare_tasks.py: llama.cpp's side ended; its messages stand above")
            return float(answer)

        failed = False
        print("| task | items | metric | crumb, % | llama.cpp, % | decided differently | "
              "largest difference, nats |")
        print("| --- | ---: | --- | ---: | ---: | --- | ---: |")
        for task in arguments.tasks.split(","):
            name = f"samples_{task}_{pathlib.Path(arguments.model).name}.jsonl"
            lines = (pathlib.Path(folder) / name).read_text(encoding="utf-8").splitlines()
            report = compare([json.loads(line) for line in lines], ask)
            for metric, (ours, theirs) in report["right"].items():
                differ = [d for d in report["differ"] if d[0] == metric]
                text = ", ".join(f"{i} (margin {margin:.4f})" for _, i, margin in differ) or "none"
                print(f"| {task} | {report['items']} | {metric} | {100 * ours / report['items']:.1f} | "
                      f"{100 * theirs / report['items']:.1f} | {text} | {report['largest']:.4f} |",
                      flush=True)
                failed |= any(margin > 2 * report["largest"] for _, _, margin in differ)
        peer.stdin.close()
        peer.wait()
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(main())
