#!/usr/bin/env python3
"""Runs lm-evaluation-harness itself beside `crumb eval --task` and compares item by item.

usage: compare_harness.py --peer-python PYTHON --model FILE.gguf [--crumb PATH] [--data DIR]
                          [--tasks NAME,...] [--limit N] [--work DIR]

Both sides read the same GGUF file and the same items. The harness brings its own task definitions,
prompts, splitting of tokens, filters and metrics; its model is llama.cpp. Only where a task's items
come from is changed: the local files, written as the harness's data sets have them. HellaSwag's local
file is what the harness's process_docs gives, so that step is left out.
Printed for each task and metric: both scores, items whose texts differ, items decided
differently with their margin, the largest difference of a log-likelihood. A text that differs, or
a decision whose margin is over twice that difference, makes the exit code 1. Of gsm8k (generated) the
items that only one side has right are told; two engines may part at a near tie, so they make no error.

PYTHON has llama-cpp-python (tools/bench_peers.py says how to build it) and `pip install lm_eval`.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import compare_tasks

TASKS = ("piqa", "winogrande", "hellaswag", "boolq", "sst2", "gsm8k")


# --- the local files as the harness's data sets -----------------------------------------------------

def read_json_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def piqa(data):
    labels = (data / "piqa/valid-labels.lst").read_text().split()
    for row, label in zip(read_json_lines(data / "piqa/valid.jsonl"), labels):
        yield {**row, "label": int(label)}


def winogrande(data):
    for row in read_json_lines(data / "winogrande/winogrande.jsonl"):
        first, second = row["context_options"]
        prefix = os.path.commonprefix([first, second])
        prefix = prefix[:prefix.rindex(" ") + 1] if " " in prefix else ""
        yield {"sentence": prefix + "_ " + row["continuation"], "option1": first[len(prefix):],
               "option2": second[len(prefix):], "answer": str(row["gold"] + 1)}


def hellaswag(data):
    lines = (data / "hellaswag/hellaswag_val_full.txt").read_text(encoding="utf-8").split("\n")
    for i in range(0, len(lines) - 5, 6):
        yield {"query": lines[i], "label": int(lines[i + 1]), "choices": lines[i + 2:i + 6]}


def boolq(data):
    for row in read_json_lines(data / "boolq/boolq.jsonl"):
        passage, question = row["query"].removeprefix("Passage: ").rsplit("\nQuestion: ", 1)
        yield {"passage": passage, "question": question.removesuffix("?"), "label": row["gold"]}


def sst2(data):
    lines = (data / "sst2/dev.tsv").read_text(encoding="utf-8").splitlines()
    for line in lines[1:] if lines[0].endswith("label") else lines:
        text, label = line.rsplit("\t", 1)
        yield {"sentence": text, "label": int(label)}


def gsm8k(data):
    yield from read_json_lines(data / "gsm8k/test.jsonl")


# --- the harness's side: runs under --peer-python with --serve -------------------------------------

def serve(model, data, tasks, limit, threads, folder):
    os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
    import lm_eval
    import lm_eval.tasks
    from lm_eval.api.model import TemplateLM

    class Model(TemplateLM):
        """Tokens and logits of llama.cpp; everything else is the harness's."""

        backend = "causal"

        def __init__(self):
            super().__init__()
            self.peer = compare_tasks.LlamaCpp(model, threads)

        @property
        def eot_token_id(self):
            return self.peer.llm.token_eos()

        def tok_encode(self, string, add_special_tokens=None, **kwargs):
            return self.peer.tokens(string)

        def _loglikelihood_tokens(self, requests, disable_tqdm=False, **kwargs):
            return [self.peer.log_likelihood(context + continuation, len(context))
                    for _, context, continuation in requests]

        def loglikelihood_rolling(self, requests, disable_tqdm=False):
            raise NotImplementedError

        def generate_until(self, requests, disable_tqdm=False):
            results = []
            for request in requests:
                context, options = request.args
                tokens = self.tok_encode(context)
                length = options.get("max_gen_toks", 256)
                answer = b""
                self.peer.llm.reset()
                for count, token in enumerate(self.peer.llm.generate(tokens, temp=0.0, top_k=1)):
                    if count == length or token == self.peer.llm.token_eos():
                        break
                    answer += self.peer.llm.detokenize([token])
                    if any(stop.encode() in answer for stop in options["until"]):
                        break
                text = answer.decode(errors="replace")
                for stop in options["until"]:
                    text = text.split(stop)[0]
                results.append(text)
            return results

    folder = pathlib.Path(folder)
    index = lm_eval.tasks.TaskManager().task_index
    definitions = []
    for task in tasks:
        path = folder / f"{task}.jsonl"
        with path.open("w", encoding="utf-8") as out:
            for row in globals()[task](pathlib.Path(data)):
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
        files = {"test" if task == "gsm8k" else "validation": str(path)}
        # The harness's own definition, but for where its items come from.
        config = {"include": str(index[task].yaml_path), "dataset_path": "json", "dataset_name": None,
                  "training_split": None, "dataset_kwargs": {"data_files": files}}
        if task == "gsm8k":  # the examples are the first records, as in crumb's task file
            rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
            files["train"] = str(folder / "gsm8k_train.jsonl")
            pathlib.Path(files["train"]).write_text("".join(rows[:5]), encoding="utf-8")
            path.write_text("".join(rows[5:]), encoding="utf-8")
            config |= {"training_split": "train", "fewshot_split": "train", "fewshot_config": {"sampler": "first_n"}}
        if task == "hellaswag":
            config["process_docs"] = None
        definition = folder / f"{task}.yaml"
        definition.write_text(json.dumps(config))  # JSON is YAML
        definitions.append(str(definition))
    results = lm_eval.simple_evaluate(model=Model(), tasks=definitions, limit=limit, log_samples=True,
                                      bootstrap_iters=0)
    samples = {}
    for task, items in results["samples"].items():
        samples[task] = [{key: value for key, value in item.items() if key != "doc"} for item in items]
    (folder / "harness.json").write_text(json.dumps(
        {"samples": samples, "results": results["results"], "version": lm_eval.__version__}, default=str))


# --- comparison --------------------------------------------------------------------------------------

def arguments_of(item):
    """Contexts and continuations of one item of the harness, in order."""
    given = item["arguments"]
    if isinstance(given, dict):
        return [[part["arg_0"], part["arg_1"]] for part in given.values()]
    return [list(part)[:2] for part in given]


def compare_likelihoods(ours, theirs):
    report = {"texts": [], "largest": 0.0, "metrics": {}}
    scores = []
    for own, other in zip(ours, theirs):
        if [list(pair) for pair in own["arguments"]] != arguments_of(other):
            report["texts"].append(own["doc_id"])
            continue
        mine = [value for value, _ in own["resps"]]
        hers = [float(response[0]) for response in other["filtered_resps"]]
        report["largest"] = max([report["largest"]] + [abs(a - b) for a, b in zip(mine, hers)])
        scores.append((own, other, mine, hers))
    for metric in ("acc", "acc_norm"):
        if metric not in ours[0]:
            continue
        entry = {"ours": 0.0, "theirs": 0.0, "differ": []}
        for own, other, mine, hers in scores:
            entry["ours"] += own[metric]
            entry["theirs"] += float(other[metric])
            by = [1 if metric == "acc" else len(text) - 1 for _, text in own["arguments"]]
            best = [max(range(len(by)), key=lambda i: side[i] / by[i]) for side in (mine, hers)]
            if best[0] != best[1] or own[metric] != float(other[metric]):
                margin = (mine[best[0]] / by[best[0]] - mine[best[1]] / by[best[1]]) * min(by)
                entry["differ"].append((own["doc_id"], margin))
        report["metrics"][metric] = entry
    return report


def compare_generated(ours, theirs):
    """By filter (strict-match, flexible-extract): right answers of both, items that only one has right."""
    report = {}
    own = {item["doc_id"]: item for item in ours}
    for item in theirs:
        entry = report.setdefault(item["filter"], {"ours": 0.0, "theirs": 0.0, "differ": []})
        mine, hers = own[item["doc_id"]]["exact_match," + item["filter"]], float(item["exact_match"])
        entry["ours"] += mine
        entry["theirs"] += hers
        if mine != hers:
            entry["differ"].append(item["doc_id"])
    return report


def main():
    arguments = compare_tasks.parse_arguments(__doc__.splitlines()[0], "piqa,winogrande,hellaswag,boolq,sst2")
    unknown = set(arguments.tasks.split(",")) - set(TASKS)
    if unknown or not arguments.data:
        sys.exit(f"compare_harness.py: {'unknown tasks ' + ', '.join(unknown) if unknown else 'no --data'}")

    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(arguments.work or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        compare_tasks.run_crumb(arguments, str(folder))
        subprocess.run([arguments.peer_python, __file__, "--serve", arguments.model, arguments.data,
                        arguments.tasks, str(arguments.limit), str(arguments.threads), str(folder)],
                       check=True, stdout=sys.stderr)
        harness = json.loads((folder / "harness.json").read_text())
        failed = False
        print(f"lm-evaluation-harness {harness['version']} on llama.cpp\n")
        print("| task | items | metric | crumb, % | harness, % | texts that differ | decided differently | "
              "largest difference, nats |")
        print("| --- | ---: | --- | ---: | ---: | ---: | --- | ---: |")
        for task in arguments.tasks.split(","):
            name = f"samples_{task}_{pathlib.Path(arguments.model).name}.jsonl"
            ours = read_json_lines(folder / name)
            theirs = harness["samples"][task]
            if task == "gsm8k":
                for name, entry in compare_generated(ours, theirs).items():
                    count = len(ours)
                    print(f"| {task} | {count} | {name} | {100 * entry['ours'] / count:.1f} | "
                          f"{100 * entry['theirs'] / count:.1f} | - | "
                          f"{entry['differ'] or 'none'} | - |")
                continue
            theirs = sorted(theirs, key=lambda item: item["doc_id"])
            report = compare_likelihoods(ours, theirs)
            failed |= bool(report["texts"]) or len(ours) != len(theirs)
            count = len(ours)
            for metric, entry in report["metrics"].items():
                text = ", ".join(f"{i} (margin {margin:.4f})" for i, margin in entry["differ"]) or "none"
                failed |= any(margin > 2 * report["largest"] for _, margin in entry["differ"])
                print(f"| {task} | {count} | {metric} | {100 * entry['ours'] / count:.1f} | "
                      f"{100 * entry['theirs'] / count:.1f} | {len(report['texts'])} | {text} | "
                      f"{report['largest']:.4f} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) == 8 and sys.argv[1] == "--serve":
        serve(sys.argv[2], sys.argv[3], sys.argv[4].split(","), int(sys.argv[5]), int(sys.argv[6]), sys.argv[7])
    else:
        sys.exit(main())
