#!/usr/bin/env python3
"""Shows that the memory of `crumb quantize` does not grow with the number of layers.

usage: measure_memory.py BINARY [--layers 12 48] [--hidden N] [--inner N] [--windows N] [--folder DIR]
                         [-- OPTIONS OF crumb quantize]

Makes a Llama of random float16 weights for each number of layers, quantizes it to 2 bits, looks at
/proc/PID/status a few times a second, and prints the most anonymous and the most file-backed memory that
was resident, in MB of a million bytes. The default is 21 MB a layer: 1.0 GB with 48 layers. Needs that
much disk in DIR (a temporary folder), which is removed at the end.
"""

import argparse
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKENIZER = ROOT / "src/model/testdata/llama"
HEADS = 16


class Weights:
    """Float16 numbers: one block of Gaussian ones, begun at another place for each tensor."""

    def __init__(self):
        numbers = random.Random(1)
        self.block = struct.pack("<1000003e", *(numbers.gauss(0, 0.03) for _ in range(1000003)))
        self.at = 0

    def write(self, file, count):
        left = 2 * count
        while left > 0:
            part = self.block[self.at:self.at + left]
            file.write(part)
            left -= len(part)
            self.at = (self.at + len(part)) % len(self.block)


def tensors_of(config):
    """Pairs (name, shape); vectors are norms."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    yield "model.embed_tokens.weight", [config["vocab_size"], hidden]
    for layer in range(config["num_hidden_layers"]):
        stem = f"model.layers.{layer}."
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield f"{stem}self_attn.{name}.weight", [hidden, hidden]
        yield f"{stem}mlp.gate_proj.weight", [inner, hidden]
        yield f"{stem}mlp.up_proj.weight", [inner, hidden]
        yield f"{stem}mlp.down_proj.weight", [hidden, inner]
        yield f"{stem}input_layernorm.weight", [hidden]
        yield f"{stem}post_attention_layernorm.weight", [hidden]
    yield "model.norm.weight", [hidden]


def make_model(folder, layers, hidden, inner):
    folder.mkdir()
    config = json.loads((TOKENIZER / "config.json").read_text())
    config.update(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
                  num_attention_heads=HEADS, num_key_value_heads=HEADS, head_dim=hidden // HEADS,
                  max_position_embeddings=512, tie_word_embeddings=True)
    config.pop("rope_scaling")
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(TOKENIZER / "tokenizer.json", folder)
    header, end = {}, 0
    for name, shape in tensors_of(config):
        begin, end = end, end + 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    weights = Weights()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in tensors_of(config):
            if len(shape) > 1:
                weights.write(file, shape[0] * shape[1])
            else:
                file.write(struct.pack("<e", 1) * shape[0])
    return end


def peak_memory(command):
    """Most bytes resident of each kind while the command runs, and its seconds."""
    peak = {"RssAnon": 0, "RssFile": 0}
    start = time.time()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
        except OSError:
            break
        for line in status.splitlines():
            key, _, value = line.partition(":")
            if key in peak:
                peak[key] = max(peak[key], 1024 * int(value.split()[0]))
        time.sleep(0.1)
    if child.wait() != 0:
        sys.exit(f"exit code {child.returncode}: {' '.join(map(str, command))}")
    return peak["RssAnon"], peak["RssFile"], time.time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--layers", type=int, nargs="+", default=[12, 48])
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--inner", type=int, default=2048)
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--folder")
    own = sys.argv[1:]
    options = []  # argparse would take them for its own
    if "--" in own:
        options = own[own.index("--") + 1:]
        own = own[:own.index("--")]
    arguments = parser.parse_args(own)
    print("| layers | weights, MB | anonymous, MB | of files, MB | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for layers in arguments.layers:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            folder = pathlib.Path(name)
            size = make_model(folder / "model", layers, arguments.hidden, arguments.inner)
            text = folder / "text.txt"
            text.write_text("".join(f"Day {i}: the boat went down the river and the children sang.\n"
                                    for i in range(200 * arguments.windows)))
            anonymous, files, seconds = peak_memory(
                [arguments.binary, "quantize", folder / "model", "-o", folder / "packed", "--bits", "2",
                 "--calibration-text", text, "--calibration-windows", str(arguments.windows), "--quiet",
                 *options])
        print(f"| {layers} | {size / 1e6:.0f} | {anonymous / 1e6:.0f} | {files / 1e6:.0f} | {seconds:.0f} |",
              flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
